use multinic_crds::Explanation;

use super::*;
use crate::fixtures::{mac, slot};

fn change(node: &str, last: u8) -> Change {
    Change {
        node: node.into(),
        mac: mac(last),
        slot: Some(slot(last.into())),
        port_id: Some(format!("p{last}")),
    }
}

fn moved(last: u8, state: InterfaceState, reason: Reason) -> Transition {
    let nic = Nic { node: "a".into(), mac: mac(last), name: Some(slot(last.into())) };
    Transition::NicMoved { nic, before: None, after: NicState { state, reason: Some(reason) } }
}

fn rejected(node: Option<&str>, port: &str) -> Transition {
    let fault = Explanation::new(Reason::InvalidMtu, "mtu is 5; write 68 to 65535");
    let port_id = Some(port.to_owned());
    Transition::RowRejected(Rejection {
        node: node.map(Into::into),
        port_id,
        mac: None,
        fault,
        candidates: None,
    })
}

fn told(transitions: &[Transition]) -> Vec<Event> {
    let (events, more) = events(transitions);
    assert_eq!(more, 0);
    events
}

fn object(node: &str) -> About {
    About::Object(node.into())
}

#[test]
fn the_nics_that_came_to_one_object_are_one_event() {
    let added = [change("a", 0), change("b", 1), change("a", 2)].map(Transition::NicAdded);
    let why = "a row of the table asks for it; the node's agent configures it";
    let event = |node, of: &str| Event {
        about: object(node),
        kind: Kind::Normal,
        reason: "InterfaceAdded",
        action: format!("Add {of}"),
        note: format!("{of}: {why}"),
    };
    let both = format!("multinic0 ({}, port p0), multinic2 ({}, port p2)", mac(0), mac(2));
    let one = format!("multinic1 ({}, port p1)", mac(1));
    assert_eq!(told(&added), [event("a", &both), event("b", &one)]);
}

#[test]
fn trouble_comes_first_and_is_told_of_object_and_node_with_what_to_do() {
    let events = told(&[
        moved(0, InterfaceState::Configured, Reason::Configured),
        moved(1, InterfaceState::Failed, Reason::ApplyFailed),
    ]);
    let found: Vec<_> = events.iter().map(|event| (event.about.clone(), event.kind, event.reason)).collect();
    assert_eq!(
        found,
        [
            (object("a"), Kind::Warning, "ApplyFailed"),
            (About::Node("a".into()), Kind::Warning, "ApplyFailed"),
            (object("a"), Kind::Normal, "Configured"),
        ]
    );
    let reason = Reason::ApplyFailed;
    let note =
        format!("multinic1 ({}): Failed. {} What to do: {}", mac(1), reason.meaning(), reason.remedy());
    assert_eq!(events[0].note, note);
    assert_eq!(events[0].action, format!("Configure multinic1 ({})", mac(1)));
}

#[test]
fn what_passes_or_was_asked_for_is_no_event() {
    let quiet = [Reason::Applying, Reason::AwaitingAddress, Reason::DryRun, Reason::Paused];
    let quiet = quiet.map(|reason| moved(0, InterfaceState::Pending, reason));
    assert_eq!(told(&quiet), []);
}

#[test]
fn a_configured_nic_that_does_not_work_is_a_warning() {
    let events = told(&[moved(0, InterfaceState::Configured, Reason::NoCarrier)]);
    assert!(
        events.iter().all(|event| event.kind == Kind::Warning && event.reason == "NoCarrier"),
        "{events:?}"
    );
    assert_eq!(events.len(), 2);
}

#[test]
fn rows_of_no_node_are_told_of_the_operator() {
    let events = told(&[rejected(Some("a"), "p"), rejected(None, "q"), rejected(None, "r")]);
    let found: Vec<_> = events.iter().map(|event| (event.about.clone(), event.note.as_str())).collect();
    assert_eq!(
        found,
        [
            (object("a"), "row of port p: mtu is 5; write 68 to 65535"),
            (About::Operator, "row of port q, row of port r: mtu is 5; write 68 to 65535"),
        ]
    );
}

#[test]
fn what_is_about_all_nodes_is_told_once() {
    let lost = Transition::DatabaseLost { reason: Reason::DatabaseUnavailable, error: "no route".to_owned() };
    let raised = Transition::GuardRaised { held: vec![("a".into(), "confirm it".to_owned())] };
    let unmatched = Transition::ServersUnmatched { servers: vec!["x".to_owned()] };
    let events = told(&[
        lost,
        Transition::DatabaseFound { failures: 2 },
        raised,
        Transition::GuardCleared,
        unmatched,
        Transition::RowsWritten { rows: 9 },
    ]);
    let found: Vec<_> = events.iter().map(|event| (event.about.clone(), event.kind, event.reason)).collect();
    assert_eq!(
        found,
        [
            (About::Operator, Kind::Warning, "DatabaseUnavailable"),
            (object("a"), Kind::Warning, "ShrinkGuard"),
            (About::Operator, Kind::Warning, "UnmatchedRows"),
            (About::Operator, Kind::Normal, "TableRead"),
            (About::Operator, Kind::Normal, "ShrinkGuardCleared"),
        ]
    );
}

#[test]
fn a_change_of_the_whole_fleet_is_bounded_and_what_is_wrong_is_not_left_out() {
    let added = (0..1000).map(|node| Transition::NicAdded(change(&format!("n{node}"), 0)));
    let all: Vec<_> = added.chain([moved(1, InterfaceState::Failed, Reason::ApplyFailed)]).collect();
    let (events, more) = events(&all);
    assert_eq!((events.len(), more), (MAX_EVENTS, 1002 - MAX_EVENTS));
    assert_eq!(events[0].reason, "ApplyFailed");
}

#[test]
fn a_long_note_is_cut_at_a_character() {
    let error = "é".repeat(2000);
    let events = told(&[Transition::DatabaseLost { reason: Reason::DatabaseUnavailable, error }]);
    let note = &events[0].note;
    assert!(note.len() <= MAX_NOTE && note.ends_with("é…"), "{note}");
}
