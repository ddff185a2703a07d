use serde_json::{Value, json};

use super::*;
use crate::{
    cluster::{NODE_NAMES_ANNOTATION, WatchedNode},
    fixtures::{mac, object},
};

fn index(nodes: impl IntoIterator<Item = Value>) -> Index<Node> {
    let mut index = Index::<Node>::default();
    for node in nodes {
        index.record(serde_json::from_value::<WatchedNode>(node).unwrap());
    }
    index
}

fn cluster(nodes: impl IntoIterator<Item = Value>) -> Matcher {
    Matcher::new(&index(nodes), &Index::default())
}

fn named(name: &str) -> Value {
    json!({ "metadata": { "name": name, "uid": format!("uid-{name}") } })
}

fn server(name: &str, id: &str) -> Value {
    json!({ "metadata": { "name": name }, "spec": { "providerID": format!("openstack:///{id}") } })
}

fn labelled(name: &str, label: &str) -> Value {
    json!({ "metadata": { "name": name, "labels": { "kubernetes.io/hostname": label } } })
}

fn by_name(name: &str) -> NodeRef {
    NodeRef { id: None, name: Some(name.to_owned()) }
}

fn with_id(id: &str, name: &str) -> NodeRef {
    NodeRef { id: Some(id.to_owned()), ..by_name(name) }
}

fn names(found: Found) -> Vec<String> {
    match found {
        Found::One(name) => vec![name.to_string()],
        Found::Several(names) => names.iter().map(ToString::to_string).collect(),
        Found::None | Found::Denied => vec![],
    }
}

fn found(matcher: &Matcher, node: &NodeRef) -> Vec<String> {
    names(matcher.find(node, None))
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
        server("a", "AB-1"),
        json!({ "metadata": { "name": "b" }, "spec": { "providerID": "openstack://region/ab-2" } }),
        json!({ "metadata": { "name": "c" }, "status": { "nodeInfo": { "systemUUID": "AB-3" } } }),
        json!({ "metadata": { "name": "d" }, "spec": { "providerID": "aws:///zone/ab-4" } }),
    ]);
    for (id, expected) in [("ab-1", "a"), ("AB-2", "b"), ("ab-4", "d")] {
        assert_eq!(found(&matcher, &with_id(id, "d")), [expected], "{id}");
    }
    // Copies of a machine share its system UUID, and any kubelet may claim one: a Node's own name says more.
    assert_eq!(found(&matcher, &with_id("ab-3", "d")), ["d"]);
    assert_eq!(found(&matcher, &with_id("ab-3", "renamed")), ["c"]);
}

#[test]
fn host_names_and_annotated_names_lead_to_their_node() {
    let matcher = cluster([json!({ "metadata": {
        "name": "k8s-1",
        "labels": { "kubernetes.io/hostname": "host-1.example" },
        "annotations": { NODE_NAMES_ANNOTATION: "nova-1, Nova One" },
    }})]);
    for name in ["host-1", "Host-1.example", "nova-1", "NOVA ONE"] {
        assert_eq!(found(&matcher, &by_name(name)), ["k8s-1"], "{name}");
    }
}

#[test]
fn a_display_name_leads_to_the_host_name_that_nova_makes_of_it_and_to_no_other() {
    let matcher =
        cluster(["prod-md-0-v1-26-3-x7", "db-node-2", "web-v1", "web-v1-26", "prod-md-0-v1"].map(named));
    for (name, expected) in [
        ("prod-md-0-v1.26.3-x7", &["prod-md-0-v1-26-3-x7"][..]),
        ("DB_Node 2", &["db-node-2"]),
        ("web-v1.26", &["web-v1-26"]),
        ("web-v1", &["web-v1"]),
        ("web-v1.novalocal", &["web-v1"]),
        ("Web (v1)", &["web-v1"]),
        // A version is no domain, so it is not cut off.
        ("web-v1.27", &[]),
        ("web-v1.26.1", &[]),
    ] {
        assert_eq!(found(&matcher, &by_name(name)), expected, "{name}");
    }
    let long = "a".repeat(70);
    assert_eq!(found(&cluster([named(&long[..63])]), &by_name(&long)), [&long[..63]]);
}

#[test]
fn an_annotated_name_wins_over_every_form_that_is_made_of_the_name() {
    let annotated = json!({ "metadata": {
        "name": "other", "annotations": { NODE_NAMES_ANNOTATION: "web-v1.26" },
    }});
    let matcher = cluster([named("web-v1"), named("web-v1-26"), annotated]);
    assert_eq!(found(&matcher, &by_name("web-v1.26")), ["other"]);
}

#[test]
fn a_host_name_that_is_another_nodes_name_freezes_nobody() {
    let matcher = cluster([named("a"), labelled("b", "a"), named("c.x"), labelled("d", "c.y")]);
    assert_eq!(found(&matcher, &by_name("a")), ["a"]);
    assert_eq!(found(&matcher, &by_name("c")), ["c.x"]);
}

#[test]
fn a_row_whose_id_is_not_the_nodes_is_nobodys_whatever_its_name() {
    let a = "aaaaaaaa-0000-4000-8000-000000000001";
    let b = "bbbbbbbb-0000-4000-8000-000000000001";
    let matcher = cluster([server("worker-1", a), named("worker-1.novalocal")]);
    for name in ["worker-1", "worker-1.site-b.example", "WORKER_1"] {
        assert_eq!(matcher.find(&with_id(b, name), None), Found::Denied, "{name}");
    }
    assert_eq!(found(&matcher, &with_id(a, "renamed")), ["worker-1"]);
    // The same id, written without dashes and in upper case.
    assert_eq!(found(&matcher, &with_id(&a.replace('-', "").to_uppercase(), "x")), ["worker-1"]);
    // Of a Node without a provider id of OpenStack's, nothing is known that contradicts.
    assert_eq!(found(&matcher, &with_id(b, "worker-1.novalocal")), ["worker-1.novalocal"]);

    // A system UUID still tells, and copies share it: where one is known to be another server, the other is meant.
    let copy =
        |name: &str| json!({ "metadata": { "name": name }, "status": { "nodeInfo": { "systemUUID": b } } });
    let mut denied = copy("d");
    denied["spec"] = json!({ "providerID": format!("openstack:///{a}") });
    assert_eq!(found(&cluster([copy("c"), denied]), &with_id(b, "renamed")), ["c"]);
}

#[test]
fn a_nic_stays_with_the_node_whose_object_has_it_when_a_better_name_joins() {
    let nodes = index([named("worker"), named("worker.novalocal")]);
    let missing = json!({ "interfaces": [
        { "macAddress": mac(2), "name": "multinic1", "state": "DeviceMissing", "reason": "DeviceMissing" },
    ]});
    let mut objects = Index::default();
    objects.record(object("worker.novalocal", 1, &[(1, 0), (2, 1)], missing));
    let matcher = Matcher::new(&nodes, &objects);
    let place = |row: &NodeRef, last: u8| names(matcher.find(row, Some(mac(last))));
    assert_eq!(place(&by_name("worker"), 1), ["worker.novalocal"]);
    // One that is not there, or that no object has, goes by its name.
    assert_eq!(place(&by_name("worker"), 2), ["worker"]);
    assert_eq!(place(&by_name("worker"), 3), ["worker"]);
    // A row that cannot mean the Node that has it does not stay there.
    assert_eq!(place(&by_name("worker.other"), 1), ["worker"]);
}

#[test]
fn one_machine_under_two_names_is_known_and_copies_are_not_one() {
    let info =
        |name: &str, info: Value| json!({ "metadata": { "name": name }, "status": { "nodeInfo": info } });
    let twins = |nodes: [Value; 2]| {
        let matcher = cluster(nodes);
        matcher.twins().find(|(node, _)| &***node == "a").map(|(_, twins)| twins.len())
    };
    let uuid = json!({ "systemUUID": "u" });
    assert_eq!(twins([info("a", uuid.clone()), info("b", uuid.clone())]), Some(2));
    assert_eq!(twins([server("a", "x"), server("b", "x")]), Some(2));
    let on = |machine: &str| json!({ "systemUUID": "u", "machineID": machine });
    assert_eq!(twins([info("a", on("m")), info("b", on("n"))]), None);
    let mut servers = [info("a", on("m")), info("b", on("m"))];
    for (node, id) in servers.iter_mut().zip(["x", "y"]) {
        node["spec"] = json!({ "providerID": format!("openstack:///{id}") });
    }
    assert_eq!(twins(servers), None);
}
