//! Nodes, and which of them a row means.

use std::collections::{BTreeSet, HashMap};

use k8s_openapi::{api::core::v1::Node as KubeNode, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde::Deserialize;

use super::{Index, Name};

/// Further names, separated by commas, under which OpenStack knows a Node.
pub const NODE_NAMES_ANNOTATION: &str = "multinic.io/openstack-names";

const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";
const PROVIDER_SCHEME: &str = "openstack://";

/// A Node as far as this operator reads it; the rest of it is never decoded.
#[derive(kube::Resource, Clone, Debug, Deserialize)]
#[resource(inherit = KubeNode)]
pub struct WatchedNode {
    metadata: ObjectMeta,
    #[serde(default)]
    spec: WatchedSpec,
    #[serde(default)]
    status: WatchedStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WatchedSpec {
    #[serde(rename = "providerID")]
    provider_id: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WatchedStatus {
    node_info: WatchedInfo,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct WatchedInfo {
    #[serde(rename = "systemUUID")]
    system_uuid: String,
}

/// The facts of a Node that matter here. Heartbeats change none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The Node's uid, for the owner reference.
    pub uid: String,
    /// Server uuids of the machine, in lower case.
    ids: Vec<String>,
    /// Name and host name, in lower case.
    names: Vec<String>,
    /// What a person added, in lower case.
    aliases: Vec<String>,
}

impl From<WatchedNode> for Node {
    fn from(node: WatchedNode) -> Self {
        let WatchedNode { metadata, spec, status } = node;
        let instance = spec.provider_id.as_deref().and_then(instance_of);
        let hostname = metadata.labels.as_ref().and_then(|labels| labels.get(HOSTNAME_LABEL));
        let aliases = metadata.annotations.as_ref().and_then(|all| all.get(NODE_NAMES_ANNOTATION));
        Self {
            ids: folded([instance, Some(status.node_info.system_uuid.as_str())]),
            names: folded([metadata.name.as_deref(), hostname.map(String::as_str)]),
            aliases: folded(aliases.map(String::as_str).unwrap_or_default().split(',').map(Some)),
            uid: metadata.uid.unwrap_or_default(),
        }
    }
}

/// `openstack:///<uuid>`, or with a region before the uuid.
fn instance_of(provider_id: &str) -> Option<&str> {
    provider_id.strip_prefix(PROVIDER_SCHEME)?.rsplit('/').next()
}

fn folded<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> Vec<String> {
    let texts = texts.into_iter().flatten().map(|text| text.trim().to_ascii_lowercase());
    texts.filter(|text| !text.is_empty()).collect()
}

/// What a row says of its node. At least one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRef {
    /// `attached_node_id`, the server's uuid.
    pub id: Option<String>,
    /// `attached_node_name`, the server's display name.
    pub name: Option<String>,
}

impl NodeRef {
    /// How to name the node to people.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().or(self.id.as_deref()).unwrap_or_default()
    }
}

/// What [`Matcher::find`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// This Node and no other.
    One(&'a Name),
    /// More than one; which is meant cannot be told.
    Several(&'a BTreeSet<Name>),
    /// The cluster has no such Node.
    None,
}

type Candidates = HashMap<String, BTreeSet<Name>>;

/// Which Node a row means, by the strongest evidence that names any.
///
/// In this order: the server's uuid; the Node's name or host name; one of these where
/// one side is fully qualified and the other is not; an alias that a person gave.
#[derive(Debug, Default)]
pub struct Matcher {
    ids: Candidates,
    names: Candidates,
    /// The first label of every qualified name.
    short_names: Candidates,
    aliases: Candidates,
}

impl Matcher {
    /// A matcher for the Nodes that exist now.
    #[must_use]
    pub fn new(nodes: &Index<Node>) -> Self {
        let mut matcher = Self::default();
        for (name, node) in nodes.iter() {
            let mut add = |map: fn(&mut Self) -> &mut Candidates, key: &str| {
                map(&mut matcher).entry(key.to_owned()).or_default().insert(Name::clone(name));
            };
            node.ids.iter().for_each(|id| add(|m| &mut m.ids, id));
            node.aliases.iter().for_each(|alias| add(|m| &mut m.aliases, alias));
            for known in &node.names {
                add(|m| &mut m.names, known);
                if let Some((short, _)) = known.split_once('.') {
                    add(|m| &mut m.short_names, short);
                }
            }
        }
        matcher
    }

    /// The Node that `node` means.
    #[must_use]
    pub fn find(&self, node: &NodeRef) -> Found<'_> {
        let by_id = node.id.as_ref().and_then(|id| self.ids.get(&id.to_ascii_lowercase()));
        let candidates = by_id.or_else(|| self.by_any_name(&node.name.as_ref()?.to_ascii_lowercase()));
        match candidates {
            None => Found::None,
            Some(several) if several.len() > 1 => Found::Several(several),
            Some(one) => one.first().map_or(Found::None, Found::One),
        }
    }

    fn by_any_name(&self, name: &str) -> Option<&BTreeSet<Name>> {
        let shortened = match name.split_once('.') {
            // Only an unqualified Node is meant: `node1.a` and `node1.b` are two machines.
            Some((short, _)) => self.names.get(short),
            None => self.short_names.get(name),
        };
        self.names.get(name).or(shortened).or_else(|| self.aliases.get(name))
    }
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;
    use serde_json::json;

    use super::*;

    fn cluster(nodes: impl IntoIterator<Item = serde_json::Value>) -> Matcher {
        let mut index = Index::<Node>::default();
        for node in nodes {
            let node: WatchedNode = serde_json::from_value(node).unwrap();
            assert!(index.handle(Event::Apply(node)));
        }
        Matcher::new(&index)
    }

    fn named(name: &str) -> serde_json::Value {
        json!({ "metadata": { "name": name, "uid": format!("uid-{name}") } })
    }

    fn by_name(name: &str) -> NodeRef {
        NodeRef { id: None, name: Some(name.to_owned()) }
    }

    fn found<'a>(matcher: &'a Matcher, node: &NodeRef) -> Vec<&'a str> {
        match matcher.find(node) {
            Found::One(name) => vec![name],
            Found::Several(names) => names.iter().map(|name| &**name).collect(),
            Found::None => vec![],
        }
    }

    #[test]
    fn similar_names_never_match_each_other() {
        let matcher = cluster([named("node1"), named("node10"), named("node2.a"), named("node2.b")]);
        for (name, expected) in [
            ("node1", &["node1"][..]),
            ("NODE10", &["node10"]),
            ("node1.example", &["node1"]),
            ("node", &[]),
            ("node100", &[]),
            ("node2.c", &[]),
            ("node2.a", &["node2.a"]),
            ("node2", &["node2.a", "node2.b"]),
        ] {
            assert_eq!(found(&matcher, &by_name(name)), expected, "{name}");
        }
    }

    #[test]
    fn an_exact_name_wins_over_the_short_form_of_another() {
        let matcher = cluster([named("worker"), named("worker.novalocal")]);
        assert_eq!(found(&matcher, &by_name("worker")), ["worker"]);
    }

    #[test]
    fn the_servers_uuid_wins_over_its_name() {
        let matcher = cluster([
            json!({ "metadata": { "name": "a" }, "spec": { "providerID": "openstack:///AB-1" } }),
            json!({ "metadata": { "name": "b" }, "spec": { "providerID": "openstack://region/ab-2" } }),
            json!({ "metadata": { "name": "c" }, "status": { "nodeInfo": { "systemUUID": "AB-3" } } }),
            json!({ "metadata": { "name": "d" }, "spec": { "providerID": "aws:///zone/ab-4" } }),
        ]);
        let with_id = |id: &str| NodeRef { id: Some(id.to_owned()), name: Some("d".to_owned()) };
        for (id, expected) in [("ab-1", "a"), ("AB-2", "b"), ("ab-3", "c"), ("ab-4", "d")] {
            assert_eq!(found(&matcher, &with_id(id)), [expected], "{id}");
        }
    }

    #[test]
    fn host_names_and_annotated_names_lead_to_their_node() {
        let matcher = cluster([json!({ "metadata": {
            "name": "k8s-1",
            "labels": { HOSTNAME_LABEL: "host-1.example" },
            "annotations": { NODE_NAMES_ANNOTATION: "nova-1, Nova One" },
        }})]);
        for name in ["host-1", "Host-1.example", "nova-1", "NOVA ONE"] {
            assert_eq!(found(&matcher, &by_name(name)), ["k8s-1"], "{name}");
        }
    }

    #[test]
    fn a_heartbeat_changes_no_fact() {
        let mut index = Index::<Node>::default();
        let node = |heartbeat: &str| -> WatchedNode {
            serde_json::from_value(json!({
                "metadata": { "name": "a", "resourceVersion": heartbeat },
                "status": { "conditions": [{ "lastHeartbeatTime": heartbeat }], "nodeInfo": { "systemUUID": "x" } },
            }))
            .unwrap()
        };
        assert!(index.handle(Event::Apply(node("1"))));
        assert!(!index.handle(Event::Apply(node("2"))));
    }
}
