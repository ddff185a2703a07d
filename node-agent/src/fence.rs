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

/// The file that cloud-init gives to netplan.
const CLOUD_INIT: &str = "50-cloud-init.yaml";

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
    ForeignConfiguration(Foreign),
}

/// What is known of the configuration of others that protects a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The definition.
    pub definition: Definition,
    /// A link that the node lives by, and that the definition configures as well.
    pub vital: Option<String>,
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
            Self::ForeignConfiguration(foreign) => foreign.message(name),
        }
    }
}

impl Foreign {
    /// What configures `name`, and a remedy that leaves what configures anything else where it is.
    fn message(&self, name: &str) -> String {
        let Self { definition, vital } = self;
        let source = definition.describe();
        if !definition.readable {
            return format!("{name} may be configured by {source}; mend that, or remove the row of {name}");
        }
        let what = if definition.leaves_unmanaged {
            format!("networkd leaves {name} alone at the next boot because of {source}")
        } else {
            format!("{name} is configured by {source}, which multinic did not write")
        };
        let remedy = match vital {
            Some(vital) => format!(
                "it configures {vital} too, which the node lives by, so keep it and change its match to exclude {name}"
            ),
            None if definition.is_literal() => format!("take {name} out of it"),
            None => format!("change its match to exclude {name}"),
        };
        let cloud_init = if definition.source.ends_with(CLOUD_INIT) {
            " (cloud-init writes this file anew: change it there)"
        } else {
            ""
        };
        format!("{what}; {remedy}{cloud_init}, or remove the row of {name}")
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
        let mut fence: BTreeMap<_, _> =
            view.links.iter().filter_map(protected).map(|(link, why)| (link.index, why)).collect();
        let is_vital = |link: &&Link| fence.get(&link.index).is_some_and(Protection::is_vital);
        let vital: Vec<&Link> = view.links.iter().filter(is_vital).collect();
        for why in fence.values_mut() {
            if let Protection::ForeignConfiguration(Foreign { definition, vital: also }) = why {
                *also = vital.iter().find(|link| definition.covers(link)).map(|link| link.name.clone());
            }
        }
        Self(fence)
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
    Some(Protection::ForeignConfiguration(Foreign { definition: foreign.clone(), vital: None }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        foreign::{self, SourceFile},
        testing::{default_route, link},
    };

    const MAC: &str = "fa:16:3e:00:00:01";

    /// What the message says of eth1 on a node whose uplink is eth0, where a netplan file says `text`.
    fn message(path: &str, text: &str) -> String {
        let definitions = foreign::netplan(&SourceFile { path: path.to_owned(), text: text.to_owned() });
        let view = KernelView {
            links: vec![link(2, "eth0", "fa:16:3e:00:00:ee"), link(3, "eth1", MAC)],
            default_routes: vec![default_route(2, "192.0.2.1")],
            ..KernelView::default()
        };
        let link_kinds = BTreeSet::from([AllowedKind::Physical]);
        let policy = Policy { node_ips: BTreeSet::new(), link_kinds };
        let fence = Fence::around(&view, &definitions, &policy);
        let protection = fence.protection(3).unwrap();
        assert_eq!(protection.reason(), Reason::ForeignConfiguration);
        protection.message("eth1")
    }

    #[test]
    fn what_also_configures_the_uplink_is_not_to_be_removed() {
        let text = "network:\n  version: 2\n  ethernets:\n    all-en:\n      match: {name: \"en*\"}\n      dhcp4: true\n    \
                    all-eth:\n      match: {name: \"eth*\"}\n      dhcp4: true\n";
        assert_eq!(
            message("/etc/netplan/90-default.yaml", text),
            "eth1 is configured by all-eth in /etc/netplan/90-default.yaml, which multinic did not write; it configures \
             eth0 too, which the node lives by, so keep it and change its match to exclude eth1, or remove the row of eth1"
        );
        let long = message("/etc/netplan/50-cloud-init.yaml", text);
        assert!(long.contains("cloud-init writes this file anew") && long.len() < 400, "{long}");
    }

    #[test]
    fn what_configures_one_nic_loses_it_and_a_pattern_excludes_it() {
        let path = "/etc/netplan/55-site.yaml";
        for (rule, remedy) in [
            ("eth1: {dhcp4: true}", "take eth1 out of it, or remove the row of eth1"),
            (
                "site: {match: {macaddress: 'fa:16:3e:00:00:01'}}",
                "take eth1 out of it, or remove the row of eth1",
            ),
            ("site: {match: {name: '!eth0'}}", "change its match to exclude eth1, or remove the row of eth1"),
            (
                "site: {match: {name: 'eth[1-9]'}}",
                "change its match to exclude eth1, or remove the row of eth1",
            ),
        ] {
            let message = message(path, &format!("network: {{ethernets: {{{rule}}}}}\n"));
            assert!(message.ends_with(remedy), "{message}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_to_be_mended_and_not_removed() {
        let message = message("/etc/netplan/55-site.yaml", "network: [\n");
        assert!(
            message.starts_with("eth1 may be configured by /etc/netplan/55-site.yaml (unreadable: "),
            "{message}"
        );
        assert!(message.ends_with("; mend that, or remove the row of eth1"), "{message}");
    }
}
