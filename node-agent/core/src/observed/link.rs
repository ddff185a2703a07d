//! Plain data about links, as the kernel shows them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use ipnet::IpNet;
use multinic_crds::MacAddress;
use serde::{Deserialize, Serialize};

use crate::observed::{
    route::{Route, Rule},
    routing::{NicRoute, SourceRule},
};

/// A link at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that the kernel shows")]
pub struct Link {
    /// The kernel's number for it, stable until it is unplugged.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its alternative names.
    pub alt_names: BTreeSet<String>,
    /// What it is.
    pub kind: LinkKind,
    /// The MAC address in use.
    pub mac: Option<MacAddress>,
    /// The MAC address burnt in, which virtual links lack.
    pub permanent_mac: Option<MacAddress>,
    /// Administratively up.
    pub up: bool,
    /// Whether it has a carrier. The operational state follows that only later.
    pub carrier: bool,
    /// The operational state (RFC 2863), in lower case.
    pub oper_state: String,
    /// In bytes.
    pub mtu: u32,
    /// The sizes that the device can have, in bytes, as far as it says.
    pub mtu_range: (u32, Option<u32>),
    /// The bridge, bond or VRF that it is enslaved to.
    pub controller: Option<u32>,
    /// The link in this namespace that it is stacked on (a VLAN's parent).
    pub lower: Option<u32>,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// Routes over it that somebody gave it and that may be ours, each with the protocol that it is marked with.
    pub routes: BTreeMap<NicRoute, u8>,
    /// What the kernel does for IPv6 on it by itself; `None` where IPv6 is off.
    pub ipv6: Option<Ipv6>,
    /// Whether a sysctl says that it has no IPv6 addresses.
    pub ipv6_disabled: bool,
    /// Whether it has the secret that [`Ipv6::STABLE_PRIVACY`] needs.
    pub stable_secret: bool,
    /// How long the kernel probes an IPv6 address on it, at most.
    pub probing: Duration,
}

/// What the kernel does for IPv6 on a link by itself, as its sysctls say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv6 {
    /// How it makes a link-local address when the link comes up.
    pub addr_gen_mode: u8,
    /// Whether, and when, it takes addresses and routes from router advertisements.
    pub accept_ra: i32,
    /// What it takes from those that it accepts; none is as it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertised: Option<Advertised>,
}

/// What the kernel takes from router advertisements, as its sysctls say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Advertised {
    /// Whether it gives the link an address of each prefix: `autoconf`.
    pub addresses: i32,
    /// Whether it takes the router for its default route: `accept_ra_defrtr`.
    pub default_route: i32,
    /// Of which length, at most, are the networks that it takes the router's word for: `accept_ra_rt_info_max_plen`.
    pub routes: i32,
    /// Whether it makes addresses beside that which change with time: `use_tempaddr`.
    pub temporary: i32,
}

impl Ipv6 {
    /// The [`Ipv6::addr_gen_mode`] that makes a link-local address of the MAC address.
    pub const EUI64: u8 = 0;
    /// The [`Ipv6::addr_gen_mode`] that makes none.
    pub const NO_LINK_LOCAL: u8 = 1;
    /// The [`Ipv6::addr_gen_mode`] that makes one of a secret, and needs one.
    pub const STABLE_PRIVACY: u8 = 2;
    /// The [`Ipv6::addr_gen_mode`] that makes one of a secret that the kernel chooses.
    pub const RANDOM: u8 = 3;
    /// The [`Ipv6::accept_ra`] that listens to no router.
    pub const NO_RA: i32 = 0;
    /// The [`Ipv6::accept_ra`] that listens to routers also where the node forwards packets, as nodes with pods do.
    pub const EVERY_RA: i32 = 2;
    /// What a link has that nobody configured.
    pub const KERNEL_DEFAULT: Self = Self { addr_gen_mode: Self::EUI64, accept_ra: 1, advertised: None };

    /// Whether a link that is like this is also as `wanted`.
    #[must_use]
    pub fn is_as(self, wanted: Self) -> bool {
        wanted.advertised.is_none_or(|advertised| self.advertised == Some(advertised))
            && (self.addr_gen_mode, self.accept_ra) == (wanted.addr_gen_mode, wanted.accept_ra)
    }
}

impl Link {
    /// An Ethernet device that nobody has configured: down, with a carrier, of 1500 bytes.
    #[must_use]
    pub fn physical(index: u32, name: &str, mac: MacAddress) -> Self {
        Self {
            index,
            name: name.to_owned(),
            alt_names: BTreeSet::new(),
            kind: LinkKind::Physical,
            mac: Some(mac),
            permanent_mac: Some(mac),
            up: false,
            carrier: true,
            oper_state: "down".to_owned(),
            mtu: 1500,
            mtu_range: (68, Some(9000)),
            controller: None,
            lower: None,
            addresses: Vec::new(),
            routes: BTreeMap::new(),
            ipv6: Some(Ipv6::KERNEL_DEFAULT),
            ipv6_disabled: false,
            stable_secret: false,
            probing: Duration::ZERO,
        }
    }

    /// The address that identifies the device: burnt in, or else the one in use.
    #[must_use]
    pub fn identity(&self) -> Option<MacAddress> {
        self.permanent_mac.or(self.mac)
    }

    /// Whether `name` is taken by this link.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.alt_names.contains(name)
    }

    /// The size nearest to `bytes` that the device can have.
    #[must_use]
    pub fn fitting_mtu(&self, bytes: u32) -> u32 {
        let (least, most) = self.mtu_range;
        bytes.clamp(least, most.unwrap_or(u32::MAX).max(least))
    }

    /// `ipv6`, or what comes nearest to it and the link can have.
    #[must_use]
    pub fn fitting_ipv6(&self, ipv6: Ipv6) -> Ipv6 {
        let able = match ipv6.addr_gen_mode {
            Ipv6::EUI64 | Ipv6::NO_LINK_LOCAL | Ipv6::RANDOM => true,
            Ipv6::STABLE_PRIVACY => self.stable_secret,
            _ => false,
        };
        let is_so = self.ipv6.is_some_and(|found| found.addr_gen_mode == ipv6.addr_gen_mode);
        Ipv6 { addr_gen_mode: if able || is_so { ipv6.addr_gen_mode } else { Ipv6::EUI64 }, ..ipv6 }
    }

    /// Its addresses without their state.
    #[must_use]
    pub fn nets(&self) -> BTreeSet<IpNet> {
        self.addresses.iter().map(|address| address.net).collect()
    }
}

/// What a link is, as far as it decides who may configure it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// An Ethernet device with a driver: no `IFLA_INFO_KIND`.
    Physical,
    /// Made by software; the word is the kernel's, such as `veth` or `bridge`.
    Virtual(String),
    /// Not Ethernet, such as the loopback.
    NotEthernet,
}

/// An address of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The address with its prefix.
    pub net: IpNet,
    /// How far duplicate address detection has come.
    pub state: AddressState,
    /// How it was given, to be given so again.
    pub manner: Manner,
    /// Whether the route to its own subnet over the link, which comes with an address, is missing.
    pub lacks_route: bool,
}

impl Address {
    /// One that is in use, and was given as addresses usually are.
    #[must_use]
    pub fn new(net: IpNet) -> Self {
        Self { net, state: AddressState::Ready, manner: Manner::default(), lacks_route: false }
    }
}

/// How an address was given, besides its prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manner {
    /// The other end of a point-to-point link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
    /// The broadcast address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<Ipv4Addr>,
    /// The label, which old tools take for a link's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The scope, as the kernel numbers them.
    pub scope: u8,
    /// The flags that whoever gives the address chooses, as the kernel numbers them.
    pub flags: u32,
    /// The metric of the route that comes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// For how many seconds it is preferred, and valid; none for one that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetimes: Option<(u32, u32)>,
}

impl Manner {
    /// The flag of an address of which temporary ones may be made, as the kernel numbers it.
    pub const MANAGES_TEMPORARY: u32 = 0x100;

    /// How an address is given that stays for so many `seconds`; [`u32::MAX`] is for ever.
    #[must_use]
    pub fn lasting(net: IpNet, seconds: u32) -> Self {
        let broadcast = match net {
            IpNet::V4(v4) if v4.prefix_len() < 31 => Some(v4.broadcast()),
            _ => None,
        };
        let lifetimes = Some((seconds, seconds)).filter(|_| seconds < u32::MAX);
        Self { broadcast, lifetimes, ..Self::default() }
    }

    /// Whether an address that is given so stays for about as long as one that is given as `wanted`. Both go on while
    /// they are compared, so that they need not be the same.
    #[must_use]
    pub fn lasts_as(&self, wanted: &Self) -> bool {
        match (self.lifetimes, wanted.lifetimes) {
            (Some((_, valid)), Some((_, wanted))) => valid.abs_diff(wanted) <= 5 + valid.max(wanted) / 4,
            (now, wanted) => now.is_none() == wanted.is_none(),
        }
    }

    /// Whether the kernel made an IPv6 address that is given so of a prefix that a router advertised: then it bears a flag
    /// that hardly anybody else sets.
    #[must_use]
    pub const fn is_advertised(&self) -> bool {
        self.flags & Self::MANAGES_TEMPORARY != 0
    }
}

/// How far duplicate address detection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressState {
    /// In use.
    Ready,
    /// Still being probed.
    Tentative,
    /// Somebody else has it.
    Duplicate,
}

/// Whether an address is an IPv6 link-local one, which the kernel makes by itself.
#[must_use]
pub fn is_link_local(net: &IpNet) -> bool {
    is_local(net.addr())
}

/// The same of an address without a prefix. Every link can have such a one, so that it says nothing of a subnet.
#[must_use]
pub const fn is_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// Whether a link that goes down, or becomes too small for IPv6, loses this address for good: the
/// kernel makes link-local ones again.
#[must_use]
pub fn goes_down_with_link(net: &IpNet) -> bool {
    net.addr().is_ipv6() && !is_link_local(net)
}

/// Whether the kernel may drop `other` together with `removed`: secondary addresses go with the
/// first one of their subnet.
#[must_use]
pub fn goes_with(other: &IpNet, removed: &IpNet) -> bool {
    other.addr().is_ipv4() && other != removed && other.trunc() == removed.trunc()
}

/// Everything about the kernel that one decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KernelView {
    /// Every link of the namespace.
    pub links: Vec<Link>,
    /// Every default route, in whichever table.
    pub default_routes: Vec<Route>,
    /// Links that routes lead over which the kernel did not make by itself.
    pub routed: BTreeSet<u32>,
    /// Every address that a route names as its next hop.
    pub gateways: BTreeSet<IpAddr>,
    /// Every rule that leads to a routing table.
    pub rules: Vec<Rule>,
    /// Every route in a table that is only ours.
    pub in_source_tables: Vec<Route>,
    /// The routing table of each VRF, by its link.
    pub vrf_tables: BTreeMap<u32, u32>,
    /// The routes that packets to the API server take, by its addresses.
    pub api_server_routes: BTreeMap<IpAddr, Route>,
    /// The routes that packets to the next hops of default routes take, by these.
    pub gateway_routes: BTreeMap<IpAddr, Route>,
    /// The next hops of default routes that the kernel has asked for, and whether they answer.
    pub neighbours: BTreeMap<IpAddr, bool>,
}

impl KernelView {
    /// The link with this index.
    #[must_use]
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// Every link that is known by this MAC address: several, where one is made of another.
    pub fn links_with(&self, mac: MacAddress) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(move |link| link.identity() == Some(mac))
    }

    /// The link that answers to this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.answers_to(name))
    }

    /// Every rule that says what one of ours would say.
    #[must_use]
    pub fn source_rules(&self) -> BTreeSet<SourceRule> {
        self.rules.iter().filter_map(SourceRule::of).collect()
    }

    /// The next hops of default routes, without link-local ones, which every link can have.
    pub fn default_gateways(&self) -> impl Iterator<Item = IpAddr> {
        let all: BTreeSet<IpAddr> =
            self.default_routes.iter().flat_map(|route| route.gateways.iter().copied()).collect();
        all.into_iter().filter(|ip| !is_local(*ip))
    }
}
