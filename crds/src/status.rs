//! What a node really has: written by its agent, except for the `Synced` condition.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most NICs that a status lists of those that nobody asks for.
pub const MAX_UNCLAIMED: usize = 32;

/// What the node's kernel shows, and how far the agent has come. Written by the node's agent, except for the condition
/// `Synced`, which the operator writes. Nothing in it changes by itself: an idle node never writes its status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeNetworkConfigStatus {
    /// The `metadata.generation` that this status is about. Lower than that for long: the agent does not run, or does not
    /// reach the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The `metadata.generation` that was last applied in full, and proven from the kernel. Equal to it: the node is as wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_generation: Option<i64>,
    /// Number of configured NICs / number of wanted NICs. Example: `9/10`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What configures the node's network at boot: `netplan`, `networkd`, `NetworkManager` or `wicked`. Absent on a host that is
    /// not supported.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub backend: String,
    /// The node's operating system, as its os-release names it. Example: `Ubuntu 24.04.1 LTS`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os_image: String,
    /// Version and commit of the agent that wrote this status; absent while no agent has reported.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_version: String,
    /// The kernel's boot id. Another one than the Node's `status.nodeInfo.bootID` means: the node was rebooted since.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub boot_id: String,
    /// The result for each NIC: one entry for each that is wanted, and for each that is still being removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["macAddress"]))]
    pub interfaces: Vec<InterfaceStatus>,
    /// NICs that the node has and that no entry of `spec.interfaces` asks for, by MAC address; of more than 32 the first. Perhaps
    /// somebody forgot to detach their ports. Those are left out by which the node lives, and parts of other links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = MAX_UNCLAIMED),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["macAddress"])
    )]
    pub unclaimed: Vec<UnclaimedLink>,
    /// What is true of the node as a whole. Example: `kubectl wait --for=condition=Ready nnc --all`.
    /// - `Ready` (agent): every wanted NIC is configured, and no NIC is left that is not wanted.
    /// - `Degraded` (agent): something needs a person, or another attempt.
    /// - `Progressing` (agent): the agent is at work on the newest generation.
    /// - `NodeAddressLeaked` (agent): the Node's addresses include one of such a NIC. Absent while that was never so.
    /// - `Synced` (operator): `spec.interfaces` equals the database table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// The result for one NIC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceStatus {
    /// MAC address of the NIC, as in `spec.interfaces`. Example: `fa:16:3e:12:34:56`.
    pub mac_address: String,
    /// The name that the NIC should have, or that it had where it is being removed. Example: `multinic0`.
    pub name: String,
    /// UUID of the Neutron port, as in `spec.interfaces`, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub port_id: String,
    /// The result for this NIC.
    /// - `Configured`: read back from the kernel, and as wanted.
    /// - `Pending`: not acted on yet, or held back; `reason` says by what.
    /// - `DeviceMissing`: the node has no NIC with this MAC address; it is configured as soon as it appears.
    /// - `Refused`: multinic does not touch this NIC; `reason` says why.
    /// - `Failed`: an attempt failed and was rolled back; it is tried again.
    /// - `Removing`: no longer wanted, and not given back yet.
    pub state: InterfaceState,
    /// Why the NIC is in this state, in one word. docs/troubleshooting.md lists all of them. Example: `ForeignConfiguration`.
    pub reason: String,
    /// Why the NIC is in this state, in a sentence for people that says what to do. Absent when all is well.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What the kernel shows of the NIC now. Absent when the node has no NIC with this MAC address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedLink>,
    /// Time at which `state` last changed, in UTC. Example: `2026-01-31T12:00:00Z`.
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

/// A NIC that the node has and nobody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnclaimedLink {
    /// MAC address of the NIC, the one that is burnt in where it has one. Example: `fa:16:3e:12:34:56`.
    pub mac_address: String,
    /// The name that the NIC has in the kernel now. Example: `ens7`.
    pub link_name: String,
    /// Whether somebody has set the NIC up, by hand or by a file of the host.
    pub up: bool,
    /// Whether the NIC has a carrier, as far as the kernel knows; it knows only of NICs that are up.
    pub carrier: bool,
}

/// A link as the kernel shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedLink {
    /// The name that the NIC has in the kernel now. Example: `multinic0`.
    pub link_name: String,
    /// The operational state in the kernel (RFC 2863). Examples: `up`, `lowerlayerdown` (no carrier).
    pub oper_state: String,
    /// The MTU that the NIC has in the kernel now, in bytes.
    pub mtu: u32,
    /// The IP addresses that the NIC has in the kernel now, with their prefix lengths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}
