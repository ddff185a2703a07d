//! Plain data about links, as the kernel shows them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use multinic_crds::MacAddress;
use serde::{Deserialize, Serialize};

use crate::route::{Route, Rule};

/// A link at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// What the kernel does for IPv6 on it by itself; `None` where IPv6 is off.
    pub ipv6: Option<Ipv6>,
}

/// What the kernel does for IPv6 on a link by itself, as its sysctls say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv6 {
    /// How it makes a link-local address when the link comes up.
    pub addr_gen_mode: u8,
    /// Whether, and when, it takes addresses and routes from router advertisements.
    pub accept_ra: i32,
}

impl Ipv6 {
    /// The [`Ipv6::addr_gen_mode`] that makes a link-local address of the MAC address.
    pub const EUI64: u8 = 0;
    /// The [`Ipv6::addr_gen_mode`] that makes none.
    pub const NO_LINK_LOCAL: u8 = 1;
    /// What a link has that nobody configured.
    pub const KERNEL_DEFAULT: Self = Self { addr_gen_mode: Self::EUI64, accept_ra: 1 };
}

impl Link {
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
    matches!(net, IpNet::V6(v6) if v6.addr().is_unicast_link_local())
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
    /// The routing table of each VRF, by its link.
    pub vrf_tables: BTreeMap<u32, u32>,
    /// The routes that packets to the API server take, by its addresses.
    pub api_server_routes: BTreeMap<IpAddr, Route>,
    /// The routes that packets to the next hops of default routes take, by these.
    pub gateway_routes: BTreeMap<IpAddr, Route>,
}

impl KernelView {
    /// The link with this index.
    #[must_use]
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The link that answers to this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.answers_to(name))
    }

    /// Whether a default route, in whichever table, leads over this link.
    #[must_use]
    pub fn carries_default(&self, index: u32) -> bool {
        self.default_routes.iter().any(|route| route.links.contains(&index))
    }

    /// Whether the way to the API server leads over this link.
    #[must_use]
    pub fn leads_to_api_server(&self, index: u32) -> bool {
        self.api_server_routes.values().any(|route| route.links.contains(&index))
    }

    /// The next hops of default routes, without link-local ones, which every link can have.
    pub fn default_gateways(&self) -> impl Iterator<Item = IpAddr> {
        let is_local = |ip: &IpAddr| matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let all: BTreeSet<IpAddr> =
            self.default_routes.iter().flat_map(|route| route.gateways.iter().copied()).collect();
        all.into_iter().filter(move |ip| !is_local(ip))
    }
}
