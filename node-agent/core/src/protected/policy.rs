//! What may be managed at all.

use std::{collections::BTreeSet, net::IpAddr};

use crate::observed::link::LinkKind;

/// What the node itself says of its own network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The node's own addresses.
    pub node_ips: BTreeSet<IpAddr>,
    /// The kinds of link that may be managed.
    pub link_kinds: BTreeSet<AllowedKind>,
}

/// A kind of link that may be managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AllowedKind {
    /// Devices with a driver.
    Physical,
    /// Virtual Ethernet pairs: for kind, LXD and test nodes.
    Veth,
}

impl AllowedKind {
    pub(super) fn covers(self, kind: &LinkKind) -> bool {
        match (self, kind) {
            (Self::Physical, LinkKind::Physical) => true,
            (Self::Veth, LinkKind::Virtual(kind)) => kind == "veth",
            _ => false,
        }
    }

    pub(super) fn any_covers(allowed: &BTreeSet<Self>, kind: &LinkKind) -> bool {
        allowed.iter().any(|one| one.covers(kind))
    }
}
