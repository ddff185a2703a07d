use super::*;
use crate::fixtures::{TestRow, mac, nodes, row, snapshot};

fn rejected(rows: &[TestRow], names: &[&str]) -> Vec<(Option<String>, Reason, String)> {
    let rejected = snapshot(rows, &nodes(names)).rejected;
    let facts =
        |r: Rejection| (r.node.map(|node| node.to_string()), r.fault.reason, r.fault.message.to_string());
    rejected.into_iter().map(facts).collect()
}

#[test]
fn one_mac_address_in_two_rows_is_refused_in_both_also_where_one_is_bad_anyway() {
    let message = "macaddress 02:00:00:00:00:01 is in 2 rows (port p1 on a, port p2 on b); keep one";
    let duplicate = |node: &str| (Some(node.to_owned()), Reason::DuplicateMacAddress, message.to_owned());
    assert_eq!(
        rejected(&[row("p1", 1, "a"), row("p2", 1, "b")], &["a", "b"]),
        [duplicate("a"), duplicate("b")]
    );
    let bad = TestRow { mtu: "x", ..row("p2", 1, "b") };
    assert_eq!(rejected(&[row("p1", 1, "a"), bad], &["a", "b"])[0], duplicate("a"));
}

#[test]
fn a_row_of_a_foreign_server_conflicts_with_nothing() {
    let nodes = nodes(&["a"]);
    let snapshot = snapshot(&[row("p1", 1, "a"), row("p2", 1, "elsewhere")], &nodes);
    assert_eq!(snapshot.unmatched, [Unmatched { server: "elsewhere".to_owned() }]);
    assert!(snapshot.nic("a", mac(1)).is_some() && snapshot.rejected.is_empty());
}

#[test]
fn a_server_that_could_be_two_nodes_is_neither() {
    let message =
        "server \"node\" could be any of the Nodes node.a, node.b; write the full name, or attached_node_id";
    assert_eq!(
        rejected(&[row("p1", 1, "node")], &["node.a", "node.b"]),
        [(None, Reason::AmbiguousNode, message.to_owned())]
    );
}

#[test]
fn a_subports_row_with_its_parents_mac_address_is_named_beside_it_by_its_port() {
    let parent = TestRow { mac: "fa:16:3e:00:00:01".to_owned(), ..row("parent-port", 1, "worker-1") };
    let subport = TestRow { port_id: "sub-port-100", ..parent.clone() };
    let message = "macaddress fa:16:3e:00:00:01 is in 2 rows (port parent-port on worker-1, port sub-port-100 on \
         worker-1); keep one";
    let duplicate = (Some("worker-1".to_owned()), Reason::DuplicateMacAddress, message.to_owned());
    assert_eq!(rejected(&[parent, subport], &["worker-1"]), [duplicate.clone(), duplicate]);
}

#[test]
fn what_is_said_of_rows_grows_no_faster_than_their_number() {
    const ROWS: usize = 2_000;
    let rows = vec![row("p1", 1, "a"); ROWS];
    let all = snapshot(&rows, &nodes(&["a"]));
    assert_eq!(all.rejected.len(), ROWS);
    let longest = all.rejected.iter().map(|rejection| rejection.fault.message.len()).max();
    assert!(longest.unwrap() < 200, "{longest:?}");
    let first = &all.rejected[0].fault.message;
    assert!(all.rejected.iter().all(|rejection| Arc::ptr_eq(first, &rejection.fault.message)));

    let many: Vec<_> = (0..ROWS).map(|number| format!("node.{number}x")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let ambiguous = rejected(&[row("p1", 1, "node")], &many);
    assert!(ambiguous[0].2.len() < 200, "{ambiguous:?}");
}
