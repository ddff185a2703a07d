//! Plain data about routes and rules, as the kernel shows them.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

/// The table that every rule of the kernel's own leads to.
pub const MAIN: u32 = 254;
/// The table that is looked at after [`MAIN`].
pub const DEFAULT: u32 = 253;
/// The table of the node's own addresses, which is looked at first.
pub const LOCAL: u32 = 255;

/// A route that packets can leave by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it leads. A prefix of zero bits also where the kernel did not say by which prefix it chose the route.
    pub destination: IpNet,
    /// The routing table that it is in.
    pub table: u32,
    /// The links that it leads over: several where it has several next hops.
    pub links: BTreeSet<u32>,
    /// Its next hops; none where the destination is on the link itself.
    pub gateways: BTreeSet<IpAddr>,
    /// The kernel made it by itself, with an address.
    pub by_kernel: bool,
}

impl Route {
    /// Whether it leads everywhere, or to so much that it stands for a default route: the halves of the address
    /// space that VPNs use, and `2000::/3`.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.destination.prefix_len() <= widest(&self.destination)
    }
}

/// How many bits the prefix of a default route may have.
const fn widest(destination: &IpNet) -> u8 {
    match destination {
        IpNet::V4(_) => 1,
        IpNet::V6(_) => 3,
    }
}

/// A rule that leads packets to a routing table.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that the kernel shows")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// It is about IPv6, not IPv4.
    pub ipv6: bool,
    /// Rules of lower ones are looked at first.
    pub priority: u32,
    /// The table; `None` where it is the one of the packet's VRF.
    pub table: Option<u32>,
    /// Packets from these addresses only.
    pub from: Option<IpNet>,
    /// Packets only that came in over the link of this name.
    pub incoming: Option<String>,
    /// Packets only whose sender chose the link of this name.
    pub outgoing: Option<String>,
    /// It is about all packets but those.
    pub inverted: bool,
    /// Routes of that table to prefixes of at most so many bits count for nothing.
    pub suppressed_prefix: Option<u32>,
    /// It is about fewer packets than the rest of this says.
    pub is_narrowed: bool,
    /// It is about packets to one address alone.
    pub is_to_one: bool,
    /// It has our mark.
    pub is_marked: bool,
}
