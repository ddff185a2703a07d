//! What the kernel's messages say.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ipnet::IpNet;
use multinic_agent_core::observed::link::{Address, AddressState, Advertised, Ipv6, Link, LinkKind, Manner};
use multinic_crds::MacAddress;
use rtnetlink::packet_route::{
    address::{AddressAttribute, AddressFlags, AddressMessage},
    link::{
        AfSpecInet6, AfSpecUnspec, InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage,
        Prop, State,
    },
};

pub(super) fn link(message: &LinkMessage) -> Link {
    let ethernet = message.header.link_layer_type == LinkLayerType::Ether;
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        alt_names: BTreeSet::new(),
        kind: if ethernet { LinkKind::Physical } else { LinkKind::NotEthernet },
        mac: None,
        permanent_mac: None,
        up: message.header.flags.contains(LinkFlags::Up),
        carrier: false,
        oper_state: "unknown".to_owned(),
        mtu: 0,
        mtu_range: (0, None),
        controller: None,
        lower: None,
        addresses: Vec::new(),
        routes: BTreeMap::new(),
        ipv6: None,
        ipv6_disabled: false,
        stable_secret: false,
        probing: Duration::ZERO,
    };
    let mut parent = None;
    let mut parent_elsewhere = false;
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::PropList(props) => link.alt_names.extend(props.iter().filter_map(alt_name)),
            LinkAttribute::Address(bytes) => link.mac = mac(bytes),
            LinkAttribute::PermAddress(bytes) => link.permanent_mac = mac(bytes),
            LinkAttribute::Mtu(bytes) => link.mtu = *bytes,
            LinkAttribute::MinMtu(bytes) => link.mtu_range.0 = *bytes,
            LinkAttribute::MaxMtu(bytes) => link.mtu_range.1 = Some(*bytes).filter(|most| *most > 0),
            LinkAttribute::Carrier(carrier) => link.carrier = *carrier > 0,
            LinkAttribute::OperState(state) => oper_state(*state).clone_into(&mut link.oper_state),
            LinkAttribute::Controller(index) => link.controller = Some(*index).filter(|index| *index > 0),
            LinkAttribute::Link(index) => parent = Some(*index).filter(|index| *index > 0),
            LinkAttribute::LinkNetNsId(_) => parent_elsewhere = true,
            LinkAttribute::LinkInfo(infos) => {
                if let Some(kind) = infos.iter().find_map(kind) {
                    link.kind = LinkKind::Virtual(kind);
                }
            }
            LinkAttribute::AfSpecUnspec(specs) => take_ipv6(&mut link, specs),
            _ => {}
        }
    }
    // The peer of a veth is beside it, not below it.
    let pair = link.kind == LinkKind::Virtual(InfoKind::Veth.to_string());
    link.lower = parent.filter(|_| !parent_elsewhere && !pair);
    link
}

fn mac(bytes: &[u8]) -> Option<MacAddress> {
    MacAddress::from_octets(bytes.try_into().ok()?)
}

fn alt_name(prop: &Prop) -> Option<String> {
    if let Prop::AltIfName(name) = prop { Some(name.clone()) } else { None }
}

fn kind(info: &LinkInfo) -> Option<String> {
    if let LinkInfo::Kind(kind) = info { Some(kind.to_string()) } else { None }
}

/// Nothing where the kernel has no IPv6 on the link.
fn take_ipv6(link: &mut Link, specs: &[AfSpecUnspec]) {
    let (mut mode, mut accepted) = (None, None);
    let (mut delay, mut probes, mut interval) = (0, 0, 0);
    let attributes = specs.iter().filter_map(|spec| match spec {
        AfSpecUnspec::Inet6(attributes) => Some(attributes),
        _ => None,
    });
    for attribute in attributes.flatten() {
        match attribute {
            AfSpecInet6::AddrGenMode(found) => mode = Some(u8::from(found)),
            AfSpecInet6::CacheInfo(times) => interval = milliseconds(times.retrans_time),
            AfSpecInet6::DevConf(settings) => {
                let advertised = Advertised {
                    addresses: settings.autoconf,
                    default_route: settings.accept_ra_defrtr,
                    routes: settings.accept_ra_rt_info_max_plen,
                    temporary: settings.use_tempaddr,
                };
                accepted = Some((settings.accept_ra, Some(advertised)));
                link.ipv6_disabled = settings.disable_ipv6 > 0;
                probes = u64::try_from(settings.dad_transmits).unwrap_or_default();
                delay = milliseconds(settings.rtr_solicit_delay);
            }
            _ => {}
        }
    }
    // It waits a random part of the delay first.
    link.probing = Duration::from_millis(delay.saturating_add(probes.saturating_mul(interval)));
    link.ipv6 = mode.zip(accepted).map(|(addr_gen_mode, (accept_ra, advertised))| Ipv6 {
        addr_gen_mode,
        accept_ra,
        advertised,
    });
}

fn milliseconds(of_kernel: i32) -> u64 {
    u64::try_from(of_kernel).unwrap_or_default()
}

const fn oper_state(state: State) -> &'static str {
    match state {
        State::NotPresent => "notpresent",
        State::Down => "down",
        State::LowerLayerDown => "lowerlayerdown",
        State::Testing => "testing",
        State::Dormant => "dormant",
        State::Up => "up",
        _ => "unknown",
    }
}

/// What whoever gives an address chooses. Not `nodad`: what is given back is probed, since another
/// host may have taken it over.
const CHOSEN: AddressFlags = AddressFlags::Noprefixroute
    .union(AddressFlags::Managetempaddr)
    .union(AddressFlags::Homeaddress)
    .union(AddressFlags::Mcautojoin);

pub(super) fn address(message: &AddressMessage) -> Option<Address> {
    let mut local = None;
    let mut other = None;
    let header = AddressFlags::from_bits_retain(message.header.flags.bits().into());
    let mut flags = header;
    let mut manner = Manner { scope: message.header.scope.into(), ..Manner::default() };
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => other = Some(*ip),
            AddressAttribute::Flags(all) => flags = *all | header,
            AddressAttribute::Broadcast(ip) => manner.broadcast = Some(*ip),
            AddressAttribute::Label(label) => manner.label = Some(label.clone()),
            AddressAttribute::RoutePriority(metric) => manner.metric = Some(*metric).filter(|m| *m > 0),
            AddressAttribute::CacheInfo(times) if times.ifa_valid != u32::MAX => {
                manner.lifetimes = Some((times.ifa_preferred, times.ifa_valid));
            }
            _ => {}
        }
    }
    let state = if flags.contains(AddressFlags::Dadfailed) {
        AddressState::Duplicate
    } else if flags.contains(AddressFlags::Tentative) {
        AddressState::Tentative
    } else {
        AddressState::Ready
    };
    manner.flags = (flags & CHOSEN).bits();
    // On a point-to-point link `Address` is the other end; IPv6 has no `Local` elsewhere.
    let own = local.or(other)?;
    manner.peer = other.filter(|other| *other != own);
    let net = IpNet::new(own, message.header.prefix_len).ok()?;
    Some(Address { net, state, manner, lacks_route: false })
}
