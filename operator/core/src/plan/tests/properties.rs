//! What holds for every table.

use proptest::prelude::*;

use super::*;

fn any_row() -> impl Strategy<Value = TestRow> {
    let port = prop_oneof![Just("p1"), Just("p2"), Just("p3"), Just("")];
    let node = prop_oneof![4 => Just("a"), 2 => Just("B"), 1 => Just("elsewhere"), 1 => Just("")];
    let mac = prop_oneof![8 => (1..7u8).prop_map(|last| mac(last).to_string()), 1 => Just("?".to_owned())];
    let address = prop_oneof![4 => Just(""), 1 => Just("10.20.0.5/24")];
    let mtu = prop_oneof![9 => Just("0"), 1 => Just("x"), 1 => Just("1279")];
    (port, node, mac, mtu, address, any_subnet()).prop_map(|(port_id, node, mac, mtu, address, subnet)| {
        TestRow { port_id, mac, node, mtu, address, ..subnet }
    })
}

/// What a subnet says of addresses.
fn any_subnet() -> impl Strategy<Value = TestRow> {
    let cidr = prop_oneof![8 => Just("10.20.0.0/24"), 4 => Just("2001:db8:20::/64"), 1 => Just("")];
    let gateway_ip = prop_oneof![Just(""), Just("10.20.0.1"), Just("fe80::1")];
    let mode = prop_oneof![4 => Just(""), 1 => Just("slaac"), 1 => Just("dhcpv6-stateful"), 1 => Just("x")];
    (cidr, gateway_ip, prop_oneof![Just(""), Just("0"), Just("1")], mode).prop_map(
        |(cidr, gateway_ip, enable_dhcp, ipv6_ra_mode)| TestRow {
            cidr,
            gateway_ip,
            enable_dhcp,
            ipv6_ra_mode,
            ..row("", 0, "")
        },
    )
}

fn any_table() -> impl Strategy<Value = Vec<TestRow>> {
    prop::collection::vec(any_row(), 0..12)
}

proptest! {
    #[test]
    fn every_row_counts_exactly_once(rows in any_table()) {
        let cluster = Cluster::new();
        let snapshot = snapshot(&rows, &cluster.nodes);
        let wanted: usize = ["a", "b"].iter().map(|node| snapshot.wanted(node).len()).sum();
        prop_assert_eq!(wanted + snapshot.rejected.len() + snapshot.unmatched.len(), rows.len());
    }

    #[test]
    fn once_carried_out_a_plan_leaves_nothing_to_write(tables in prop::collection::vec(any_table(), 1..6)) {
        let mut cluster = Cluster { networking: r#"{"sourceRouting": true}"#.parse().unwrap(), ..Cluster::new() };
        for rows in &tables {
            // A slot that became free is given away by the sync after, and no other follows.
            if !cluster.sync(rows).dropped.is_empty() {
                let plan = cluster.plan(rows);
                cluster.carry_out(&plan);
            }
            let again = cluster.plan(rows);
            let entries = ["a", "b"].into_iter().flat_map(|node| &cluster.objects.get(node).unwrap().interfaces);
            for entry in entries.filter_map(Guarded::valid) {
                prop_assert_eq!(entry.contradiction(), None, "{:?}", entry);
            }
            prop_assert!(again.tasks.iter().all(|task| task.write.is_none()), "{:?}", again);
        }
    }

    #[test]
    fn slots_are_unique_and_stay_with_their_nics(tables in prop::collection::vec(any_table(), 1..6)) {
        let mut cluster = Cluster::new();
        for rows in &tables {
            let before = ["a", "b"].map(|node| cluster.nics(node));
            cluster.sync(rows);
            for (node, before) in ["a", "b"].into_iter().zip(before) {
                let after = cluster.nics(node);
                let slots: BTreeSet<_> = after.iter().map(|(_, slot)| slot).collect();
                prop_assert_eq!(slots.len(), after.len(), "{:?}", &after);
                for (nic, slot) in before {
                    prop_assert!(after.iter().all(|(other, new)| *other != nic || *new == slot));
                }
            }
        }
    }

    #[test]
    fn no_nic_goes_whose_row_is_there_or_was_there_at_the_last_reading(
        tables in prop::collection::vec(any_table(), 1..6)
    ) {
        let mut cluster = Cluster::new();
        let mut last: Option<Snapshot> = None;
        for rows in &tables {
            let plan = cluster.sync(rows);
            let now = snapshot(rows, &cluster.nodes);
            for Change { node, mac, .. } in &plan.dropped {
                for seen in [Some(&now), last.as_ref()].into_iter().flatten() {
                    prop_assert!(seen.rows > 0);
                    prop_assert!(seen.nic(node, *mac).is_none());
                    prop_assert!(!seen.protection.covers(node, *mac, None));
                }
                prop_assert!(last.is_some());
            }
            last = Some(now);
        }
    }
}
