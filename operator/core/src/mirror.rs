//! What `netplan_success` should say, and which rows say something else.

mod marks;
mod proof;
mod update;

use std::mem;

use multinic_crds::MacAddress;

pub use self::{marks::Marks, update::Update};
use self::{proof::proves, update::updates};
use crate::{
    cluster::{Index, Name, Node, Object},
    table::{Mark, Nic, Snapshot, Stray},
};

/// The rows whose `netplan_success` is not what the objects prove, and what every row says once they are written.
///
/// What is to be taken away comes first.
/// Objects that are not `watched` may be stale, so they prove no success, they only disprove it.
/// Rows of servers that are no Nodes here are left alone, since another cluster may share the table; those about NICs
/// that an object has were ours, and are no success. The snapshot has no marks afterwards.
#[must_use]
pub fn mirror(
    snapshot: &mut Snapshot,
    nodes: &Index<Node>,
    objects: &Index<Object>,
    watched: bool,
) -> (Vec<Update>, Marks) {
    let (mut yes, mut no) = (Vec::new(), Vec::new());
    let mut marks = Marks::default();
    for Mark { key, success: said, nic: identity } in mem::take(&mut snapshot.marks) {
        let object = identity.as_ref().and_then(|(name, _)| objects.get(name));
        let asked = object.zip(identity.as_ref()).is_some_and(|(object, (name, mac))| {
            snapshot.nic(name, *mac).is_some_and(|nic| asks_for(object, nic))
        });
        let success = asked && is_proven(identity.as_ref(), nodes, object);
        let differs = said != Some(success) && (watched || !success);
        if differs {
            let keys = if success { &mut yes } else { &mut no };
            keys.push(key.clone());
        }
        let said = if differs { Some(success) } else { said };
        if let Some((identity, object)) = identity.zip(object) {
            marks.keep(identity, object.generation, asked, said, key);
        }
    }
    no.extend(
        lost(snapshot, objects).filter(|row| row.success != Some(false)).filter_map(|row| row.key.clone()),
    );
    (updates(no, yes), marks)
}

/// The rows of servers that are no Nodes here, about NICs that the objects have.
fn lost<'a>(snapshot: &'a Snapshot, objects: &'a Index<Object>) -> impl Iterator<Item = &'a Stray> {
    let objects = objects.iter().filter(|_| !snapshot.strays.is_empty());
    objects
        .flat_map(|(_, object)| object.interfaces.iter().flat_map(|entry| snapshot.strays.of(object, entry)))
}

fn is_proven(identity: Option<&(Name, MacAddress)>, nodes: &Index<Node>, object: Option<&Object>) -> bool {
    let Some(((name, mac), object)) = identity.zip(object) else { return false };
    nodes.get(name).is_some_and(|node| proves(object, node, *mac))
}

fn asks_for(object: &Object, nic: &Nic) -> bool {
    object
        .interface(nic.mac)
        .is_some_and(|interface| *interface == nic.interface(interface.name, Some(interface)))
}

#[cfg(test)]
mod tests {
    use multinic_crds::GuardedConfig;
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::WatchedNode;
    use crate::fixtures::{TestRow, mac, nodes, object, row, snapshot, snapshot_with};

    fn status(observed: i64, state: &str) -> Value {
        let nic = json!({ "macAddress": mac(1), "name": "multinic0", "state": state, "reason": "Because" });
        json!({ "observedGeneration": observed, "interfaces": [nic] })
    }

    /// What is written for a table of one row, given what the object of its node looks like.
    fn written(row: TestRow, objects: impl IntoIterator<Item = GuardedConfig>) -> Option<bool> {
        let mut index = Index::default();
        for object in objects {
            index.record(object);
        }
        let nodes = nodes(&["a", "b"]);
        let (updates, _) = mirror(&mut snapshot_with(&[row], &nodes, &index), &nodes, &index, true);
        updates.first().map(|update| update.success)
    }

    fn saying(success: &'static str) -> TestRow {
        TestRow { success, ..row("p1", 1, "a") }
    }

    #[test]
    fn success_is_written_once_the_nic_is_configured_at_the_newest_generation() {
        let configured = || [object("a", 2, &[(1, 0)], status(2, "Configured"))];
        assert_eq!(written(saying("0"), configured()), Some(true));
        assert_eq!(written(saying("NULL"), configured()), Some(true));
        assert_eq!(written(saying("1"), configured()), None);
    }

    #[test]
    fn success_is_taken_back_for_whatever_is_not_proven() {
        for objects in [
            vec![],
            vec![object("a", 2, &[(1, 0)], Value::Null)],
            vec![object("a", 3, &[(1, 0)], status(2, "Configured"))],
            vec![object("a", 2, &[(1, 0)], status(2, "Failed"))],
            vec![object("a", 2, &[], status(2, "Configured"))],
            vec![object("b", 2, &[(1, 0)], status(2, "Configured"))],
        ] {
            assert_eq!(written(saying("1"), objects.clone()), Some(false), "{objects:?}");
            assert_eq!(written(saying("0"), objects.clone()), None, "{objects:?}");
            assert_eq!(written(saying("NULL"), objects.clone()), Some(false), "{objects:?}");
        }
    }

    #[test]
    fn objects_that_may_be_stale_take_success_away_but_never_give_it() {
        let mut index = Index::default();
        index.record(object("a", 2, &[(1, 0)], status(2, "Configured")));
        let rows = [saying("0"), TestRow { success: "1", ..row("p2", 2, "a") }];
        let nodes = nodes(&["a"]);
        let said = |watched| {
            let (updates, _) = mirror(&mut snapshot(&rows, &nodes), &nodes, &index, watched);
            updates.iter().map(|update| update.success).collect::<Vec<_>>()
        };
        assert_eq!(said(true), [false, true]);
        assert_eq!(said(false), [false]);
    }

    /// What is written for a row that says 1, where all is configured, but the Node and the agent's status say this too.
    fn kept(node: &Value, more: &Value) -> bool {
        let mut shown = json!({ "metadata": { "name": "a", "uid": "uid-a" }, "status": node });
        if let Some(uid) = node.get("uid") {
            shown["metadata"]["uid"] = uid.clone();
        }
        let mut nodes = Index::<Node>::default();
        nodes.record(serde_json::from_value::<WatchedNode>(shown).unwrap());
        let mut status = status(2, "Configured");
        status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut objects = Index::default();
        objects.record(object("a", 2, &[(1, 0)], status));
        let mut snapshot = snapshot_with(&[saying("1")], &nodes, &objects);
        mirror(&mut snapshot, &nodes, &objects, true).0.is_empty()
    }

    #[test]
    fn a_proof_counts_only_for_the_boot_and_the_node_that_there_are_now() {
        let ready = |status: &str| json!([{ "type": "Ready", "status": status }]);
        let in_boot = json!({ "bootId": "b-1" });
        assert!(kept(&json!({}), &in_boot));
        assert!(kept(&json!({ "nodeInfo": { "bootID": "b-1" }, "conditions": ready("True") }), &in_boot));
        for node in [
            json!({ "nodeInfo": { "bootID": "b-2" } }),
            json!({ "conditions": ready("False") }),
            json!({ "conditions": ready("Unknown") }),
            json!({ "uid": "uid-of-a-later-node" }),
        ] {
            assert!(!kept(&node, &in_boot), "{node}");
        }
    }

    #[test]
    fn an_agent_that_could_not_look_proves_nothing_and_one_that_could_proves_each_nic() {
        let ready = |status: &str, reason: &str| {
            json!({ "conditions": [{
                "type": "Ready", "status": status, "reason": reason, "message": "", "observedGeneration": 2,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }]})
        };
        for fine in
            [ready("True", "Configured"), ready("False", "DeviceMissing"), ready("False", "InterfaceFailed")]
        {
            assert!(kept(&json!({}), &fine), "{fine}");
        }
        for blind in [ready("False", "KernelUnreadable"), ready("False", "HostFilesUnreadable")] {
            assert!(!kept(&json!({}), &blind), "{blind}");
        }
    }

    #[test]
    fn a_row_that_asks_for_something_else_than_the_spec_is_no_success() {
        let configured = [object("a", 2, &[(1, 0)], status(2, "Configured"))];
        assert_eq!(written(TestRow { mtu: "1400", ..saying("1") }, configured), Some(false));
    }

    #[test]
    fn a_rejected_row_is_no_success_and_a_foreign_row_is_left_alone() {
        let configured = || [object("a", 2, &[(1, 0)], status(2, "Configured"))];
        assert_eq!(written(TestRow { mtu: "x", ..saying("1") }, configured()), Some(false));
        let foreign = TestRow { node: "elsewhere", ..row("p2", 2, "a") };
        assert_eq!(written(TestRow { success: "1", ..foreign }, configured()), None);
    }

    #[test]
    fn a_row_that_was_ours_is_no_success_once_its_server_is_no_node() {
        let configured = || [object("a", 2, &[(1, 0)], status(2, "Configured"))];
        let renamed = TestRow { node: "a-renamed", ..saying("1") };
        assert_eq!(written(renamed.clone(), configured()), Some(false));
        assert_eq!(written(TestRow { success: "0", ..renamed.clone() }, configured()), None);
        assert_eq!(written(TestRow { port_id: "p9", ..renamed.clone() }, configured()), None);
        assert_eq!(written(renamed, [object("a", 2, &[], Value::Null)]), None);
    }
}
