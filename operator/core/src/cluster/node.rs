//! A Node, as far as planning needs it.

use k8s_openapi::{api::core::v1::Node as KubeNode, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use multinic_crds::Addressing;
use serde::Deserialize;

use super::Facts;
use crate::addressing::addressing;

/// Further names, separated by commas, under which OpenStack knows a Node.
pub const NODE_NAMES_ANNOTATION: &str = "multinic.io/openstack-names";
/// Whether replies from the NICs of a Node leave by them, `true` or `false`, where the settings do not say it.
pub const SOURCE_ROUTING_ANNOTATION: &str = "multinic.io/source-routing";
/// Where the addresses of a Node's NICs come from that have none in the table, where neither it nor the settings say it.
pub const ADDRESSING_ANNOTATION: &str = "multinic.io/addressing";

const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";
/// Characters that are shown of what cannot be read.
const MAX_SHOWN: usize = 40;
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
    conditions: Vec<WatchedCondition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct WatchedCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WatchedInfo {
    #[serde(rename = "systemUUID")]
    system_uuid: String,
    #[serde(rename = "machineID")]
    machine_id: String,
    #[serde(rename = "bootID")]
    boot_id: String,
}

/// The facts of a Node that matter here. Heartbeats change none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The Node's uid, for the owner reference.
    pub uid: String,
    /// What runs under its name.
    pub machine: Machine,
    /// What a person says of replies, or what was written and says nothing.
    pub source_routing: Option<Result<bool, String>>,
    /// What a person says of addresses, or what was written and says nothing.
    pub addressing: Option<Result<Addressing, String>>,
    /// The boot that its kubelet reports, in lower case and without dashes; empty where it reports none.
    pub(super) boot_id: String,
    /// Whether its kubelet says that it is not ready, or is no longer heard of.
    pub(super) is_down: bool,
    /// The Node's name, in lower case.
    pub(super) name: String,
    /// Its host name, in lower case.
    pub(super) host_name: Option<String>,
    /// What a person added, in lower case.
    pub(super) aliases: Vec<String>,
}

/// By what a machine is known again. Ids are in lower case and without dashes; what is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Machine {
    /// The server's uuid, by the provider id that OpenStack's cloud provider gave the Node.
    pub instance: String,
    /// What the firmware says; copies of a machine may share it.
    pub system_uuid: String,
    /// What the operating system calls itself; copies of a disk may share it.
    pub machine_id: String,
}

impl Machine {
    /// Whether it is known that these are two.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        let differ = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && a != b;
        differ(&self.instance, &other.instance) || differ(&self.system_uuid, &other.system_uuid)
    }

    /// Whether these are one, under two names perhaps.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let same = |a: &str, b: &str| !a.is_empty() && a == b;
        let by_firmware = same(&self.system_uuid, &other.system_uuid) && self.machine_id == other.machine_id;
        !self.contradicts(other) && (same(&self.instance, &other.instance) || by_firmware)
    }
}

impl Node {
    /// Whether its kubelet says that it is not ready, or is no longer heard of.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        self.is_down
    }

    /// Whether what an agent said in `boot` may still hold.
    ///
    /// An agent that is no longer there takes nothing back, so what it said dies with its boot and with its Node.
    #[must_use]
    pub fn upholds(&self, boot: &str) -> bool {
        let boot = folded_id(boot);
        !self.is_down && (self.boot_id.is_empty() || boot.is_empty() || self.boot_id == boot)
    }
}

impl Facts for Node {
    /// How far its agent is believed is for the mirror alone.
    fn plans_like(&self, next: &Self) -> bool {
        let lasting = |node: &Self| Self { boot_id: String::new(), is_down: false, ..node.clone() };
        lasting(self) == lasting(next)
    }
}

impl From<WatchedNode> for Node {
    fn from(node: WatchedNode) -> Self {
        let WatchedNode { metadata, spec, status } = node;
        let instance = spec.provider_id.as_deref().and_then(instance_of);
        let label = metadata.labels.as_ref().and_then(|labels| labels.get(HOSTNAME_LABEL));
        let annotated =
            |name| metadata.annotations.as_ref().and_then(|all| all.get(name)).map(String::as_str);
        let source_routing = annotated(SOURCE_ROUTING_ANNOTATION).map(boolean);
        let addressing =
            annotated(ADDRESSING_ANNOTATION).map(|text| addressing(&folded(text)).ok_or_else(|| shown(text)));
        let aliases = annotated(NODE_NAMES_ANNOTATION).unwrap_or_default().split(',').map(folded);
        let WatchedInfo { system_uuid, machine_id, boot_id } = status.node_info;
        let ready = status.conditions.iter().find(|condition| condition.kind == "Ready");
        Self {
            source_routing,
            addressing,
            boot_id: folded_id(&boot_id),
            is_down: ready.is_some_and(|ready| ready.status != "True"),
            machine: Machine {
                instance: folded_id(instance.unwrap_or_default()),
                system_uuid: folded_id(&system_uuid),
                machine_id: folded_id(&machine_id),
            },
            name: folded(metadata.name.as_deref().unwrap_or_default()),
            host_name: label.map(|label| folded(label)).filter(|label| !label.is_empty()),
            aliases: aliases.filter(|alias| !alias.is_empty()).collect(),
            uid: metadata.uid.unwrap_or_default(),
        }
    }
}

/// `openstack:///<uuid>`, or with a region before the uuid.
fn instance_of(provider_id: &str) -> Option<&str> {
    provider_id.strip_prefix(PROVIDER_SCHEME)?.rsplit('/').next()
}

fn boolean(text: &str) -> Result<bool, String> {
    folded(text).parse().map_err(|_| shown(text))
}

/// As much of what cannot be read as is shown.
fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

/// A name as it is compared.
pub(super) fn folded(name: &str) -> String {
    name.trim().to_ascii_lowercase()
}

/// An id as it is compared.
pub(crate) fn folded_id(id: &str) -> String {
    folded(id).replace('-', "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::{Event, Index};

    #[test]
    fn a_machine_is_known_again_by_its_server_or_by_firmware_and_operating_system() {
        let machine = |instance: &str, system_uuid: &str, machine_id: &str| Machine {
            instance: instance.to_owned(),
            system_uuid: system_uuid.to_owned(),
            machine_id: machine_id.to_owned(),
        };
        let known = machine("a", "u", "m");
        assert!(known.is(&machine("a", "", "")) && known.is(&machine("", "u", "m")));
        for copy in [machine("b", "u", "m"), machine("", "u", "n"), machine("", "", "m"), machine("", "", "")]
        {
            assert!(!known.is(&copy), "{copy:?}");
        }
        assert!(known.contradicts(&machine("b", "u", "m")) && known.contradicts(&machine("", "v", "m")));
        assert!(!known.contradicts(&machine("", "", "n")));
    }

    #[test]
    fn what_an_agent_said_holds_in_its_boot_and_while_the_node_is_not_known_to_be_down() {
        let node = |ready: &str, boot: &str| -> Node {
            let conditions = match ready {
                "" => json!([{ "type": "DiskPressure", "status": "Unknown" }]),
                _ => json!([{ "type": "Ready", "status": ready }]),
            };
            let status = json!({ "conditions": conditions, "nodeInfo": { "bootID": boot } });
            let node = json!({ "metadata": { "name": "a" }, "status": status });
            serde_json::from_value::<WatchedNode>(node).unwrap().into()
        };
        for fine in [node("True", "B-1"), node("", "b-1"), node("True", ""), node("", "")] {
            assert!(fine.upholds("b-1") && fine.upholds("b1"), "{fine:?}");
            assert!(fine.upholds(""), "an agent that names no boot: {fine:?}");
        }
        for gone in [node("False", "b-1"), node("Unknown", "b-1"), node("True", "b-2")] {
            assert!(!gone.upholds("b-1"), "{gone:?}");
        }
    }

    #[test]
    fn what_a_person_says_of_addresses_is_a_fact_in_any_case_of_letters() {
        let said = |text: &str| {
            let annotations = json!({ ADDRESSING_ANNOTATION: text });
            let node = json!({ "metadata": { "name": "a", "annotations": annotations } });
            Node::from(serde_json::from_value::<WatchedNode>(node).unwrap()).addressing
        };
        assert_eq!(said(" DHCP4 "), Some(Ok(Addressing::Dhcp4)));
        assert_eq!(said("none"), Some(Ok(Addressing::None)));
        // An address that somebody knows is in the table.
        assert_eq!(said("static"), Some(Err("static".to_owned())));
        assert_eq!(said(&"x".repeat(2 * MAX_SHOWN)), Some(Err("x".repeat(MAX_SHOWN))));
        assert_eq!(Node::default().addressing, None);
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

    #[test]
    fn that_a_node_is_down_or_was_rebooted_asks_for_no_plan_and_another_name_does() {
        let node = Node { name: "a".to_owned(), boot_id: "b".to_owned(), ..Node::default() };
        assert!(node.plans_like(&Node { is_down: true, boot_id: "c".to_owned(), ..node.clone() }));
        assert!(!node.plans_like(&Node { host_name: Some("b".to_owned()), ..node.clone() }));
    }
}
