//! One change of the kernel.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use multinic_agent_core::{
    attribute::Step,
    observed::link::{Advertised, Ipv6, Manner},
};
use rtnetlink::{
    AddressMessageBuilder, LinkMessageBuilder, LinkUnspec, RouteMessageBuilder,
    packet_core::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE},
    packet_route::{
        RouteNetlinkMessage,
        address::{AddressAttribute, AddressFlags, AddressMessage, CacheInfo},
        link::{LinkAttribute, LinkMessage, Prop},
        route::{RouteMessage, RouteProtocol, RouteScope},
    },
};

use super::{Netlink, NetlinkError, done_if, session::Session, write_routes};

/// The sysctl that says which of a router's routes are taken.
const ROUTES: &str = "accept_ra_rt_info_max_plen";
const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const EADDRNOTAVAIL: i32 = 99;

impl Netlink {
    /// Makes one change. Repeating it does no harm.
    pub async fn apply(&self, step: &Step) -> Result<(), NetlinkError> {
        let session = Session::open()?;
        let set = async |link: LinkMessageBuilder<LinkUnspec>| {
            session.change(RouteNetlinkMessage::SetLink(link.build()), 0).await
        };
        match step {
            Step::SetUp { index } => set(LinkUnspec::new_with_index(*index).up()).await,
            Step::SetDown { index } => set(LinkUnspec::new_with_index(*index).down()).await,
            Step::Rename { index, to } => set(LinkUnspec::new_with_index(*index).name(to)).await,
            Step::SetMtu { index, bytes } => set(LinkUnspec::new_with_index(*index).mtu(*bytes)).await,
            Step::AddAltName { index, name } => {
                let request = RouteNetlinkMessage::NewLinkProp(alt_name(*index, name));
                let flags = NLM_F_EXCL | NLM_F_CREATE | NLM_F_APPEND;
                done_if(EEXIST, session.change(request, flags).await)
            }
            Step::DropAltName { index, name } => {
                let request = RouteNetlinkMessage::DelLinkProp(alt_name(*index, name));
                done_if(ENOENT, session.change(request, 0).await)
            }
            Step::SetIpv6 { index: _, name, to } => self.set_ipv6(name, *to),
            Step::AddAddress { index, net } => add(&session, address(*index, *net)).await,
            Step::RestoreAddress { index, net, manner } => {
                add(&session, restored(*index, *net, manner)).await
            }
            Step::RemoveAddress { index, net } => {
                let request = RouteNetlinkMessage::DelAddress(address(*index, *net));
                // Gone already: with its primary address, or when the link went down.
                done_if(EADDRNOTAVAIL, session.change(request, 0).await)
            }
            Step::AddSubnetRoute { index, net } => {
                let request = RouteNetlinkMessage::NewRoute(subnet_route(*index, *net));
                done_if(EEXIST, session.change(request, NLM_F_CREATE | NLM_F_EXCL).await)
            }
            Step::AddRoute { .. }
            | Step::RemoveRoute { .. }
            | Step::AddRule { .. }
            | Step::RemoveRule { .. } => write_routes::apply(&session, step).await,
        }
    }

    /// By sysctl: only that way the kernel makes a link-local address on a link that is up.
    fn set_ipv6(&self, name: &str, to: Ipv6) -> Result<(), NetlinkError> {
        let taken = to.advertised.map(|Advertised { addresses, default_route, routes, temporary }| {
            [
                ("autoconf", addresses),
                ("accept_ra_defrtr", default_route),
                (ROUTES, routes),
                ("use_tempaddr", temporary),
            ]
        });
        let mut all: Vec<(&str, i32)> = taken.into_iter().flatten().collect();
        // What is taken is set while nothing is heard.
        let first = if to.accept_ra == Ipv6::NO_RA { 0 } else { all.len() };
        all.insert(first, ("accept_ra", to.accept_ra));
        // With a link-local address the kernel asks for a router.
        all.push(("addr_gen_mode", to.addr_gen_mode.into()));
        for (key, value) in all {
            let path = Self::sysctl(name, key);
            let written = match self.sysctls.set(&path, &value.to_string()) {
                // A kernel that knows no routes of routers takes none.
                Err(error) if key == ROUTES && value == 0 && error.kind() == io::ErrorKind::NotFound => {
                    Ok(())
                }
                written => written,
            };
            written.map_err(|source| NetlinkError::Sysctl { path, source })?;
        }
        Ok(())
    }
}

async fn add(session: &Session, message: AddressMessage) -> Result<(), NetlinkError> {
    session.change(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_REPLACE).await
}

fn alt_name(index: u32, name: &str) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.push(LinkAttribute::PropList(vec![Prop::AltIfName(name.to_owned())]));
    message
}

fn address(index: u32, net: IpNet) -> AddressMessage {
    match net {
        IpNet::V4(v4) => {
            AddressMessageBuilder::<Ipv4Addr>::new().index(index).address(v4.addr(), v4.prefix_len()).build()
        }
        IpNet::V6(v6) => {
            AddressMessageBuilder::<Ipv6Addr>::new().index(index).address(v6.addr(), v6.prefix_len()).build()
        }
    }
}

/// An address as it was given before.
fn restored(index: u32, net: IpNet, manner: &Manner) -> AddressMessage {
    let Manner { peer, broadcast, label, scope, flags, metric, lifetimes } = manner;
    let mut message = address(index, net);
    message.header.scope = (*scope).into();
    let far = peer.unwrap_or_else(|| net.addr());
    message.attributes = vec![AddressAttribute::Local(net.addr()), AddressAttribute::Address(far)];
    message.attributes.extend(broadcast.map(AddressAttribute::Broadcast));
    message.attributes.extend(label.clone().map(AddressAttribute::Label));
    message.attributes.extend(metric.map(AddressAttribute::RoutePriority));
    if *flags != 0 {
        message.attributes.push(AddressAttribute::Flags(AddressFlags::from_bits_retain(*flags)));
    }
    if let Some((preferred, valid)) = *lifetimes {
        let mut times = CacheInfo::default();
        times.ifa_preferred = preferred;
        times.ifa_valid = valid;
        message.attributes.push(AddressAttribute::CacheInfo(times));
    }
    message
}

/// The kernel's metric for the route to the subnet of an IPv6 address.
const IPV6_METRIC: u32 = 256;

/// The route to the subnet of an address, as the kernel makes it.
fn subnet_route(index: u32, net: IpNet) -> RouteMessage {
    match net {
        IpNet::V4(v4) => RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(v4.network(), v4.prefix_len())
            .output_interface(index)
            .protocol(RouteProtocol::Kernel)
            .scope(RouteScope::Link)
            .pref_source(v4.addr())
            .build(),
        IpNet::V6(v6) => RouteMessageBuilder::<Ipv6Addr>::new()
            .destination_prefix(v6.network(), v6.prefix_len())
            .output_interface(index)
            .protocol(RouteProtocol::Kernel)
            .priority(IPV6_METRIC)
            .build(),
    }
}
