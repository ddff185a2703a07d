//! Objects that are made anew, while the node has NICs of an earlier one; Nodes that go and come.

use super::*;

fn machine(name: &str, uid: &str) -> Value {
    json!({
        "metadata": { "name": name, "uid": uid },
        "spec": { "providerID": "openstack:///aaaa" },
    })
}

/// The operator starts, and no object is there; the agent of `a` has these NICs.
fn anew(rows: &[TestRow], kernel: &[(u8, usize)]) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.sync(rows);
    cluster.report("a", kernel);
    cluster
}

fn keeps_unlisted(cluster: &Cluster, node: &str) -> bool {
    cluster.objects.get(node).unwrap().keeps_unlisted
}

#[test]
fn a_new_object_takes_nothing_away_until_what_the_agent_has_was_missing_for_long_enough() {
    let other = rows("a", 2..4);
    let mut cluster = anew(&other, &[(1, 0), (2, 1), (3, 2)]);
    assert!(keeps_unlisted(&cluster, "a"));
    let plan = cluster.sync(&other);
    assert_eq!((reason(&plan, "a"), plan.dropped.len()), (Reason::RowsMissing, 0));
    assert!(cluster.synced("a").1.contains("02:00:00:00:00:01"));
    assert!(keeps_unlisted(&cluster, "a"));

    // The names that they have were written, and the agent answers to that.
    cluster.report("a", &[(1, 0), (2, 1), (3, 2)]);
    let plan = cluster.sync(&other);
    assert_eq!(plan.dropped, [change("a", 1, "multinic0", None)]);
    assert!(!keeps_unlisted(&cluster, "a"));
}

#[test]
fn a_new_object_takes_nothing_away_while_the_table_is_empty() {
    let mut cluster = anew(&[], &[(1, 0)]);
    for _ in 0..4 {
        assert!(cluster.sync(&[]).guarded);
    }
    assert!(keeps_unlisted(&cluster, "a"));
    cluster.confirm("a", &["a"]);
    cluster.sync(&[]);
    assert!(!keeps_unlisted(&cluster, "a"));
}

#[test]
fn a_new_object_takes_nothing_away_while_a_row_that_cannot_be_used_may_be_about_it() {
    let bad = TestRow { mtu: "x", ..row("p1", 1, "a") };
    let table = [vec![bad], rows("a", 2..4)].concat();
    let mut cluster = anew(&table, &[(1, 0), (2, 1), (3, 2)]);
    for _ in 0..4 {
        assert_eq!(cluster.sync(&table).dropped, []);
    }
    assert!(keeps_unlisted(&cluster, "a"));
}

#[test]
fn most_of_what_the_agents_have_is_held_also_where_all_objects_are_new() {
    let mut cluster = Cluster::new();
    let table = rows("a", [1]);
    cluster.sync(&table);
    cluster.report("a", &[(1, 0), (2, 1), (3, 2)]);
    cluster.report("b", &[(4, 0), (5, 1), (6, 2)]);
    for _ in 0..4 {
        assert!(cluster.sync(&table).guarded);
    }
    assert!(keeps_unlisted(&cluster, "a") && keeps_unlisted(&cluster, "b"));
}

#[test]
fn a_removal_from_a_new_object_waits_for_the_agents_word_and_goes_then() {
    let mut cluster = Cluster::new();
    let (all, left) = (rows("a", 1..4), rows("a", 2..4));
    cluster.sync(&all);
    cluster.report("a", &[(1, 0), (2, 1), (3, 2)]);
    cluster.sync(&left);
    cluster.sync(&left);
    assert_eq!((cluster.nics("a"), keeps_unlisted(&cluster, "a")), (vec![(2, 1), (3, 2)], false));

    let mut silent = Cluster::new();
    silent.sync(&all);
    silent.sync(&left);
    silent.sync(&left);
    assert_eq!((silent.nics("a"), keeps_unlisted(&silent, "a")), (vec![(2, 1), (3, 2)], true));
}

#[test]
fn one_machine_that_is_two_nodes_is_said_on_both_and_loses_nothing() {
    let mut cluster = Cluster { nodes: Index::default(), ..Cluster::new() };
    cluster.join(&machine("worker-1", "1"));
    let table = rows("worker-1", 1..4);
    cluster.sync(&table);
    cluster.join(&machine("worker-1.example.com", "2"));
    cluster.sync(&table);
    cluster.report("worker-1.example.com", &[(1, 0), (2, 1), (3, 2)]);
    for _ in 0..4 {
        let plan = cluster.sync(&table);
        for node in ["worker-1", "worker-1.example.com"] {
            assert_eq!(reason(&plan, node), Reason::SameMachine, "{node}");
        }
    }
    assert!(cluster.synced("worker-1").1.contains("worker-1, worker-1.example.com are one machine"));
    assert!(keeps_unlisted(&cluster, "worker-1.example.com"));
    assert_eq!(cluster.nics("worker-1"), [(1, 0), (2, 1), (3, 2)]);
}

#[test]
fn slots_and_mode_outlive_a_short_absence_of_the_node() {
    for name in ["a", "a-renamed"] {
        let mut cluster = Cluster { nodes: Index::default(), ..Cluster::new() };
        cluster.join(&machine("a", "1"));
        cluster.sync(&rows("a", [2]));
        let table = rows("a", 1..3);
        cluster.sync(&table);
        assert_eq!(cluster.nics("a"), [(2, 0), (1, 1)]);
        cluster.edit("a", |config| config.spec.mode = Some(Guarded::Valid(Mode::Paused)));
        cluster.sync(&table);

        cluster.leave("a", &[]);
        cluster.join(&machine(name, "2"));
        let static_name: &'static str = if name == "a" { "a" } else { "a-renamed" };
        cluster.sync(&rows(static_name, 1..3));
        assert_eq!(cluster.nics(name), [(2, 0), (1, 1)], "{name}");
        assert_eq!(cluster.objects.get(name).unwrap().mode, Mode::Paused);
    }
}

#[test]
fn a_new_object_has_the_mode_for_new_nodes_and_keeps_what_a_person_makes_of_it() {
    let mut cluster = Cluster { initial_mode: Mode::DryRun, ..Cluster::new() };
    let table = rows("a", [1]);
    cluster.sync(&table);
    assert_eq!(cluster.objects.get("a").unwrap().mode, Mode::DryRun);
    cluster.edit("a", |config| config.spec.mode = Some(Guarded::Valid(Mode::Enforce)));
    cluster.sync(&rows("a", 1..3));
    assert_eq!(cluster.objects.get("a").unwrap().mode, Mode::Enforce);
}

#[test]
fn slots_are_forgotten_after_an_hour_and_another_machine_has_none_of_them() {
    for (wait, provider_id) in [(Duration::from_hours(2), "aaaa"), (Duration::ZERO, "bbbb")] {
        let mut cluster = Cluster { nodes: Index::default(), ..Cluster::new() };
        cluster.join(&machine("a", "1"));
        cluster.sync(&rows("a", [2]));
        cluster.sync(&rows("a", 1..3));
        cluster.leave("a", &[]);
        cluster.now += wait;
        cluster.sync(&[]);
        let mut node = machine("a", "2");
        node["spec"]["providerID"] = json!(format!("openstack:///{provider_id}"));
        cluster.join(&node);
        cluster.sync(&rows("a", 1..3));
        assert_eq!(cluster.nics("a"), [(1, 0), (2, 1)], "{wait:?}");
    }
}

#[test]
fn names_that_somebody_changes_by_hand_are_put_back() {
    let mut cluster = Cluster::new();
    let table = rows("a", 1..3);
    cluster.sync(&table);
    let rename = |cluster: &mut Cluster| {
        cluster.edit("a", |config| {
            let Guarded::Valid(nic) = &mut config.spec.interfaces[0] else { panic!() };
            nic.name = "multinic2".parse().unwrap();
        });
    };
    rename(&mut cluster);
    cluster.sync(&table);
    assert_eq!(cluster.nics("a"), [(1, 0), (2, 1)]);
    // Also of a NIC whose row is missing.
    rename(&mut cluster);
    cluster.sync(&table[1..]);
    assert_eq!(cluster.nics("a"), [(1, 0), (2, 1)]);

    // A link that is called so already is not renamed a second time.
    rename(&mut cluster);
    cluster.report("a", &[(1, 2), (2, 1)]);
    cluster.sync(&table);
    assert_eq!(cluster.nics("a"), [(2, 1), (1, 2)]);
}

#[test]
fn a_mac_address_that_somebody_changes_by_hand_is_put_back_into_its_slot() {
    let mut cluster = Cluster::new();
    let table = rows("a", 1..3);
    cluster.sync(&table);
    cluster.edit("a", |config| {
        let Guarded::Valid(nic) = &mut config.spec.interfaces[0] else { panic!() };
        nic.mac_address = mac(9);
    });
    cluster.sync(&table);
    assert_eq!(cluster.nics("a"), [(1, 0), (2, 1)]);
}

#[test]
fn slots_of_an_object_that_went_while_nobody_looked_come_back_from_what_the_agent_has() {
    let table = rows("a", 1..4);
    // The third one came meanwhile.
    let mut cluster = anew(&table, &[(1, 2), (2, 0)]);
    assert_eq!(cluster.nics("a"), [(1, 0), (2, 1), (3, 2)]);
    assert_eq!(cluster.sync(&table).dropped, []);
    let right = [(2, 0), (3, 1), (1, 2)];
    assert_eq!(cluster.nics("a"), right);
    assert!(!keeps_unlisted(&cluster, "a"), "the agent goes by the names from now on");

    // Of an object that is not new, the names count that it has.
    cluster.report("a", &[(1, 1), (2, 2), (3, 0)]);
    cluster.sync(&table);
    assert_eq!(cluster.nics("a"), right);
}
