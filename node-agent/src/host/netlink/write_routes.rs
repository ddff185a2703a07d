//! One change of a route or a rule.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use multinic_agent_core::{
    attribute::Step,
    observed::routing::{NicRoute, SourceRule},
};
use multinic_crds::ROUTE_PROTOCOL;
use rtnetlink::{
    RouteMessageBuilder,
    packet_core::{NLM_F_CREATE, NLM_F_EXCL},
    packet_route::{
        AddressFamily, RouteNetlinkMessage,
        route::{RouteMessage, RouteProtocol, RouteScope},
        rule::{RuleAction, RuleAttribute, RuleMessage},
    },
};

use super::{NetlinkError, done_if, session::Session};

const ENOENT: i32 = 2;
const ESRCH: i32 = 3;

/// Makes the change that `step` asks for, where it is about a route or a rule.
pub(super) async fn apply(session: &Session, step: &Step) -> Result<(), NetlinkError> {
    // Of two routes to the same network with the same metric, the one of others must not be replaced.
    let new = NLM_F_CREATE | NLM_F_EXCL;
    match step {
        Step::AddRoute { index, route, protocol } => {
            let request = RouteNetlinkMessage::NewRoute(message(*index, route, (*protocol).into()));
            session.change(request, new).await
        }
        Step::RemoveRoute { index, route, protocol } => {
            let request = RouteNetlinkMessage::DelRoute(message(*index, route, (*protocol).into()));
            // Gone already, with an address or a link.
            done_if(ESRCH, session.change(request, 0).await)
        }
        Step::AddRule { index: _, rule } => {
            session.change(RouteNetlinkMessage::NewRule(rule_message(rule, true)), new).await
        }
        Step::RemoveRule { index: _, rule } => {
            let request = RouteNetlinkMessage::DelRule(rule_message(rule, false));
            done_if(ENOENT, session.change(request, 0).await)
        }
        _ => Ok(()),
    }
}

fn message(index: u32, route: &NicRoute, protocol: RouteProtocol) -> RouteMessage {
    match route.destination {
        IpNet::V4(net) => {
            let to = RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(net.addr(), net.prefix_len());
            match route.via {
                Some(IpAddr::V4(via)) => over(index, route, protocol, to.gateway(via)),
                // The kernel takes a next hop only for routes that lead further than the link.
                _ => over(index, route, protocol, to.scope(RouteScope::Link)),
            }
        }
        IpNet::V6(net) => {
            let to = RouteMessageBuilder::<Ipv6Addr>::new().destination_prefix(net.addr(), net.prefix_len());
            match route.via {
                Some(IpAddr::V6(via)) => over(index, route, protocol, to.gateway(via)),
                _ => over(index, route, protocol, to),
            }
        }
    }
}

/// What a message says in either family.
fn over<T>(
    index: u32,
    route: &NicRoute,
    protocol: RouteProtocol,
    to: RouteMessageBuilder<T>,
) -> RouteMessage {
    let to = to.output_interface(index).table_id(route.table).priority(route.metric).protocol(protocol);
    if route.on_link { to.onlink().build() } else { to.build() }
}

/// Marked, where it is a new one: what a host's files made has another mark, and is removed all the same.
fn rule_message(rule: &SourceRule, is_new: bool) -> RuleMessage {
    let SourceRule { from, priority, table, without_default } = rule;
    let mut message = RuleMessage::default();
    message.header.family = if from.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    message.header.src_len = if from.is_ipv6() { 128 } else { 32 };
    message.header.action = RuleAction::ToTable;
    message.attributes =
        vec![RuleAttribute::Source(*from), RuleAttribute::Priority(*priority), RuleAttribute::Table(*table)];
    message.attributes.extend(without_default.then_some(RuleAttribute::SuppressPrefixLen(0)));
    message.attributes.extend(is_new.then_some(RuleAttribute::Protocol(RouteProtocol::from(ROUTE_PROTOCOL))));
    message
}
