use k8s_openapi::jiff::Timestamp;
use multinic_crds::{GuardedConfig, Reason};
use serde_json::{Value, json};

use super::*;

const VERSION: &str = "1.0.0 (c)";

fn node(name: &str, ready: &str) -> Node {
    let ready = json!({ "type": "Ready", "status": ready, "message": "as the kubelet says", "lastTransitionTime": "2026-01-01T00:00:00Z" });
    let status = json!({ "conditions": [ready], "nodeInfo": { "bootID": "B-1" } });
    serde_json::from_value::<ListedNode>(json!({ "metadata": { "name": name }, "status": status }))
        .unwrap()
        .into()
}

fn condition(kind: &str, status: &str, reason: Reason, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason.as_str(), "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

fn nic(number: usize, state: &str, reason: &str, message: &str) -> Value {
    json!({
        "macAddress": format!("fa:16:3e:00:00:0{number}"), "name": format!("multinic{number}"), "state": state,
        "reason": reason, "message": message, "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

/// An object as an agent leaves it that has nothing to complain of, with these fields of its status instead.
fn object(name: &str, nics: &Value, other: &Value) -> Object {
    let wanted: Vec<_> = nics
        .as_array()
        .unwrap()
        .iter()
        .map(|nic| json!({ "macAddress": nic["macAddress"], "name": nic["name"] }))
        .collect();
    let mut status = json!({
        "observedGeneration": 2, "appliedGeneration": 2, "agentVersion": VERSION, "bootId": "b-1", "interfaces": nics,
        "conditions": [condition("Ready", "True", Reason::Configured, ""), condition("Synced", "True", Reason::Synced, "")],
    });
    for (field, value) in other.as_object().unwrap() {
        status[field] = value.clone();
    }
    let config = json!({ "metadata": { "name": name, "generation": 2 }, "spec": { "interfaces": wanted }, "status": status });
    serde_json::from_value::<GuardedConfig>(config).unwrap().into()
}

fn right(name: &str) -> Object {
    object(name, &json!([nic(0, "Configured", "Configured", "")]), &json!({}))
}

fn fleet(nodes: Vec<Node>, objects: Vec<Object>) -> Fleet {
    Fleet { nodes: Some(nodes), is_selection: false, objects }
}

/// The reasons for what is said of one node with this object.
fn said(object: Object) -> Vec<(Severity, String)> {
    let fleet = fleet(
        vec![node("a", "True"), node("b", "True"), node("c", "True")],
        vec![object, right("b"), right("c")],
    );
    let findings = report(&fleet, &[], VERSION).unwrap().findings;
    assert!(findings.iter().all(|finding| finding.node == "a"), "{findings:?}");
    findings.into_iter().map(|finding| (finding.severity, finding.reason)).collect()
}

fn wrong(reasons: &[Reason]) -> Vec<(Severity, String)> {
    reasons.iter().map(|reason| (Severity::Wrong, reason.to_string())).collect()
}

fn notice(reason: Reason) -> Vec<(Severity, String)> {
    vec![(Severity::Notice, reason.to_string())]
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn nothing_is_said_of_nodes_that_are_right() {
    let fleet = fleet(vec![node("a", "True"), node("b", "True")], vec![right("a"), right("b")]);
    let report = report(&fleet, &[], VERSION).unwrap();
    assert!(report.is_all_well());
    assert_eq!(
        report.text(at("2026-01-01T00:00:00Z")),
        "All is well. Nodes: 2. NICs configured: 2 of 2. Agents: 1.0.0 (c).\n"
    );
}

#[test]
fn a_nic_is_told_with_its_state_its_reason_and_what_to_do() {
    let message = format!("10-lan.yaml configures it; {}", Reason::ForeignConfiguration.remedy());
    let nics =
        json!([nic(0, "Configured", "Configured", ""), nic(1, "Refused", "ForeignConfiguration", &message)]);
    let ready = condition("Ready", "False", Reason::InterfaceRefused, "");
    let fleet = fleet(
        vec![node("a", "True")],
        vec![object("a", &nics, &json!({ "conditions": [ready], "appliedGeneration": 1 }))],
    );
    let report = report(&fleet, &[], VERSION).unwrap();
    assert!(!report.is_all_well());
    assert_eq!(
        report.text(at("2026-01-01T03:30:00Z")),
        "a multinic1 fa:16:3e:00:00:01: Refused, ForeignConfiguration, for 3h\n\
         \x20 says   10-lan.yaml configures it\n\
         \x20 means  A file that multinic did not write configures this NIC, or claims its name.\n\
         \x20 do     exclude it in that file without removing what the uplink lives by, or delete its row\n\n\
         Nodes that need attention: 1 of 1. NICs configured: 1 of 2. Agents: 1.0.0 (c).\n"
    );
}

#[test]
fn scripts_read_this_shape() {
    let nics = json!([nic(1, "DeviceMissing", "DeviceMissing", "no such NIC")]);
    let ready = condition("Ready", "False", Reason::DeviceMissing, "");
    let fleet = fleet(
        vec![node("a", "True"), node("b", "True")],
        vec![object("a", &nics, &json!({ "conditions": [ready] }))],
    );
    assert_eq!(
        serde_json::to_value(report(&fleet, &[], VERSION).unwrap()).unwrap(),
        json!({
            "nodes": 2, "nodesWrong": 2, "nics": 1, "nicsConfigured": 0, "agentVersion": VERSION, "nodesListed": true,
            "findings": [
                {
                    "node": "a", "severity": "wrong", "reason": "DeviceMissing", "since": "2026-01-01T00:00:00Z",
                    "nic": { "name": "multinic1", "macAddress": "fa:16:3e:00:00:01", "state": "DeviceMissing" },
                    "message": "no such NIC",
                    "meaning": Reason::DeviceMissing.meaning(), "remedy": Reason::DeviceMissing.remedy(),
                },
                {
                    "node": "b", "severity": "wrong", "reason": "NoObject", "message": "",
                    "meaning": Reason::NoObject.meaning(), "remedy": Reason::NoObject.remedy(),
                },
            ],
        })
    );
}

#[test]
fn what_keeps_an_agent_from_the_whole_node_is_told_once() {
    let nics = json!([nic(0, "Pending", "UnsupportedHost", ""), nic(1, "Refused", "ProtectedInterface", "")]);
    let ready = condition("Ready", "False", Reason::UnsupportedHost, "");
    let status = json!({ "conditions": [ready], "observedGeneration": 1, "appliedGeneration": null });
    assert_eq!(
        said(object("a", &nics, &status)),
        wrong(&[Reason::UnsupportedHost, Reason::ProtectedInterface])
    );

    let nics = json!([nic(0, "Pending", "Paused", ""), nic(1, "Pending", "Paused", "")]);
    let ready = condition("Ready", "False", Reason::Paused, "");
    assert_eq!(said(object("a", &nics, &json!({ "conditions": [ready] }))), notice(Reason::Paused));
}

#[test]
fn a_spec_that_the_agent_cannot_read_is_told_whatever_is_said_of_its_nics() {
    let unread = json!({ "conditions": [
        condition("Ready", "False", Reason::InvalidSpec, "an entry has no MAC address"),
        condition("Synced", "True", Reason::Synced, ""),
    ] });
    let [dark, failed] = [("Configured", "NoCarrier"), ("Failed", "ApplyFailed")]
        .map(|(state, reason)| object("a", &json!([nic(0, state, reason, "")]), &unread));
    assert_eq!(said(dark), [wrong(&[Reason::InvalidSpec]), notice(Reason::NoCarrier)].concat());
    assert_eq!(said(failed), wrong(&[Reason::InvalidSpec, Reason::ApplyFailed]));
}

#[test]
fn what_was_asked_for_or_passes_is_no_fault() {
    for (state, reason) in [
        ("Pending", Reason::DryRun),
        ("Pending", Reason::Applying),
        ("Pending", Reason::AwaitingAddress),
        ("Configured", Reason::NoCarrier),
    ] {
        let nics = json!([nic(0, state, reason.as_str(), "")]);
        assert_eq!(said(object("a", &nics, &json!({ "appliedGeneration": 1 }))), notice(reason));
    }
    let silent = json!([nic(0, "Configured", "GatewaySilent", "")]);
    assert_eq!(said(object("a", &silent, &json!({}))), wrong(&[Reason::GatewaySilent]));
}

#[test]
fn conditions_that_are_not_as_they_should_be_are_told() {
    let right = json!([nic(0, "Configured", "Configured", "")]);
    let ready = condition("Ready", "True", Reason::Configured, "");
    for (condition, reason) in [
        (condition("Synced", "False", Reason::InvalidRows, "row 7"), Reason::InvalidRows),
        (condition("NodeAddressLeaked", "True", Reason::NicAddressOnNode, ""), Reason::NicAddressOnNode),
    ] {
        let status = json!({ "conditions": [ready.clone(), condition] });
        assert_eq!(said(object("a", &right, &status)), wrong(&[reason]));
    }
    let ready = condition("Ready", "False", Reason::InvalidSpec, "");
    let status = json!({ "conditions": [ready], "appliedGeneration": 1 });
    assert_eq!(said(object("a", &right, &status)), wrong(&[Reason::InvalidSpec]));
}

#[test]
fn a_report_that_is_not_of_now_is_told_and_not_what_it_says() {
    let failed = || json!([nic(0, "Failed", "ApplyFailed", "")]);
    assert_eq!(
        said(object("a", &failed(), &json!({ "observedGeneration": 1 }))),
        wrong(&[Reason::ReportOutdated])
    );
    assert_eq!(said(object("a", &failed(), &json!({ "bootId": "b-0" }))), wrong(&[Reason::NodeRebooted]));
    assert_eq!(said(object("a", &failed(), &json!({ "agentVersion": "" }))), wrong(&[Reason::NeverReported]));
    let right = json!([nic(0, "Configured", "Configured", "")]);
    assert_eq!(said(object("a", &right, &json!({ "appliedGeneration": 1 }))), wrong(&[Reason::NotApplied]));

    let fleet = fleet(vec![node("a", "Unknown")], vec![object("a", &failed(), &json!({}))]);
    let findings = report(&fleet, &[], VERSION).unwrap().findings;
    assert_eq!((findings.len(), &*findings[0].reason), (1, "NodeNotReady"));
    assert_eq!(findings[0].message, "as the kubelet says");
    assert_eq!(findings[0].since.as_ref().unwrap().0, at("2026-01-01T00:00:00Z"));
}

#[test]
fn nodes_and_objects_without_each_other_are_told() {
    let fleet = fleet(vec![node("a", "True")], vec![right("b")]);
    let findings = report(&fleet, &[], VERSION).unwrap().findings;
    let said: Vec<_> = findings.iter().map(|one| (&*one.node, one.severity, &*one.reason)).collect();
    assert_eq!(said, [("a", Severity::Wrong, "NoObject"), ("b", Severity::Notice, "NodeGone")]);
}

#[test]
fn who_may_not_list_nodes_sees_the_objects_and_is_told_that_this_is_not_all() {
    let report =
        report(&Fleet { nodes: None, is_selection: false, objects: vec![right("a")] }, &[], VERSION).unwrap();
    assert_eq!((report.nodes_wrong, report.is_all_well()), (0, false));
    assert!(report.text(at("2026-01-01T00:00:00Z")).starts_with("The Nodes may not be listed"));
}

#[test]
fn who_may_not_list_nodes_and_asks_for_some_of_them_sees_all_objects() {
    let fleet = Fleet { nodes: None, is_selection: true, objects: vec![right("a")] };
    let report = report(&fleet, &[], VERSION).unwrap();
    assert_eq!((report.nodes, report.is_all_well()), (1, false));
}

#[test]
fn an_agent_of_another_version_than_most_is_told() {
    let old = object("a", &json!([]), &json!({ "agentVersion": "0.9.0 (b)" }));
    assert_eq!(said(old.clone()), wrong(&[Reason::VersionSkew]));
    // Where as many have one as the other, this program's own decides.
    let fleet = fleet(vec![node("a", "True"), node("b", "True")], vec![old, right("b")]);
    for (own, of) in [(VERSION, "a"), ("0.9.0 (b)", "b")] {
        let findings = report(&fleet, &[], own).unwrap().findings;
        assert_eq!((findings.len(), &*findings[0].node), (1, of));
    }
}

#[test]
fn only_nodes_that_are_asked_for_are_told_of_and_unknown_ones_are_an_error() {
    let fleet = fleet(vec![node("a", "False"), node("b", "False")], vec![right("a"), right("b")]);
    let asked = report(&fleet, &["b".to_owned()], VERSION).unwrap();
    assert_eq!((asked.nodes, &*asked.findings[0].node, asked.findings.len()), (1, "b", 1));
    assert_eq!(report(&fleet, &["x".to_owned()], VERSION), Err(Nothing::UnknownNode("x".to_owned())));
    assert_eq!(
        report(&Fleet { is_selection: true, nodes: Some(Vec::new()), ..fleet }, &[], VERSION),
        Err(Nothing::NoNodes)
    );
}

#[test]
fn of_a_selection_the_objects_of_other_nodes_are_not_taken_for_left_over() {
    let selected =
        || Fleet { is_selection: true, ..fleet(vec![node("a", "True")], vec![right("a"), right("b")]) };
    let all = report(&selected(), &[], VERSION).unwrap();
    assert_eq!((all.nodes, all.is_all_well()), (1, true));
    let asked = report(&selected(), &["b".to_owned()], VERSION).unwrap();
    assert_eq!((asked.nodes, asked.is_all_well()), (1, true));
}

#[test]
fn a_reason_of_a_newer_agent_is_shown_as_it_is() {
    let nics = json!([nic(0, "Failed", "Haunted", "by a ghost")]);
    let fleet = fleet(vec![node("a", "True")], vec![object("a", &nics, &json!({}))]);
    let text = report(&fleet, &[], VERSION).unwrap().text(at("2026-01-01T00:00:30Z"));
    assert!(
        text.starts_with(
            "a multinic0 fa:16:3e:00:00:00: Failed, Haunted, for 30s\n  says   by a ghost\n  do     use "
        ),
        "{text}"
    );
}
