//! What a node should have: written by the operator, except for `mode`.
#![allow(clippy::duplicated_attributes, reason = "every printer column names its type")]

use ipnet::IpNet;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Addressing, InterfaceAddress, InterfaceName, MacAddress, Mtu, NodeNetworkConfigStatus, Route,
    SourceRouting, Verify,
};

/// The most routes that one NIC can have.
pub const MAX_ROUTES: usize = 32;

/// The NICs that one Node should have. The object is named after the Node.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "multinic.io",
    version = "v1alpha1",
    kind = "NodeNetworkConfig",
    plural = "nodenetworkconfigs",
    singular = "nodenetworkconfig",
    shortname = "nnc",
    category = "multinic",
    doc = "The additional NICs of one Node: what OpenStack wants it to have, and what its kernel shows.",
    derive = "PartialEq",
    status = "NodeNetworkConfigStatus",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(
        name = "NICs",
        type_ = "string",
        description = "Configured of wanted",
        json_path = ".status.summary"
    ),
    printcolumn(
        name = "Synced",
        type_ = "string",
        description = "Whether the spec equals the table",
        json_path = r#".status.conditions[?(@.type=="Synced")].status"#
    ),
    printcolumn(name = "Backend", type_ = "string", json_path = ".status.backend"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Generation", type_ = "integer", priority = 1, json_path = ".metadata.generation"),
    printcolumn(name = "Applied", type_ = "integer", priority = 1, json_path = ".status.appliedGeneration"),
    printcolumn(
        name = "Message",
        type_ = "string",
        priority = 1,
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#
    )
)]
#[serde(rename_all = "camelCase")]
// The API server prunes the whole spec when an apply takes the last interface out of it.
#[schemars(extend("default" = {}))]
pub struct NodeNetworkConfigSpec {
    /// The wanted NICs, at most 20, each MAC address and each name once.
    #[serde(default)]
    #[schemars(
        length(max = 20),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["macAddress"]),
        extend("x-kubernetes-validations" = [{
            "rule": "self.all(i, self.exists_one(j, j.name == i.name))",
            "message": "every interface needs a name of its own",
        }])
    )]
    pub interfaces: Vec<Interface>,

    /// What the agent may do about it. Set by people; the operator leaves it alone.
    #[serde(default)]
    pub mode: Mode,
}

/// One wanted NIC. Its identity is its MAC address on this Node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!has(self.mtu) || self.mtu >= 1280 || !has(self.addresses) || !self.addresses.exists(a, a.contains(':'))",
        "message": "IPv6 needs an mtu of at least 1280",
    },
    {
        "rule": "!has(self.mtu) || self.mtu >= 1280 || !has(self.addressing) || !(self.addressing in ['dhcp6', 'slaac'])",
        "message": "IPv6 needs an mtu of at least 1280",
    },
    {
        "rule": "!has(self.addressing) || (self.addressing == 'static') == (has(self.addresses) && self.addresses.size() > 0)",
        "message": STATIC,
    },
    {
        "rule": "!has(self.sourceRouting) || has(self.sourceRouting.gateways) || (has(self.addressing) && self.addressing == 'dhcp4')",
        "message": GATEWAY,
    },
]))]
pub struct Interface {
    /// The MAC address of the Neutron port, in lower case with colons.
    pub mac_address: MacAddress,
    /// The name in the node; its number is the slot, which stays with the MAC address.
    pub name: InterfaceName,
    /// The Neutron port.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub port_id: String,
    /// The Neutron subnet.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub subnet_id: String,
    /// Where its addresses come from: `static` from `addresses`, `dhcp4`, `dhcp6` or `slaac` from its network, `none` from
    /// nowhere. When absent, `static` where there are `addresses`, and `none` otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressing: Option<Addressing>,
    /// Addresses in CIDR notation; none for a link that is only brought up, or where its network gives them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub addresses: Vec<InterfaceAddress>,
    /// The MTU in bytes; the device's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<Mtu>,
    /// Networks that are reached over this NIC, besides the subnets of its addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_ROUTES), extend("x-kubernetes-list-type" = "atomic"))]
    pub routes: Vec<Route>,
    /// Has replies from the NIC's addresses leave by the NIC, through a routing table of its own. Routes of the table `main`
    /// that lead to less than everywhere, such as those to pods and Services, go before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_routing: Option<SourceRouting>,
    /// How far it is proven that the NIC works: `kernel` reads everything back from the kernel; `wire` asks its network as
    /// well, for another host that has the address, for the gateway, and for packets as large as the MTU.
    #[serde(default, skip_serializing_if = "Verify::is_default")]
    pub verify: Verify,
}

const STATIC: &str = "addresses belong to the addressing static, and to no other";
const GATEWAY: &str = "sourceRouting needs gateways, except with the addressing dhcp4, which learns one";

impl Interface {
    /// A link that is only named and brought up.
    #[must_use]
    pub const fn new(mac_address: MacAddress, name: InterfaceName) -> Self {
        Self {
            mac_address,
            name,
            port_id: String::new(),
            subnet_id: String::new(),
            addressing: None,
            addresses: Vec::new(),
            mtu: None,
            routes: Vec::new(),
            source_routing: None,
            verify: Verify::Kernel,
        }
    }

    /// Where its addresses come from.
    #[must_use]
    pub fn addressing(&self) -> Addressing {
        let unsaid = if self.addresses.is_empty() { Addressing::None } else { Addressing::Static };
        self.addressing.unwrap_or(unsaid)
    }

    /// What is wrong with its fields together, in the words of the schema.
    #[must_use]
    pub fn contradiction(&self) -> Option<&'static str> {
        let addressing = self.addressing();
        let says_no_gateway = self.source_routing.as_ref().is_some_and(|routing| routing.gateways.is_empty());
        if (addressing == Addressing::Static) == self.addresses.is_empty() {
            Some(STATIC)
        } else {
            (says_no_gateway && addressing != Addressing::Dhcp4).then_some(GATEWAY)
        }
    }

    /// Its addresses with their prefixes.
    pub fn nets(&self) -> impl Iterator<Item = IpNet> {
        self.addresses.iter().map(|address| address.net())
    }
}

/// What the agent may do on its node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Mode {
    /// Make the node match, and keep it so.
    #[default]
    Enforce,
    /// Report what would be done, and touch nothing.
    DryRun,
    /// Touch nothing.
    Paused,
}
