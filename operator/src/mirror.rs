//! What `netplan_success` should say, and which rows say something else.

use multinic_crds::InterfaceState;

use crate::{
    cluster::{Index, Object},
    inventory::{Mark, Nic, RowKey, Snapshot, Stray},
};

/// Rows that should all say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// What they should say.
    pub success: bool,
    /// The rows, in order, so that concurrent writers lock alike.
    pub keys: Vec<RowKey>,
}

/// The rows whose `netplan_success` is not what the objects prove.
///
/// What is to be taken away comes first.
/// Objects that are not `watched` may be stale, so they prove no success, they only disprove it.
/// Rows of servers that are no Nodes here are left alone, since another cluster may share the table; those about NICs
/// that an object has were ours, and are no success.
#[must_use]
pub fn mirror(snapshot: &Snapshot, objects: &Index<Object>, watched: bool) -> Vec<Update> {
    let (mut yes, mut no) = (Vec::new(), Vec::new());
    for mark in &snapshot.marks {
        let success = is_proven(mark, snapshot, objects);
        if mark.success != Some(success) && (watched || !success) {
            let keys = if success { &mut yes } else { &mut no };
            keys.push(mark.key.clone());
        }
    }
    no.extend(
        lost(snapshot, objects).filter(|row| row.success != Some(false)).filter_map(|row| row.key.clone()),
    );
    let update = |(success, mut keys): (bool, Vec<RowKey>)| {
        keys.sort_unstable();
        keys.dedup();
        (!keys.is_empty()).then_some(Update { success, keys })
    };
    [(false, no), (true, yes)].into_iter().filter_map(update).collect()
}

/// The rows of servers that are no Nodes here, about NICs that the objects have.
fn lost<'a>(snapshot: &'a Snapshot, objects: &'a Index<Object>) -> impl Iterator<Item = &'a Stray> {
    let objects = objects.iter().filter(|_| !snapshot.strays.is_empty());
    objects.flat_map(|(_, object)| {
        object.interfaces.iter().flat_map(|entry| object.strays(entry, &snapshot.strays))
    })
}

/// Whether the object is current, asks for exactly this NIC, and the agent has read it back.
fn is_proven(mark: &Mark, snapshot: &Snapshot, objects: &Index<Object>) -> bool {
    let Some((node, mac)) = &mark.nic else { return false };
    let (Some(nic), Some(object)) = (snapshot.nic(node, *mac), objects.get(node)) else { return false };
    object.observed_generation == Some(object.generation)
        && asks_for(object, nic)
        && object.reported(*mac).is_some_and(|reported| reported.state == InterfaceState::Configured)
}

fn asks_for(object: &Object, nic: &Nic) -> bool {
    object.interface(nic.mac).is_some_and(|interface| *interface == nic.interface(interface.name))
}

#[cfg(test)]
mod tests {
    use multinic_crds::GuardedConfig;
    use serde_json::{Value, json};

    use super::*;
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
        let updates = mirror(&snapshot_with(&[row], &nodes(&["a", "b"]), &index), &index, true);
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
        let snapshot = snapshot(&rows, &nodes(&["a"]));
        let said = |watched| mirror(&snapshot, &index, watched).iter().map(|u| u.success).collect::<Vec<_>>();
        assert_eq!(said(true), [false, true]);
        assert_eq!(said(false), [false]);
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
