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

/// The additional NICs that this Node should have. `interfaces` is written by multinic-operator from the database table,
/// and what others change in it is put back. Only `mode` is for people.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "multinic.io",
    version = "v1alpha1",
    kind = "NodeNetworkConfig",
    plural = "nodenetworkconfigs",
    singular = "nodenetworkconfig",
    shortname = "nnc",
    // `nnc` and the plural are taken by others too; where two are installed, kubectl shows either.
    shortname = "mnic",
    category = "multinic",
    doc = "The additional NICs of one Node, whose name it has: which ones OpenStack wants it to have (`spec`), and what the Node's kernel shows (`status`). Made by multinic-operator, one for each Node.",
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
    /// The wanted NICs: at most 20, each MAC address and each name once. Written by multinic-operator from the database table:
    /// to change a NIC, change its row.
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

    /// What the agent is allowed to do on this node. Set by people; the operator leaves it alone. Example:
    /// `kubectl patch nnc NODE --type merge -p '{"spec":{"mode":"DryRun"}}'`.
    /// - `Enforce`, the default: configure the NICs, and keep them so.
    /// - `DryRun`: change nothing; the messages of the NICs say what would be done.
    /// - `Paused`: change nothing; NICs stay as they are.
    #[serde(default)]
    pub mode: Mode,
}

/// One wanted NIC. It is known by its MAC address.
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
    /// MAC address of the Neutron port, in lower case with colons. It identifies the NIC. Example: `fa:16:3e:12:34:56`.
    pub mac_address: MacAddress,
    /// Name of the NIC on the node, `multinic0` to `multinic19`. The operator chooses it; a NIC keeps it for as long as it is in
    /// the table. Example: `multinic0`.
    pub name: InterfaceName,
    /// UUID of the Neutron port, for people: agents do not use it. At most 64 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub port_id: String,
    /// UUID of the Neutron subnet, for people: agents do not use it. At most 64 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub subnet_id: String,
    /// Where its addresses come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressing: Option<Addressing>,
    /// IP addresses with the prefix length of their subnet, at most 8. Examples: `10.10.0.5/24`, `2001:db8::5/64`. None for a
    /// NIC that is only brought up, or that gets addresses from its network (`addressing`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub addresses: Vec<InterfaceAddress>,
    /// MTU in bytes, 68 to 65535; at least 1280 with an IPv6 address. Example: `9000`. When absent, the NIC keeps the MTU that its
    /// driver gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<Mtu>,
    /// Networks that are reached over this NIC, besides the subnets of its addresses; at most 32. Example:
    /// `{destination: 10.30.0.0/16, via: 10.20.0.1}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_ROUTES), extend("x-kubernetes-list-type" = "atomic"))]
    pub routes: Vec<Route>,
    /// When present, replies from the NIC's addresses leave by this NIC, through a routing table of its own (5300 plus the number
    /// in its name). Routes of the table `main` go first, except for the default route. Example: `{gateways: [10.20.0.1]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_routing: Option<SourceRouting>,
    /// How far it is proven that the NIC works.
    /// - `kernel`, the default: everything is read back from the kernel.
    /// - `wire`: the NIC's network is asked as well: does another host have the address, does the gateway answer, do packets as
    ///   large as the MTU pass.
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
