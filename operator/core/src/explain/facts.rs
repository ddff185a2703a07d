//! What was listed, reduced to what is explained.

use k8s_openapi::{
    api::core::v1::Node as KubeNode,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
    jiff::Timestamp,
};
use multinic_crds::{Guarded, GuardedConfig, NodeNetworkConfigStatus};
use serde::Deserialize;

/// All that was listed.
#[derive(Debug, Default)]
pub struct Fleet {
    /// The Nodes that should have an agent; `None` where they may not be listed.
    pub nodes: Option<Vec<Node>>,
    /// Whether these are not all, so that the Node of an object may be there all the same.
    pub is_selection: bool,
    /// The objects of all Nodes.
    pub objects: Vec<Object>,
}

/// A Node, as far as it is read here.
#[derive(kube::Resource, Clone, Debug, Deserialize)]
#[resource(inherit = KubeNode)]
pub struct ListedNode {
    metadata: ObjectMeta,
    #[serde(default)]
    status: ListedStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListedStatus {
    conditions: Vec<ListedCondition>,
    node_info: ListedInfo,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListedCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    message: String,
    last_transition_time: Option<Time>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ListedInfo {
    #[serde(rename = "bootID")]
    boot_id: String,
}

/// A Node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Why it is not Ready, if it is not.
    pub down: Option<Down>,
    /// The boot that its kubelet reports; empty where it reports none.
    pub boot_id: String,
}

/// What is said of a Node that is not Ready.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Down {
    /// In the kubelet's words, or in those of who misses it.
    pub message: String,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// An object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object {
    /// Its name, which is that of its Node.
    pub name: String,
    /// Counts the changes of its spec.
    pub generation: i64,
    /// How many NICs it asks for.
    pub wanted: usize,
    /// What agent and operator say, as far as it can be read.
    pub status: NodeNetworkConfigStatus,
}

impl From<ListedNode> for Node {
    fn from(node: ListedNode) -> Self {
        let ListedNode { metadata, status } = node;
        let ready = status.conditions.into_iter().find(|condition| condition.kind == "Ready");
        let down = ready.filter(|ready| ready.status != "True").map(|ready| Down {
            message: ready.message,
            since: ready.last_transition_time.map(|time| time.0),
        });
        Self { name: metadata.name.unwrap_or_default(), down, boot_id: status.node_info.boot_id }
    }
}

impl From<GuardedConfig> for Object {
    fn from(config: GuardedConfig) -> Self {
        let status = match config.status {
            Some(Guarded::Valid(status)) => status,
            _ => NodeNetworkConfigStatus::default(),
        };
        Self {
            name: config.metadata.name.unwrap_or_default(),
            generation: config.metadata.generation.unwrap_or_default(),
            wanted: config.spec.interfaces.len(),
            status,
        }
    }
}
