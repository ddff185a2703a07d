//! What keeps NICs although no row asks for them.

use proptest::prelude::*;

use super::*;

/// Two Nodes with three NICs each.
fn six() -> (Cluster, Vec<TestRow>) {
    let mut cluster = Cluster::new();
    let rows = [rows("a", 1..4), rows("b", 4..7)].concat();
    cluster.sync(&rows);
    (cluster, rows)
}

fn all_are_there(cluster: &Cluster) {
    assert_eq!(cluster.nics("a"), [(1, 0), (2, 1), (3, 2)]);
    assert_eq!(cluster.nics("b"), [(4, 0), (5, 1), (6, 2)]);
}

fn is_held(cluster: &Cluster, node: &str) -> bool {
    cluster.synced(node).0 == "ShrinkGuard"
}

#[test]
fn names_that_stop_matching_take_no_nic_away_and_are_said_and_are_no_success() {
    let (mut cluster, rows) = six();
    let renamed: Vec<_> =
        rows.iter().map(|row| TestRow { node: "server-7", success: "1", ..row.clone() }).collect();
    for _ in 0..4 {
        let plan = cluster.sync(&renamed);
        assert_eq!((reason(&plan, "a"), reason(&plan, "b")), (Reason::UnmatchedRows, Reason::UnmatchedRows));
        all_are_there(&cluster);
    }
    let (_, message) = cluster.synced("a");
    assert!(message.contains("02:00:00:00:00:01 (server \"server-7\")"), "{message}");
    assert!(message.contains("multinic.io/openstack-names"), "{message}");
    let mut snapshot = snapshot_with(&renamed, &cluster.nodes, &cluster.objects);
    let (updates, _) = mirror(&mut snapshot, &cluster.nodes, &cluster.objects, true);
    assert_eq!(
        updates.iter().map(|update| (update.success, update.keys.len())).collect::<Vec<_>>(),
        [(false, 6)]
    );

    assert_eq!(reason(&cluster.sync(&rows), "a"), Reason::Synced);
}

#[test]
fn a_row_of_a_renamed_server_keeps_its_nic_as_far_as_it_can_be_read() {
    let good = row("p1", 1, "a");
    let other = row("p2", 2, "b");
    for renamed in [
        TestRow { node: "a-renamed", ..good.clone() },
        TestRow { node: "a-renamed", mtu: "x", ..good.clone() },
        TestRow { node: "a-renamed", mac: "?".to_owned(), ..good.clone() },
        TestRow { node: "a-renamed", port_id: "", ..good.clone() },
    ] {
        let mut cluster = Cluster::new();
        cluster.sync(&[good.clone(), other.clone()]);
        for _ in 0..3 {
            assert_eq!(reason(&cluster.sync(&[renamed.clone(), other.clone()]), "a"), Reason::UnmatchedRows);
        }
        assert_eq!(cluster.nics("a"), [(1, 0)], "{renamed:?}");
    }
}

#[test]
fn five_of_six_rows_gone_are_held_until_a_person_confirms_on_all_objects() {
    let (mut cluster, rows) = six();
    for _ in 0..4 {
        let plan = cluster.sync(&rows[5..]);
        assert!(plan.guarded);
        all_are_there(&cluster);
    }
    let (_, message) = cluster.synced("a");
    assert!(message.starts_with("rows are missing for 5 of the 6 NICs of all Nodes"), "{message}");
    let command = "kubectl annotate nodenetworkconfigs --all --overwrite multinic.io/confirm-removal=";
    assert!(message.contains(command) && cluster.synced("b").1.contains(command), "{message}");

    // The answers come one by one, and a sync may be between them.
    cluster.confirm("a", &["a"]);
    cluster.sync(&rows[5..]);
    assert_eq!((cluster.nics("a"), cluster.nics("b").len()), (vec![], 3));
    let token =
        cluster.configs["a"].metadata.annotations.as_ref().unwrap()["multinic.io/confirm-removal"].clone();
    cluster.annotate("b", &token);
    assert!(!cluster.sync(&rows[5..]).guarded);
    assert_eq!(cluster.nics("b"), [(6, 2)]);
    assert_eq!(reason(&cluster.sync(&rows[5..]), "b"), Reason::Synced);
}

#[test]
fn most_of_one_nodes_nics_are_held_for_that_node_alone() {
    let mut cluster = Cluster { slots: 10, ..Cluster::new() };
    let all = [rows("a", 1..5), rows("b", 5..13)].concat();
    cluster.sync(&all);
    let left = [rows("a", 4..5), rows("b", 5..13)].concat();
    for _ in 0..3 {
        cluster.sync(&left);
    }
    assert_eq!((cluster.nics("a").len(), is_held(&cluster, "a"), is_held(&cluster, "b")), (4, true, false));
    let (_, message) = cluster.synced("a");
    assert!(message.starts_with("rows are missing for 3 of the 4 NICs of this Node"), "{message}");
    assert!(message.contains("kubectl annotate nodenetworkconfigs a --overwrite"), "{message}");

    // Elsewhere a removal is as quick as ever.
    let fewer = [rows("a", 4..5), rows("b", 6..13)].concat();
    cluster.sync(&fewer);
    cluster.sync(&fewer);
    assert_eq!((cluster.nics("a").len(), cluster.nics("b").len()), (4, 7));

    cluster.confirm("a", &["a"]);
    cluster.sync(&fewer);
    assert_eq!(cluster.nics("a"), [(4, 3)]);
}

#[test]
fn two_of_two_nics_of_a_node_go_without_a_word() {
    let mut cluster = Cluster { slots: 10, ..Cluster::new() };
    let b = rows("b", 3..9);
    cluster.sync(&[rows("a", 1..3), b.clone()].concat());
    cluster.sync(&b);
    cluster.sync(&b);
    assert_eq!(cluster.nics("a"), []);
}

#[test]
fn what_is_held_stays_so_while_rows_come_back_one_by_one() {
    let (mut cluster, rows) = six();
    cluster.sync(&[]);
    cluster.sync(&[]);
    for back in 1..6 {
        for _ in 0..3 {
            cluster.sync(&rows[..back]);
        }
        all_are_there(&cluster);
        assert!(is_held(&cluster, "b"), "{back} rows are back");
    }
    assert!(!cluster.sync(&rows).guarded);
    assert_eq!(cluster.synced("b").0, "Synced");
}

#[test]
fn what_is_held_stays_so_over_a_restart_and_is_confirmed_by_what_was_asked_before_it() {
    let (mut cluster, rows) = six();
    for _ in 0..3 {
        cluster.sync(&[]);
    }
    cluster.restart();
    for _ in 0..3 {
        // Few enough to go otherwise.
        cluster.sync(&rows[..4]);
    }
    all_are_there(&cluster);
    assert!(is_held(&cluster, "b"));

    cluster.confirm("b", &["a", "b"]);
    cluster.restart();
    cluster.sync(&rows[..4]);
    cluster.sync(&rows[..4]);
    assert_eq!(cluster.nics("b"), [(4, 0)]);
}

#[test]
fn a_confirmation_is_for_what_was_held_and_for_no_later_accident() {
    let (mut cluster, rows) = six();
    cluster.sync(&rows[5..]);
    cluster.sync(&rows[5..]);

    // More than was asked about.
    cluster.confirm("a", &["a", "b"]);
    cluster.sync(&[]);
    cluster.sync(&[]);
    all_are_there(&cluster);

    // The same again, after all rows had come back.
    cluster.confirm("a", &["a", "b"]);
    cluster.sync(&rows);
    for _ in 0..4 {
        cluster.sync(&[]);
    }
    all_are_there(&cluster);
    cluster.restart();
    for _ in 0..4 {
        cluster.sync(&[]);
    }
    all_are_there(&cluster);
    cluster.confirm("a", &["a", "b"]);
    cluster.sync(&[]);
    cluster.sync(&[]);
    assert_eq!((cluster.nics("a"), cluster.nics("b")), (vec![], vec![]));
}

#[test]
fn the_last_nic_of_a_table_goes_once_it_is_confirmed() {
    let mut cluster = Cluster::new();
    cluster.sync(&rows("a", [1]));
    for _ in 0..3 {
        cluster.sync(&[]);
    }
    assert_eq!(cluster.nics("a"), [(1, 0)]);
    assert!(cluster.synced("a").1.starts_with("the table has no row for this cluster"));
    cluster.confirm("a", &["a", "b"]);
    cluster.sync(&[]);
    assert_eq!(cluster.nics("a"), []);
    assert_eq!(reason(&cluster.sync(&[]), "a"), Reason::Synced);
}

#[test]
fn rows_of_another_cluster_do_not_make_ours_believed() {
    let mut cluster = Cluster::new();
    let foreign = rows("elsewhere", 7..12);
    cluster.sync(&[rows("a", [1]), foreign.clone()].concat());
    for _ in 0..4 {
        assert!(cluster.sync(&foreign).guarded);
    }
    assert_eq!(cluster.nics("a"), [(1, 0)]);
}

#[test]
fn a_confirmation_does_not_shorten_the_wait() {
    let mut cluster = Cluster::new();
    cluster.sync(&rows("a", [1]));
    cluster.sync(&[]);
    cluster.confirm("a", &["a"]);
    let plan = cluster.plan(&[]);
    assert_eq!(plan.dropped, []);
    cluster.sync(&[]);
    assert_eq!(cluster.nics("a"), []);
}

#[test]
fn rows_that_say_nothing_of_addresses_and_mtus_strip_no_fleet() {
    let (mut cluster, rows) = six();
    for node in ["a", "b"] {
        cluster.edit(node, |config| {
            for entry in &mut config.spec.interfaces {
                let Guarded::Valid(nic) = entry else { panic!("{entry:?}") };
                nic.addresses = vec!["10.0.0.5/24".parse().unwrap()];
                nic.mtu = "1400".parse().ok();
            }
        });
    }
    let before = cluster.objects.get("a").unwrap().interfaces.clone();
    for _ in 0..4 {
        assert!(cluster.sync(&rows).guarded);
    }
    assert_eq!(cluster.objects.get("a").unwrap().interfaces, before);
    assert!(cluster.synced("a").1.contains("the addresses of 02:00:00:00:00:01"));
    cluster.confirm("a", &["a", "b"]);
    cluster.sync(&rows);
    let nic = cluster.objects.get("a").unwrap().interface(mac(1)).cloned().unwrap();
    assert_eq!((nic.addresses, nic.mtu), (vec![], None));
}

#[test]
fn one_address_that_is_taken_out_of_its_row_goes_after_two_readings() {
    let (mut cluster, rows) = six();
    cluster.edit("a", |config| {
        let Guarded::Valid(nic) = &mut config.spec.interfaces[0] else { panic!() };
        nic.addresses = vec!["10.0.0.5/24".parse().unwrap()];
    });
    let addresses =
        |cluster: &Cluster| cluster.objects.get("a").unwrap().interface(mac(1)).unwrap().addresses.len();
    assert_eq!(reason(&cluster.sync(&rows), "a"), Reason::RowsMissing);
    assert_eq!(addresses(&cluster), 1);
    cluster.sync(&rows);
    assert_eq!(addresses(&cluster), 0);
}

#[test]
fn an_outage_clears_the_evidence() {
    let (mut cluster, rows) = six();
    cluster.sync(&rows[1..]);
    cluster.memory.forget_evidence();
    cluster.sync(&rows[1..]);
    all_are_there(&cluster);
    cluster.sync(&rows[1..]);
    assert_eq!(cluster.nics("a"), [(2, 1), (3, 2)]);
}

#[test]
fn an_entry_without_a_readable_mac_address_waits_like_any_other() {
    let (mut cluster, rows) = six();
    cluster.edit("a", |config| {
        let odd = json!({ "macAddress": 7, "name": "multinic9" });
        config.spec.interfaces.push(serde_json::from_value(odd).unwrap());
    });
    assert_eq!(reason(&cluster.sync(&rows), "a"), Reason::RowsMissing);
    assert_eq!(cluster.objects.get("a").unwrap().interfaces.len(), 4);
    cluster.sync(&rows);
    assert_eq!(cluster.objects.get("a").unwrap().interfaces.len(), 3);
}

#[test]
fn an_ambiguous_row_shows_on_every_node_that_it_may_mean() {
    let mut cluster = Cluster { nodes: nodes(&["n.a", "n.b", "other"]), ..Cluster::new() };
    let plan = cluster.sync(&rows("n", [1]));
    for (node, expected) in
        [("n.a", Reason::InvalidRows), ("n.b", Reason::InvalidRows), ("other", Reason::Synced)]
    {
        assert_eq!(reason(&plan, node), expected, "{node}");
    }
    assert!(cluster.synced("n.b").1.contains("could be any of the Nodes n.a, n.b"));
}

#[test]
fn a_rejected_row_hides_no_nic_that_is_about_to_go() {
    let (mut cluster, rows) = six();
    let bad = TestRow { mtu: "x", ..rows[0].clone() };
    let rows = [&[bad], &rows[2..]].concat();
    assert_eq!(reason(&cluster.sync(&rows), "a"), Reason::RowsMissing);
    let (_, message) = cluster.synced("a");
    assert!(message.contains("no row asks for 02:00:00:00:00:02"), "{message}");
    assert!(message.contains("1 row is not used: port p1"), "{message}");
    assert!(message.contains("02:00:00:00:00:01; they stay as they are"), "{message}");
}

fn any_share() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::subsequence((1..9_u8).collect::<Vec<_>>(), 0..=8)
}

proptest! {
    #[test]
    fn no_more_goes_at_once_than_the_guards_allow(
        before in any_share(), between in any_share(), after in any_share()
    ) {
        let mut cluster = Cluster { slots: 10, ..Cluster::new() };
        let table = |macs: &[u8]| {
            let (a, b): (Vec<u8>, Vec<u8>) = macs.iter().partition(|mac| **mac < 5);
            [rows("a", a), rows("b", b)].concat()
        };
        cluster.sync(&table(&before));
        for macs in [&between, &between, &after, &after, &after] {
            let size = |node: &str| cluster.nics(node).len();
            let sizes = [("a", size("a")), ("b", size("b"))];
            let total = sizes[0].1 + sizes[1].1;
            let plan = cluster.sync(&table(macs));
            let gone = |node: &str| plan.dropped.iter().filter(|change| &*change.node == node).count();
            for (node, size) in sizes {
                prop_assert!(gone(node) <= 2 || gone(node) * 2 <= size, "{} of {}", gone(node), size);
            }
            let gone = plan.dropped.len();
            prop_assert!(gone <= 4 || gone * 2 <= total, "{} of {}", gone, total);
            prop_assert!(gone == 0 || !macs.is_empty());
        }
    }
}
