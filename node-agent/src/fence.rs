//! The protection fence: links that nothing here may ever touch.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use multinic_crds::Reason;

use crate::{
    foreign::Definition,
    link::{KernelView, Link, LinkKind},
};

/// Why a link is not ours to touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// It carries a default route.
    DefaultRoute,
    /// It owns one of the node's own addresses.
    NodeAddress(IpAddr),
    /// The way to the API server goes through it.
    ApiServerRoute,
    /// It is enslaved to another link.
    Enslaved(String),
    /// Other links are stacked on it.
    LowerDevice(String),
    /// It is of a kind that is not managed here.
    Kind(String),
    /// A file that is not ours configures it.
    ForeignConfiguration(String),
}

impl Protection {
    /// The word in status and log.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::ForeignConfiguration(_) => Reason::ForeignConfiguration,
            _ => Reason::ProtectedInterface,
        }
    }

    /// What protects `name`, and the remedy.
    #[must_use]
    pub fn message(&self, name: &str) -> String {
        match self {
            Self::DefaultRoute => {
                format!("{name} carries a default route of the node, so it is never touched; remove its row")
            }
            Self::NodeAddress(ip) => {
                format!("{name} has the node's own address {ip}, so it is never touched; remove its row")
            }
            Self::ApiServerRoute => {
                format!("{name} is the way to the API server, so it is never touched; remove its row")
            }
            Self::Enslaved(master) => format!(
                "{name} belongs to {master}, so it is not touched; take it out of {master} or remove its row"
            ),
            Self::LowerDevice(upper) => {
                format!("{upper} is stacked on {name}, so it is not touched; remove {upper} first")
            }
            Self::Kind(kind) => {
                format!("{name} is a {kind} link, and only the kinds in agent.linkKinds are managed")
            }
            Self::ForeignConfiguration(source) => {
                format!(
                    "{name} is configured by {source}, which multinic did not write; remove it there or remove its row"
                )
            }
        }
    }
}

/// What the node itself says of its own network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The node's own addresses.
    pub node_ips: BTreeSet<IpAddr>,
    /// The kinds of link that may be managed.
    pub link_kinds: BTreeSet<AllowedKind>,
}

/// A kind of link that may be managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum AllowedKind {
    /// Devices with a driver.
    Physical,
    /// Virtual Ethernet pairs: for kind, LXD and test nodes.
    Veth,
}

impl AllowedKind {
    fn covers(self, kind: &LinkKind) -> bool {
        match (self, kind) {
            (Self::Physical, LinkKind::Physical) => true,
            (Self::Veth, LinkKind::Virtual(kind)) => kind == "veth",
            _ => false,
        }
    }
}

/// The links that are protected, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fence(BTreeMap<u32, Protection>);

impl Fence {
    /// The fence around everything in `view` that is not free to be managed.
    #[must_use]
    pub fn around(view: &KernelView, definitions: &[Definition], policy: &Policy) -> Self {
        let protected = |link| Some((link, protection(link, view, definitions, policy)?));
        Self(view.links.iter().filter_map(protected).map(|(link, why)| (link.index, why)).collect())
    }

    /// Why the link is protected, if it is.
    #[must_use]
    pub fn protection(&self, index: u32) -> Option<&Protection> {
        self.0.get(&index)
    }

    /// The links that the node itself lives by. Whatever is done elsewhere must not change them.
    pub fn vital(&self) -> impl Iterator<Item = u32> {
        self.0.iter().filter(|(_, why)| why.is_vital()).map(|(index, _)| *index)
    }
}

impl Protection {
    const fn is_vital(&self) -> bool {
        matches!(self, Self::DefaultRoute | Self::NodeAddress(_) | Self::ApiServerRoute)
    }
}

fn protection(
    link: &Link,
    view: &KernelView,
    definitions: &[Definition],
    policy: &Policy,
) -> Option<Protection> {
    if view.carries_default(link.index) {
        return Some(Protection::DefaultRoute);
    }
    if let Some(address) = link.addresses.iter().find(|a| policy.node_ips.contains(&a.net.addr())) {
        return Some(Protection::NodeAddress(address.net.addr()));
    }
    if view.leads_to_api_server(link.index) {
        return Some(Protection::ApiServerRoute);
    }
    if !policy.link_kinds.iter().any(|allowed| allowed.covers(&link.kind)) {
        let kind = match &link.kind {
            LinkKind::Physical => "physical",
            LinkKind::Virtual(kind) => kind,
            LinkKind::NotEthernet => "non-Ethernet",
        };
        return Some(Protection::Kind(kind.to_owned()));
    }
    if let Some(controller) = link.controller {
        let master = view.link(controller).map_or("another link", |master| &master.name);
        return Some(Protection::Enslaved(master.to_owned()));
    }
    if let Some(upper) = view.links.iter().find(|upper| upper.lower == Some(link.index)) {
        return Some(Protection::LowerDevice(upper.name.clone()));
    }
    let foreign = definitions.iter().find(|definition| definition.covers(link))?;
    Some(Protection::ForeignConfiguration(foreign.source.clone()))
}
