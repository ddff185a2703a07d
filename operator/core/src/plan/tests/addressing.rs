//! Where the addresses of NICs come from whose rows have none, over whole syncs.

use super::*;

/// A row of the Node `a` without an address, whose subnet says this of DHCP.
fn in_subnet(last: u8, enable_dhcp: &'static str) -> TestRow {
    let [row] = <[_; 1]>::try_from(rows("a", [last])).unwrap();
    TestRow { cidr: "10.20.0.0/24", enable_dhcp, ..row }
}

fn all_in_subnet(enable_dhcp: &'static str) -> Vec<TestRow> {
    (1..=3).map(|last| in_subnet(last, enable_dhcp)).collect()
}

fn by_settings(networking: &str) -> Cluster {
    Cluster { networking: networking.parse().unwrap(), ..Cluster::new() }
}

impl Cluster {
    fn entry(&self) -> Value {
        serde_json::to_value(self.objects.get("a").unwrap().interface(mac(1)).unwrap()).unwrap()
    }

    /// Where the addresses of the NIC 1 come from, by its entry.
    fn addressing(&self) -> Value {
        self.entry()["addressing"].clone()
    }

    fn say(&mut self, networking: &str) {
        self.networking = networking.parse().unwrap();
    }

    fn annotate_node(&mut self, addressing: &str) {
        self.annotate_with(&json!({ "multinic.io/addressing": addressing }));
    }

    fn annotate_with(&mut self, annotations: &Value) {
        self.join(&json!({ "metadata": { "name": "a", "uid": "uid-a", "annotations": annotations } }));
    }
}

#[test]
fn where_nobody_says_anything_or_that_there_are_none_an_entry_is_as_it_was_before() {
    let entry = json!({ "macAddress": mac(1), "name": "multinic0", "portId": "p1", "subnetId": "subnet" });
    for (enable_dhcp, networking) in
        [("", ""), ("0", ""), ("", r#"{"addressing": "none", "verify": "kernel"}"#)]
    {
        let mut cluster = by_settings(networking);
        assert_eq!(reason(&cluster.sync(&[in_subnet(1, enable_dhcp)]), "a"), Reason::Synced);
        assert_eq!(cluster.entry(), entry);
        let addressed = TestRow { address: "10.20.0.5/24", ..in_subnet(1, "1") };
        cluster.sync(&[addressed]);
        let mut with_address = entry.clone();
        with_address["addresses"] = json!(["10.20.0.5/24"]);
        assert_eq!(cluster.entry(), with_address);
    }
}

#[test]
fn what_is_said_is_written_once_and_the_nic_is_a_success_with_it() {
    let mut cluster = by_settings(r#"{"verify": "wire", "sourceRouting": true}"#);
    let rows = [in_subnet(1, "1")];
    cluster.sync(&rows);
    let entry = cluster.entry();
    assert_eq!((&entry["addressing"], &entry["verify"]), (&json!("dhcp4"), &json!("wire")));
    assert_eq!((&entry["addresses"], &entry["sourceRouting"]), (&Value::Null, &json!({})));
    assert!(cluster.sync(&rows).tasks.iter().all(|task| task.write.is_none()));

    cluster.report("a", &[(1, 0)]);
    let mut snapshot = snapshot_by(&cluster.networking, &rows, &cluster.nodes, &cluster.objects);
    let (updates, _) = mirror(&mut snapshot, &cluster.nodes, &cluster.objects, true);
    assert_eq!(updates.iter().map(|update| update.success).collect::<Vec<_>>(), [true]);
}

#[test]
fn what_nobody_says_any_more_stays_for_two_readings_and_of_most_nics_until_somebody_confirms() {
    let mut cluster = Cluster::new();
    cluster.sync(&all_in_subnet("1"));
    let [_, rest @ ..] = &all_in_subnet("1")[..] else { panic!("no rows") };
    let one_less: Vec<_> = [in_subnet(1, "")].into_iter().chain(rest.to_vec()).collect();
    assert_eq!(reason(&cluster.sync(&one_less), "a"), Reason::RowsMissing);
    let (_, message) = cluster.synced("a");
    assert!(message.starts_with("no row asks for the addressing of 02:00:00:00:00:01; they go"), "{message}");
    assert_eq!(cluster.addressing(), "dhcp4");
    // It is back in between, so it is counted anew.
    cluster.sync(&all_in_subnet("1"));
    cluster.sync(&one_less);
    assert_eq!(cluster.addressing(), "dhcp4");
    assert_eq!(reason(&cluster.sync(&one_less), "a"), Reason::Synced);
    assert_eq!(cluster.addressing(), Value::Null);

    // As where the table of subnets was emptied.
    cluster.sync(&all_in_subnet("1"));
    for _ in 0..3 {
        assert_eq!(reason(&cluster.sync(&all_in_subnet("")), "a"), Reason::ShrinkGuard);
        assert_eq!(cluster.addressing(), "dhcp4");
    }
    cluster.confirm("a", &["a"]);
    cluster.sync(&all_in_subnet(""));
    assert_eq!(cluster.addressing(), Value::Null);
}

#[test]
fn an_address_that_the_row_lacks_stays_for_two_readings_also_where_the_network_has_others() {
    let mut cluster = Cluster::new();
    cluster.sync(&[TestRow { address: "10.20.0.5/24", ..in_subnet(1, "1") }]);
    assert_eq!(reason(&cluster.sync(&[in_subnet(1, "1")]), "a"), Reason::RowsMissing);
    assert_eq!(
        (cluster.addressing(), &cluster.entry()["addresses"]),
        (Value::Null, &json!(["10.20.0.5/24"]))
    );
    assert_eq!(reason(&cluster.sync(&[in_subnet(1, "1")]), "a"), Reason::Synced);
    assert_eq!((cluster.addressing(), &cluster.entry()["addresses"]), (json!("dhcp4"), &Value::Null));
}

#[test]
fn what_somebody_says_instead_goes_at_once() {
    const ROUTES: &str = r#"[{"destination": "10.30.0.0/16", "nexthop": "10.20.0.9"}]"#;
    let row =
        |enable_dhcp| TestRow { host_routes: ROUTES, gateway_ip: "10.20.0.1", ..in_subnet(1, enable_dhcp) };
    let settings = |addressing: &str| format!(r#"{{"sourceRouting": true, "addressing": "{addressing}"}}"#);
    let mut cluster = by_settings(&settings("dhcp4"));
    let begin = |cluster: &mut Cluster| {
        cluster.say(&settings("dhcp4"));
        cluster.sync(&[row("")]);
        let entry = cluster.entry();
        assert_eq!(
            (&entry["addressing"], &entry["routes"][0]["via"]),
            (&json!("dhcp4"), &json!("10.20.0.9"))
        );
        assert_eq!(entry["sourceRouting"], json!({ "gateways": ["10.20.0.1"] }));
    };
    let has_none = |cluster: &Cluster| {
        let entry = cluster.entry();
        assert_eq!(
            (&entry["addressing"], &entry["routes"], &entry["sourceRouting"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
    };
    begin(&mut cluster);
    cluster.say(&settings("none"));
    assert_eq!(reason(&cluster.sync(&[row("")]), "a"), Reason::Synced);
    has_none(&cluster);

    begin(&mut cluster);
    assert_eq!(reason(&cluster.sync(&[row("0")]), "a"), Reason::Synced);
    has_none(&cluster);

    begin(&mut cluster);
    let ipv6 = TestRow { cidr: "2001:db8:20::/64", ipv6_ra_mode: "slaac", gateway_ip: "", ..row("1") };
    assert_eq!(reason(&cluster.sync(&[ipv6]), "a"), Reason::Synced);
    assert_eq!((cluster.addressing(), &cluster.entry()["routes"]), (json!("slaac"), &Value::Null));

    begin(&mut cluster);
    cluster.sync(&[TestRow { address: "10.20.0.5/24", ..row("1") }]);
    assert_eq!(
        (cluster.addressing(), &cluster.entry()["addresses"]),
        (Value::Null, &json!(["10.20.0.5/24"]))
    );
}

#[test]
fn a_gateway_that_nobody_says_any_more_stays_for_two_readings_before_the_network_tells_another() {
    let mut cluster = by_settings(r#"{"sourceRouting": true}"#);
    let said = json!({ "gateways": ["10.20.0.9"] });
    cluster.sync(&[TestRow { gateway_ip: "10.20.0.9", ..in_subnet(1, "1") }]);
    assert_eq!(reason(&cluster.sync(&[in_subnet(1, "1")]), "a"), Reason::RowsMissing);
    assert_eq!(cluster.entry()["sourceRouting"], said);
    cluster.sync(&[in_subnet(1, "1")]);
    assert_eq!(cluster.entry()["sourceRouting"], json!({}));
    // What was learned, nobody said.
    cluster.sync(&[TestRow { address: "10.20.0.5/24", ..in_subnet(1, "1") }]);
    assert_eq!(cluster.entry()["sourceRouting"], Value::Null);
}

#[test]
fn an_annotation_that_cannot_be_read_leaves_addresses_as_they_are_and_is_said() {
    let mut cluster = Cluster::new();
    cluster.annotate_node("dhcp4");
    cluster.sync(&[in_subnet(1, "")]);
    cluster.annotate_node("dhcp");
    for round in 0..3 {
        if round == 2 {
            cluster.delete("a");
        }
        assert_eq!(reason(&cluster.sync(&[in_subnet(1, "")]), "a"), Reason::Synced);
        assert_eq!(cluster.addressing(), "dhcp4");
        let (_, message) = cluster.synced("a");
        let said =
            "the spec equals the table, without what the annotation multinic.io/addressing of Node a says";
        assert!(message.starts_with(said), "{message}");
    }
    cluster.annotate_node("none");
    cluster.sync(&[in_subnet(1, "")]);
    assert_eq!(cluster.addressing(), Value::Null);
}

#[test]
fn source_routing_that_cannot_be_read_stays_only_where_a_spec_may_have_it() {
    let mut cluster = Cluster::new();
    cluster.annotate_with(&json!({ "multinic.io/source-routing": "true" }));
    cluster.sync(&[in_subnet(1, "1")]);
    cluster.annotate_with(&json!({ "multinic.io/source-routing": "perhaps" }));
    cluster.sync(&[in_subnet(1, "1")]);
    assert_eq!(cluster.entry()["sourceRouting"], json!({}));
    // Nobody tells a gateway now, and without one the API server would refuse the whole spec.
    cluster.sync(&[TestRow { address: "10.20.0.5/24", ..in_subnet(1, "1") }]);
    assert_eq!(cluster.entry()["sourceRouting"], Value::Null);
}

#[test]
fn a_row_whose_subnet_cannot_be_read_or_whose_mtu_is_too_small_changes_nothing_for_its_nic() {
    let ipv6 = TestRow { cidr: "2001:db8:20::/64", ipv6_ra_mode: "slaac", ..in_subnet(1, "1") };
    let mut cluster = Cluster::new();
    cluster.sync(std::slice::from_ref(&ipv6));
    for (bad, expected) in [
        (TestRow { ipv6_ra_mode: "banana", ..ipv6.clone() }, Reason::InvalidAddressing),
        (TestRow { enable_dhcp: "maybe", ipv6_ra_mode: "", ..ipv6.clone() }, Reason::InvalidAddressing),
        (TestRow { cidr: "", ..ipv6.clone() }, Reason::InvalidAddressing),
        (TestRow { cidr: "2001:db8:20::", ..ipv6.clone() }, Reason::InvalidAddress),
        // The API server would refuse the whole spec.
        (TestRow { mtu: "1279", ..ipv6.clone() }, Reason::InvalidMtu),
    ] {
        let rejected = snapshot_with(std::slice::from_ref(&bad), &cluster.nodes, &cluster.objects).rejected;
        assert_eq!(
            rejected.iter().map(|row| row.fault.reason).collect::<Vec<_>>(),
            [expected],
            "{rejected:?}"
        );
        for _ in 0..3 {
            assert_eq!(reason(&cluster.sync(std::slice::from_ref(&bad)), "a"), Reason::InvalidRows);
            assert_eq!(cluster.addressing(), "slaac");
        }
    }
    let small = TestRow { mtu: "1279", ..in_subnet(1, "1") };
    assert!(snapshot(&[small], &cluster.nodes).rejected.is_empty());
}
