//! What a node really has: written by its agent, except for the `Synced` condition.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the node's kernel shows, and how far the agent has come.
///
/// Nothing in here moves by itself: an idle node never writes its status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeNetworkConfigStatus {
    /// The generation that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The generation that was last applied in full and proven from the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_generation: Option<i64>,
    /// Configured of wanted NICs, such as `9/10`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What configures the node's network at boot: `netplan`, `networkd`, `NetworkManager` or `wicked`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub backend: String,
    /// The node's operating system, as its os-release names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os_image: String,
    /// The version of the agent that wrote this.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_version: String,
    /// The kernel's boot id: another one means that the node was rebooted since.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub boot_id: String,
    /// One entry for each wanted NIC, and for each that is still being removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["macAddress"]))]
    pub interfaces: Vec<InterfaceStatus>,
    /// `Ready`, `Progressing`, `Degraded` and, where it was ever so, `NodeAddressLeaked` by the agent, `Synced` by the
    /// operator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// The state of one NIC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceStatus {
    /// The MAC address, as in the spec.
    pub mac_address: String,
    /// The name that the NIC should have, or had.
    pub name: String,
    /// The Neutron port.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub port_id: String,
    /// Where the NIC is on its way.
    pub state: InterfaceState,
    /// Why, as one CamelCase word.
    pub reason: String,
    /// Why, for people, with the remedy.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What the kernel shows; absent when the node has no such NIC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedLink>,
    /// When `state` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// Where a NIC is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum InterfaceState {
    /// Not acted on yet.
    Pending,
    /// Read back from the kernel, and right.
    Configured,
    /// The node has no NIC with this MAC address; it is configured the moment it appears.
    DeviceMissing,
    /// The NIC is not ours to touch: it is protected, or other files configure it.
    Refused,
    /// An attempt failed and was rolled back.
    Failed,
    /// No longer wanted, and not gone yet.
    Removing,
}

/// A link as the kernel shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedLink {
    /// The name the link has now.
    pub link_name: String,
    /// The operational state (RFC 2863), such as `up` or `lowerlayerdown`.
    pub oper_state: String,
    /// The MTU in bytes.
    pub mtu: u32,
    /// The addresses, in CIDR notation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}
