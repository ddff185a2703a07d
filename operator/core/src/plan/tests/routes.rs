//! What is reached over a NIC, and by which way its replies leave, over whole syncs.

use super::*;

const ROUTES: &str = r#"[{"destination": "10.30.0.0/16", "nexthop": "10.20.0.9"}]"#;

/// A row of the Node `a` with an address, whose subnet says this.
fn in_subnet(last: u8, gateway_ip: &'static str, host_routes: &'static str) -> TestRow {
    const ADDRESSES: [&str; 4] = ["", "10.20.0.1/24", "10.20.0.2/24", "10.20.0.3/24"];
    let [row] = <[_; 1]>::try_from(rows("a", [last])).unwrap();
    TestRow { address: ADDRESSES[usize::from(last)], gateway_ip, host_routes, ..row }
}

fn all_in_subnet(gateway_ip: &'static str, host_routes: &'static str) -> Vec<TestRow> {
    (1..=3).map(|last| in_subnet(last, gateway_ip, host_routes)).collect()
}

/// A cluster in which somebody says this of the replies of the Node `a`.
fn annotated(said: &str) -> Cluster {
    let mut cluster = Cluster::new();
    annotate(&mut cluster, said);
    cluster
}

fn annotate(cluster: &mut Cluster, said: &str) {
    let annotations = json!({ "multinic.io/source-routing": said });
    cluster.join(&json!({ "metadata": { "name": "a", "uid": "uid-a", "annotations": annotations } }));
}

impl Cluster {
    /// What the entry of the NIC 1 says of both.
    fn ways(&self) -> Value {
        let entry = serde_json::to_value(self.objects.get("a").unwrap().interface(mac(1)).unwrap()).unwrap();
        json!([entry["routes"], entry["sourceRouting"]])
    }
}

fn both() -> Value {
    json!([[{ "destination": "10.30.0.0/16", "via": "10.20.0.9" }], { "gateways": ["10.20.0.254"] }])
}

#[test]
fn where_nobody_says_anything_of_routes_an_entry_is_as_it_was_without_them() {
    let mut cluster = Cluster::new();
    // A gateway alone is nothing that anybody asks for.
    cluster.sync(&[in_subnet(1, "10.20.0.254", "")]);
    let written = serde_json::to_string(&cluster.objects.get("a").unwrap().interfaces).unwrap();
    let entry = r#"{"macAddress":"02:00:00:00:00:01","name":"multinic0","portId":"p1","subnetId":"subnet","addresses":["10.20.0.1/24"]}"#;
    assert_eq!(written, format!("[{entry}]"));
    assert_eq!(cluster.synced("a"), ("Synced".to_owned(), "the spec equals the table".to_owned()));
}

#[test]
fn what_the_subnet_says_is_written_once_and_the_nic_is_a_success_with_it() {
    let mut cluster = annotated("true");
    let rows = [in_subnet(1, "10.20.0.254", ROUTES)];
    cluster.sync(&rows);
    assert_eq!(cluster.ways(), both());
    assert!(cluster.sync(&rows).tasks.iter().all(|task| task.write.is_none()));

    cluster.report("a", &[(1, 0)]);
    let mut snapshot = snapshot_with(&rows, &cluster.nodes, &cluster.objects);
    let (updates, _) = mirror(&mut snapshot, &cluster.nodes, &cluster.objects, true);
    assert_eq!(updates.iter().map(|update| update.success).collect::<Vec<_>>(), [true]);
}

#[test]
fn what_the_subnet_says_no_more_goes_after_two_readings_from_all_its_nics_without_a_word_of_anybody() {
    let mut cluster = annotated("true");
    cluster.sync(&all_in_subnet("10.20.0.254", ROUTES));
    assert_eq!(reason(&cluster.sync(&all_in_subnet("", "")), "a"), Reason::RowsMissing);
    let (_, message) = cluster.synced("a");
    for said in
        ["no row asks for the routes of 02:00:00:00:00:01, the source routing of", "It goes without source"]
    {
        assert!(message.contains(said), "{message}");
    }
    assert_eq!(cluster.ways(), both());
    assert_eq!(reason(&cluster.sync(&all_in_subnet("", "")), "a"), Reason::Synced);
    assert_eq!(cluster.ways(), json!([null, null]));
}

#[test]
fn what_a_person_switches_off_or_another_subnet_lacks_goes_at_once() {
    let mut cluster = annotated("true");
    cluster.sync(&[in_subnet(1, "10.20.0.254", ROUTES)]);
    annotate(&mut cluster, "false");
    cluster.sync(&[in_subnet(1, "10.20.0.254", ROUTES)]);
    assert_eq!(cluster.ways(), json!([both()[0], null]));
    cluster.sync(&[TestRow { subnet: "another", ..in_subnet(1, "", "") }]);
    assert_eq!(cluster.ways(), json!([null, null]));
}

#[test]
fn an_annotation_that_cannot_be_read_leaves_replies_as_they_are_and_is_said() {
    let mut cluster = annotated("true");
    let rows = [in_subnet(1, "10.20.0.254", "")];
    cluster.sync(&rows);
    annotate(&mut cluster, "perhaps");
    for _ in 0..3 {
        assert_eq!(reason(&cluster.sync(&rows), "a"), Reason::Synced);
        assert_eq!(cluster.ways(), json!([null, both()[1]]));
        let (_, message) = cluster.synced("a");
        let said = "the spec equals the table, without what the annotation multinic.io/source-routing of Node a says";
        assert!(message.starts_with(said), "{message}");
    }
}

#[test]
fn a_subnet_that_cannot_be_read_rejects_its_rows_and_changes_nothing_for_their_nics() {
    let mut cluster = annotated("true");
    let before = [in_subnet(1, "10.20.0.254", ROUTES)];
    cluster.sync(&before);
    for (bad, expected) in [
        (in_subnet(1, "10.20.0.254", "[{"), Reason::InvalidHostRoutes),
        (in_subnet(1, "10.99.0.1", ROUTES), Reason::InvalidGateway),
        (in_subnet(1, "nonsense", ""), Reason::InvalidGateway),
    ] {
        let rejected = snapshot_with(std::slice::from_ref(&bad), &cluster.nodes, &cluster.objects).rejected;
        let [rejection] = &rejected[..] else { panic!("{rejected:?}") };
        assert_eq!((rejection.node.as_deref(), rejection.port_id.as_deref()), (Some("a"), Some("p1")));
        assert_eq!((rejection.mac, rejection.fault.reason), (Some(mac(1)), expected));
        for _ in 0..3 {
            assert_eq!(reason(&cluster.sync(std::slice::from_ref(&bad)), "a"), Reason::InvalidRows);
            assert_eq!(cluster.ways(), both());
        }
    }
}

#[test]
fn what_is_left_out_is_said_by_the_condition_of_a_node_that_is_synced_all_the_same() {
    const ALL: &str = r#"[{"destination": "10.30.0.0/16", "nexthop": "10.20.0.9"}, {"destination": "0.0.0.0/0",
        "nexthop": "10.20.0.9"}]"#;
    let mut cluster = Cluster::new();
    assert_eq!(reason(&cluster.sync(&all_in_subnet("", ALL)), "a"), Reason::Synced);
    assert_eq!(cluster.ways(), json!([both()[0], null]));
    let message = "the spec equals the table, without the route to 0.0.0.0/0 by 10.20.0.9 of subnet subnet: the node's own \
        default route leads over its uplink";
    assert_eq!(cluster.synced("a").1, message);
}
