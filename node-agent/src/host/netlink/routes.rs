//! From what the kernel tells of routes and rules to plain data.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use multinic_agent_core::observed::{
    route::{Route, Rule},
    routing::NicRoute,
};
use multinic_crds::ROUTE_PROTOCOL;
use rtnetlink::packet_route::{
    AddressFamily,
    link::{InfoData, InfoVrf, LinkAttribute, LinkInfo, LinkMessage},
    route::{RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteProtocol, RouteType, RouteVia},
    rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage},
};

/// None where it is of neither family.
pub(super) fn route(message: &RouteMessage) -> Option<Route> {
    let header = &message.header;
    let mut table = u32::from(header.table);
    let mut destination = anywhere(header.address_family)?;
    let (mut links, mut gateways) = (BTreeSet::new(), BTreeSet::new());
    // What a cache answers is about one address, and does not tell the prefix.
    let told = !header.flags.contains(RouteFlags::Cloned);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Table(number) => table = *number,
            RouteAttribute::Destination(to) if told => {
                destination = IpNet::new(ip(to)?, header.destination_prefix_length).ok()?;
            }
            RouteAttribute::Oif(index) => drop(links.insert(*index)),
            RouteAttribute::MultiPath(hops) => {
                links.extend(hops.iter().map(|hop| hop.interface_index));
                gateways.extend(hops.iter().flat_map(|hop| &hop.attributes).filter_map(gateway));
            }
            other => gateways.extend(gateway(other)),
        }
    }
    let by_kernel = header.protocol == RouteProtocol::Kernel;
    Some(Route { destination, table, links, gateways, by_kernel })
}

/// The route as one over a NIC, with its protocol; none where it is not over one link alone, or not of a kind that we or a
/// host's files give.
pub(super) fn over_nic(message: &RouteMessage, route: &Route) -> Option<(NicRoute, u8)> {
    let protocol = message.header.protocol;
    let alone = route.links.len() == 1 && route.gateways.len() <= 1;
    let plain = message.header.kind == RouteType::Unicast && message.header.tos == 0;
    let metric = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Priority(metric) => Some(*metric),
        _ => None,
    });
    let found = NicRoute {
        destination: route.destination,
        via: route.gateways.first().copied(),
        metric: metric.unwrap_or_default(),
        table: route.table,
        on_link: message.header.flags.contains(RouteFlags::Onlink),
    };
    (may_be_ours(protocol) && alone && plain).then_some((found, protocol.into()))
}

/// Whether a route with this mark may be one that we gave, or that a host's files give to a NIC of ours.
pub(in crate::host) fn may_be_ours(protocol: RouteProtocol) -> bool {
    [RouteProtocol::from(ROUTE_PROTOCOL), RouteProtocol::Static, RouteProtocol::Boot].contains(&protocol)
}

/// The number of its next hop, where it has one. Where the kernel is told not to repeat the way
/// (`net.ipv4.nexthop_compat_mode`), that is all that it says of it.
pub(super) fn next_hop(message: &RouteMessage) -> Option<u32> {
    message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::NhId(number) => Some(*number),
        _ => None,
    })
}

fn gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(to) => ip(to),
        RouteAttribute::Via(RouteVia::Inet(v4)) => Some(IpAddr::V4(*v4)),
        RouteAttribute::Via(RouteVia::Inet6(v6)) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}

const fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}

fn anywhere(family: AddressFamily) -> Option<IpNet> {
    let ip = match family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    IpNet::new(ip, 0).ok()
}

/// None where it leads to no table.
pub(super) fn rule(message: &RuleMessage) -> Option<Rule> {
    let header = &message.header;
    let ipv6 = anywhere(header.family)?.addr().is_ipv6();
    if header.action != RuleAction::ToTable {
        return None;
    }
    let mut rule = Rule {
        ipv6,
        table: Some(header.table.into()),
        from: None,
        incoming: None,
        outgoing: None,
        inverted: header.flags.contains(RuleFlags::Invert),
        priority: 0,
        suppressed_prefix: None,
        is_narrowed: header.dst_len > 0 || header.tos > 0,
        is_to_one: header.dst_len == if ipv6 { 128 } else { 32 },
        is_marked: false,
    };
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Priority(number) => rule.priority = *number,
            // All bits set is how the kernel says that there is none.
            RuleAttribute::SuppressPrefixLen(bits) => {
                rule.suppressed_prefix = Some(*bits).filter(|bits| *bits < 129);
            }
            RuleAttribute::Protocol(protocol) => rule.is_marked = u8::from(*protocol) == ROUTE_PROTOCOL,
            RuleAttribute::FwMark(_)
            | RuleAttribute::TunId(_)
            | RuleAttribute::UidRange(_)
            | RuleAttribute::IpProtocol(_)
            | RuleAttribute::SourcePortRange(_)
            | RuleAttribute::DestinationPortRange(_)
            | RuleAttribute::Realm(_) => rule.is_narrowed = true,
            RuleAttribute::Table(number) => rule.table = Some(*number),
            RuleAttribute::Source(ip) => rule.from = IpNet::new(*ip, header.src_len).ok(),
            RuleAttribute::Iifname(name) => rule.incoming = Some(name.clone()),
            RuleAttribute::Oifname(name) => rule.outgoing = Some(name.clone()),
            _ => {}
        }
    }
    if message.attributes.iter().any(|attribute| matches!(attribute, RuleAttribute::L3MDev(true))) {
        rule.table = None;
    }
    Some(rule)
}

/// The routing table of a VRF.
pub(super) fn vrf_table(message: &LinkMessage) -> Option<u32> {
    let infos = message.attributes.iter().filter_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    });
    let data = infos.flatten().filter_map(|info| match info {
        LinkInfo::Data(InfoData::Vrf(attributes)) => Some(attributes),
        _ => None,
    });
    data.flatten().find_map(|attribute| match attribute {
        InfoVrf::TableId(table) => Some(*table),
        _ => None,
    })
}
