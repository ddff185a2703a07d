//! What is planned, over whole syncs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;
use multinic_crds::{Guarded, GuardedConfig, KEEP, Mode, NodeNetworkConfigStatus, Reason, UNLISTED};
use serde_json::{Value, json};

use super::*;
use crate::{
    cluster::{Event, Index, Name, Node, Object, WatchedNode},
    fixtures::{TestRow, mac, nics, nodes, row, snapshot, snapshot_by, snapshot_with},
    mirror::mirror,
    routing::Networking,
};

mod addressing;
mod guards;
mod new_objects;
mod properties;
mod routes;

const GRACE: Duration = Duration::from_secs(30);

/// A cluster of the Nodes `a` and `b`, its API server, its clock, and what the operator remembers.
struct Cluster {
    nodes: Index<Node>,
    configs: BTreeMap<Name, GuardedConfig>,
    version: u64,
    objects: Index<Object>,
    memory: Memory,
    now: Instant,
    slots: usize,
    initial_mode: Mode,
    networking: Networking,
}

impl Cluster {
    fn new() -> Self {
        Self {
            nodes: nodes(&["a", "b"]),
            configs: BTreeMap::new(),
            version: 1,
            objects: Index::default(),
            memory: Memory::default(),
            now: Instant::now(),
            slots: 3,
            initial_mode: Mode::Enforce,
            networking: Networking::default(),
        }
    }

    /// One reading of `rows`, an interval after the last, carried out.
    fn sync(&mut self, rows: &[TestRow]) -> Plan {
        self.now += GRACE;
        let mut plan = self.plan(rows);
        self.memory = std::mem::take(&mut plan.memory);
        self.carry_out(&plan);
        plan
    }

    fn plan(&self, rows: &[TestRow]) -> Plan {
        let Self { nodes, objects, memory, now, slots, initial_mode, networking, .. } = self;
        let (initial_mode, now) = (*initial_mode, *now);
        let world = World { nodes, objects, max_interfaces: *slots, initial_mode, grace: GRACE, now };
        plan(&snapshot_by(networking, rows, nodes, objects), &world, memory)
    }

    /// Does what the API server would do with the writes of `plan`.
    fn carry_out(&mut self, plan: &Plan) {
        for task in &plan.tasks {
            if let Some(write) = &task.write {
                self.edit(&task.node, |config| {
                    let mut owner = json!({ "apiVersion": "v1", "kind": "Node", "name": &*task.node });
                    owner["uid"] = json!(write.owner);
                    config.metadata.owner_references = serde_json::from_value(json!([owner])).unwrap();
                    config.metadata.generation = config.metadata.generation.map(|generation| generation + 1);
                    let annotations = config.metadata.annotations.get_or_insert_default();
                    annotations.remove(UNLISTED);
                    annotations.extend(write.keeps_unlisted.then(|| (UNLISTED.into(), KEEP.into())));
                    config.spec.interfaces.clone_from(&write.interfaces);
                    config.spec.mode = write.mode.map(Guarded::Valid).or_else(|| config.spec.mode.take());
                });
            }
            let due = self
                .objects
                .get(&task.node)
                .and_then(|object| task.verdict.due(object, Timestamp::UNIX_EPOCH));
            if let Some(condition) = due {
                self.edit(&task.node, |config| status(config).conditions = vec![condition]);
            }
        }
    }

    /// Changes an object, or makes one.
    fn edit(&mut self, node: &str, change: impl FnOnce(&mut GuardedConfig)) {
        self.version += 1;
        let config = self.configs.entry(node.into()).or_insert_with(|| {
            let new = json!({ "metadata": { "name": node, "generation": 0 } });
            serde_json::from_value(new).unwrap()
        });
        change(config);
        config.metadata.resource_version = Some(self.version.to_string());
        self.objects.record(config.clone());
    }

    /// The agent of `node` reports these NICs, all configured under the names that they have.
    fn report(&mut self, node: &str, nics: &[(u8, usize)]) {
        let interfaces = nics.iter().map(|(last, number)| {
            let name = format!("multinic{number}");
            let observed = json!({ "linkName": name, "operState": "up", "mtu": 1500 });
            let nic = json!({
                "macAddress": mac(*last), "name": name, "state": "Configured", "reason": "Configured",
                "observed": observed,
            });
            serde_json::from_value(nic).unwrap()
        });
        let interfaces = interfaces.collect();
        self.edit(node, |config| {
            let generation = config.metadata.generation;
            let status = status(config);
            status.observed_generation = generation;
            status.interfaces = interfaces;
        });
    }

    /// Somebody deletes the object of `node`.
    fn delete(&mut self, node: &str) {
        self.version += 1;
        let mut config = self.configs.remove(node).unwrap();
        config.metadata.resource_version = Some(self.version.to_string());
        assert!(self.objects.handle(Event::Delete(config)));
    }

    /// The Node, and its object with it, is away for one sync.
    fn leave(&mut self, node: &str, rows: &[TestRow]) {
        self.delete(node);
        let left: serde_json::Value = json!({ "metadata": { "name": node } });
        assert!(self.nodes.handle(Event::Delete(serde_json::from_value::<WatchedNode>(left).unwrap())));
        self.nodes.sweep(|_| false);
        self.objects.sweep(|name| self.nodes.get(name).is_some());
        self.sync(rows);
    }

    fn join(&mut self, node: &Value) {
        self.nodes.record(serde_json::from_value::<WatchedNode>(node.clone()).unwrap());
    }

    /// The operator is started anew.
    fn restart(&mut self) {
        self.memory = Memory::default();
    }

    fn nics(&self, node: &str) -> Vec<(u8, usize)> {
        nics(&self.objects, node)
    }

    /// What the condition of `node` says.
    fn synced(&self, node: &str) -> (String, String) {
        let synced = self.objects.get(node).unwrap().synced.clone().unwrap();
        (synced.reason, synced.message)
    }

    /// A person answers with what the condition of `node` asks for, on these objects.
    fn confirm(&mut self, node: &str, objects: &[&str]) {
        let (_, message) = self.synced(node);
        let (_, token) = message.split_once("multinic.io/confirm-removal=").unwrap();
        let token = token.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap().to_owned();
        for object in objects {
            self.annotate(object, &token);
        }
    }

    fn annotate(&mut self, node: &str, token: &str) {
        self.edit(node, |config| {
            let annotations = config.metadata.annotations.get_or_insert_default();
            annotations.insert("multinic.io/confirm-removal".to_owned(), token.to_owned());
        });
    }
}

fn status(config: &mut GuardedConfig) -> &mut NodeNetworkConfigStatus {
    let status = config.status.get_or_insert_with(|| Guarded::Valid(NodeNetworkConfigStatus::default()));
    let Guarded::Valid(status) = status else { panic!("{status:?}") };
    status
}

/// Rows of `node` for these NICs.
fn rows(node: &'static str, macs: impl IntoIterator<Item = u8>) -> Vec<TestRow> {
    const PORTS: [&str; 13] =
        ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12"];
    macs.into_iter().map(|last| row(PORTS[usize::from(last)], last, node)).collect()
}

fn reason(plan: &Plan, node: &str) -> Reason {
    plan.tasks.iter().find(|task| &*task.node == node).unwrap().verdict.reason
}

fn change(node: &str, last: u8, name: &str, port_id: Option<&str>) -> Change {
    let port_id = port_id.map(str::to_owned);
    Change { node: node.into(), mac: mac(last), slot: name.parse().ok(), port_id }
}

#[test]
fn every_node_gets_one_object_also_without_rows() {
    let mut cluster = Cluster::new();
    let plan = cluster.sync(&[row("p1", 1, "a")]);
    let written: Vec<_> = plan.tasks.iter().map(|task| (&*task.node, task.write.is_some())).collect();
    assert_eq!(written, [("a", true), ("b", true)]);
    assert_eq!(plan.added, [change("a", 1, "multinic0", Some("p1"))]);
    assert_eq!((cluster.nics("a"), cluster.nics("b")), (vec![(1, 0)], vec![]));
}

#[test]
fn what_is_right_is_not_written_again() {
    let mut cluster = Cluster::new();
    let rows = [row("p1", 1, "a"), row("p2", 2, "b")];
    cluster.sync(&rows);
    let idle = cluster.sync(&rows);
    assert!(idle.tasks.iter().all(|task| task.write.is_none()), "{idle:?}");
    assert_eq!((idle.added, idle.dropped), (vec![], vec![]));
}

#[test]
fn a_nic_goes_after_two_readings_without_its_row_and_its_slot_is_used_again_after_that() {
    let mut cluster = Cluster::new();
    cluster.sync(&[row("p1", 1, "a"), row("p2", 2, "a")]);

    let rows = [row("p2", 2, "a"), row("p3", 3, "a")];
    assert_eq!(cluster.sync(&rows).dropped, []);
    assert_eq!(cluster.nics("a"), [(1, 0), (2, 1), (3, 2)]);
    let plan = cluster.sync(&rows);
    assert_eq!(plan.dropped, [change("a", 1, "multinic0", Some("p1"))]);
    assert_eq!(plan.added, []);
    assert_eq!(cluster.nics("a"), [(2, 1), (3, 2)]);
    cluster.sync(&[rows[0].clone(), rows[1].clone(), row("p4", 4, "a")]);
    assert_eq!(cluster.nics("a"), [(4, 0), (2, 1), (3, 2)]);
}

#[test]
fn a_removal_that_could_not_be_written_is_planned_again_at_once() {
    let mut cluster = Cluster::new();
    cluster.sync(&[row("p1", 1, "a"), row("p2", 2, "b")]);
    let rows = [row("p2", 2, "b")];
    cluster.sync(&rows);
    cluster.now += GRACE;
    let failed = cluster.plan(&rows);
    cluster.memory = failed.memory;
    assert_eq!(failed.dropped.len(), 1);
    assert_eq!(cluster.plan(&rows).dropped, failed.dropped);
}

#[test]
fn a_nic_whose_row_is_missing_is_named_until_it_goes_and_one_whose_row_was_renewed_is_not() {
    let mut cluster = Cluster::new();
    let rows = [row("p1", 1, "a"), row("p2", 2, "a")];
    assert_eq!(reason(&cluster.sync(&rows), "a"), Reason::Synced);
    let renewed = rows.clone().map(|row| TestRow { success: "1", ..row });
    assert_eq!(reason(&cluster.sync(&renewed), "a"), Reason::Synced);

    let plan = cluster.sync(&rows[..1]);
    assert_eq!((reason(&plan, "a"), reason(&plan, "b")), (Reason::RowsMissing, Reason::Synced));
    assert!(cluster.synced("a").1.starts_with("no row asks for 02:00:00:00:00:02; they go"), "{plan:?}");
    assert_eq!(reason(&cluster.sync(&rows[..1]), "a"), Reason::Synced);
}

#[test]
fn a_nic_that_a_row_without_a_readable_node_protects_is_not_called_synced() {
    let mut cluster = Cluster::new();
    let other = row("p2", 2, "b");
    cluster.sync(&[row("p1", 1, "a"), other.clone()]);
    let rows = [TestRow { node: "", ..row("p1", 1, "a") }, other];
    for _ in 0..3 {
        assert_eq!(reason(&cluster.sync(&rows), "a"), Reason::RowsMissing);
        let (_, message) = cluster.synced("a");
        assert!(
            message.starts_with("no row that can be used asks for 02:00:00:00:00:01; they stay"),
            "{message}"
        );
    }
}

#[test]
fn an_empty_table_takes_nothing_away_however_long_it_lasts() {
    let mut cluster = Cluster::new();
    cluster.sync(&[row("p1", 1, "a")]);
    for _ in 0..5 {
        let plan = cluster.sync(&[]);
        assert!(plan.guarded);
        assert_eq!((reason(&plan, "a"), reason(&plan, "b")), (Reason::ShrinkGuard, Reason::Synced));
        assert_eq!(cluster.nics("a"), [(1, 0)]);
    }
    let plan = cluster.sync(&[row("p1", 1, "a")]);
    assert!(!plan.guarded);
    assert_eq!(reason(&plan, "a"), Reason::Synced);
}

#[test]
fn a_row_that_cannot_be_read_protects_its_nic_by_mac_address_by_port_or_altogether() {
    let good = row("p1", 1, "a");
    let other = row("p2", 2, "b");
    for bad in [
        TestRow { mtu: "x", ..good.clone() },
        TestRow { mac: "?".to_owned(), ..good.clone() },
        TestRow { mac: "?".to_owned(), port_id: "", ..good.clone() },
        TestRow { mac: "?".to_owned(), port_id: "", node: "", ..good.clone() },
        TestRow { mtu: "x", node: "", ..good.clone() },
    ] {
        let mut cluster = Cluster::new();
        cluster.sync(&[good.clone(), other.clone()]);
        for _ in 0..4 {
            cluster.sync(&[bad.clone(), other.clone()]);
        }
        assert_eq!(cluster.nics("a"), [(1, 0)], "{bad:?}");
    }
}

#[test]
fn a_row_of_another_node_or_another_port_protects_nothing() {
    let good = row("p1", 1, "a");
    let other = row("p2", 2, "b");
    for bad in [
        TestRow { mtu: "x", node: "elsewhere", port_id: "p9", ..good.clone() },
        TestRow { mtu: "x", node: "b", ..good.clone() },
        TestRow { mac: "?".to_owned(), port_id: "p9", ..good.clone() },
    ] {
        let mut cluster = Cluster::new();
        cluster.sync(&[good.clone(), other.clone()]);
        for _ in 0..2 {
            cluster.sync(&[bad.clone(), other.clone()]);
        }
        assert_eq!(cluster.nics("a"), [], "{bad:?}");
    }
}

#[test]
fn two_rows_with_one_mac_address_change_nothing_for_it() {
    let mut cluster = Cluster::new();
    cluster.sync(&[row("p1", 1, "a"), row("p2", 2, "a")]);
    let conflict = [row("p1", 1, "a"), row("p9", 1, "b"), row("p2", 2, "a")];
    for _ in 0..3 {
        let plan = cluster.sync(&conflict);
        assert_eq!((reason(&plan, "a"), reason(&plan, "b")), (Reason::InvalidRows, Reason::InvalidRows));
        assert_eq!((cluster.nics("a"), cluster.nics("b")), (vec![(1, 0), (2, 1)], vec![]));
    }
}

#[test]
fn surplus_rows_are_reported_and_the_others_go_on() {
    let mut cluster = Cluster::new();
    let rows = [row("p1", 1, "a"), row("p2", 2, "a"), row("p3", 3, "a"), row("p4", 4, "a")];
    let plan = cluster.sync(&rows);
    assert_eq!(cluster.nics("a"), [(1, 0), (2, 1), (3, 2)]);
    assert_eq!(reason(&plan, "a"), Reason::NoFreeSlot);
    assert_eq!(plan.rejected.iter().map(|r| r.mac).collect::<Vec<_>>(), [Some(mac(4))]);
}

/// One NIC has gone, one is asked for, and one stays because its row cannot be used.
fn with_a_protected_nic() -> (Cluster, [TestRow; 2]) {
    let mut cluster = Cluster::new();
    cluster.sync(&[row("p1", 1, "a"), row("p2", 2, "a"), row("p3", 3, "a")]);
    let rows = [row("p2", 2, "a"), TestRow { mtu: "x", ..row("p3", 3, "a") }];
    cluster.sync(&rows);
    cluster.sync(&rows);
    assert_eq!(cluster.nics("a"), [(2, 1), (3, 2)]);
    (cluster, rows)
}

#[test]
fn an_object_deleted_by_hand_comes_back_with_its_slots_and_its_protected_nics() {
    let (mut cluster, rows) = with_a_protected_nic();
    cluster.delete("a");
    assert_eq!(cluster.nics("a"), []);
    cluster.sync(&rows);
    assert_eq!(cluster.nics("a"), [(2, 1), (3, 2)]);
}

#[test]
fn an_object_of_an_earlier_node_with_the_same_name_gets_its_new_owner() {
    let mut cluster = Cluster::new();
    let rows = [row("p1", 1, "a")];
    cluster.sync(&rows);
    let renewed = json!({ "metadata": { "name": "a", "uid": "uid-new" } });
    cluster.join(&renewed);
    let owners: Vec<_> = cluster
        .plan(&rows)
        .tasks
        .into_iter()
        .filter_map(|task| task.write)
        .map(|write| write.owner)
        .collect();
    assert_eq!(owners, ["uid-new"]);
}

#[test]
fn a_node_that_is_created_anew_has_its_slots_but_not_the_nics_of_the_one_before() {
    let (mut cluster, rows) = with_a_protected_nic();
    cluster.delete("a");
    let renewed = json!({ "metadata": { "name": "a", "uid": "uid-new" } });
    cluster.join(&renewed);
    cluster.sync(&rows);
    assert_eq!(cluster.nics("a"), [(2, 1)]);
}
