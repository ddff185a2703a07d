//! What changed, as a line that people read.

use std::mem;

use multinic_crds::{InterfaceName, MacAddress};
use serde::Serialize;

use super::words::{reason_number, state_number};
use crate::{
    cluster::Name,
    transition::{NicState, Transition},
};

/// The most changes that are kept.
pub const KEPT: usize = 500;
/// The most of one kind that one sync tells, so that it does not push everything else out.
const OF_ONE_KIND: usize = 100;

/// One thing that changed, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// In seconds of the epoch.
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<MacAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nic: Option<InterfaceName>,
    /// In words, where `before` and `after` do not say it.
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    /// State and reason, by their numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<(u8, Option<u8>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<(u8, Option<u8>)>,
    /// Whether the text is for a person to look at; of a NIC, state and reason tell.
    bad: bool,
}

impl Change {
    fn said(at: i64, text: impl Into<String>, bad: bool) -> Self {
        let text = text.into();
        Self { at, node: None, mac: None, nic: None, text, before: None, after: None, bad }
    }
}

/// What changed together, told at a time; what is alike stands together.
#[must_use]
pub fn changes(transitions: &[Transition], at: i64) -> Vec<Change> {
    let mut changes = Vec::new();
    for group in transitions.chunk_by(|a, b| mem::discriminant(a) == mem::discriminant(b)) {
        changes.extend(group.iter().take(OF_ONE_KIND).filter_map(|transition| change(transition, at)));
        let more = group.len().saturating_sub(OF_ONE_KIND);
        if more > 0 {
            changes.push(Change::said(at, format!("{more} more like the one before"), false));
        }
    }
    changes
}

fn change(transition: &Transition, at: i64) -> Option<Change> {
    let of_node = |node: Option<&Name>, mac, change| Some(Change { node: node.cloned(), mac, ..change });
    match transition {
        Transition::NicAdded(nic) => Some(Change {
            nic: nic.slot,
            ..asked(at, &nic.node, nic.mac, "NIC added: there is a row for it")
        }),
        Transition::NicDropped(nic) => {
            Some(Change { nic: nic.slot, ..asked(at, &nic.node, nic.mac, "NIC dropped: its row is gone") })
        }
        Transition::NicMoved { nic, before, after } => {
            let moved = asked(at, &nic.node, nic.mac, "");
            let (before, after) = (before.map(numbers), Some(numbers(*after)));
            Some(Change { nic: nic.name, before, after, ..moved })
        }
        Transition::NicRemoved { nic, before } => {
            let removed = asked(at, &nic.node, nic.mac, "NIC given back");
            Some(Change { nic: nic.name, before: Some(numbers(*before)), ..removed })
        }
        Transition::ObjectFailed { node, error } => {
            let text = format!("The object cannot be written: {error}");
            of_node(Some(node), None, Change::said(at, text, true))
        }
        Transition::RowRejected(rejection) => {
            let text = format!("Row rejected ({}): {rejection}", rejection.fault.reason);
            of_node(rejection.node.as_ref(), rejection.mac, Change::said(at, text, true))
        }
        _ => said(transition).map(|(text, bad)| Change::said(at, text, bad)),
    }
}

/// What is said of the operator, of its table or of many Nodes, and whether it is for a person to look at.
fn said(transition: &Transition) -> Option<(String, bool)> {
    Some(match transition {
        Transition::DatabaseLost { error, .. } => (format!("The table cannot be read: {error}"), true),
        Transition::DatabaseFound { failures } => {
            (format!("The table is read again, after {failures} failed attempts"), false)
        }
        Transition::RowsWritten { rows } => (format!("netplan_success written to {rows} rows"), false),
        Transition::WritesFail(unwritten) => {
            (format!("netplan_success cannot be written: {}", unwritten.error), true)
        }
        Transition::WritesWork => ("netplan_success can be written again".to_owned(), false),
        Transition::GuardRaised { held } => {
            (format!("Too many NICs would go at once; the NICs of {} Nodes are kept", held.len()), true)
        }
        Transition::GuardCleared => ("No NIC waits for a confirmation any more".to_owned(), false),
        Transition::ObjectsPostponed { objects } => {
            (format!("The API server is slow; {objects} objects are left to the next sync"), true)
        }
        Transition::RowsCorrected { rows, left } => {
            (format!("{rows} rejected rows were corrected or deleted; {left} are left"), false)
        }
        Transition::LeftOut { what } => (format!("Left out: {what}"), true),
        Transition::ServersUnmatched { servers } => {
            (format!("Rows of {} more servers that are no Nodes here", servers.len()), false)
        }
        // Each NIC of them is told, and what is of one Node stands with it.
        Transition::SpecsWritten { .. }
        | Transition::ObjectsOutdated { .. }
        | Transition::NicAdded(_)
        | Transition::NicDropped(_)
        | Transition::NicMoved { .. }
        | Transition::NicRemoved { .. }
        | Transition::ObjectFailed { .. }
        | Transition::RowRejected(_) => return None,
    })
}

fn asked(at: i64, node: &Name, mac: MacAddress, text: &str) -> Change {
    Change { node: Some(Name::clone(node)), mac: Some(mac), ..Change::said(at, text, false) }
}

fn numbers(nic: NicState) -> (u8, Option<u8>) {
    (state_number(nic.state), nic.reason.map(reason_number))
}

#[cfg(test)]
mod tests {
    use multinic_crds::{InterfaceState, Reason};
    use serde_json::json;

    use super::*;
    use crate::{
        fixtures::{mac, slot},
        transition::Nic,
    };

    fn moved(after: NicState) -> Transition {
        let nic = Nic { node: "a".into(), mac: mac(1), name: Some(slot(0)) };
        Transition::NicMoved { nic, before: None, after }
    }

    #[test]
    fn a_nic_that_moved_is_told_by_numbers() {
        let told = changes(
            &[moved(NicState { state: InterfaceState::Failed, reason: Some(Reason::ApplyFailed) })],
            7,
        );
        assert_eq!(
            serde_json::to_value(&told).unwrap(),
            json!([{
                "at": 7, "node": "a", "mac": mac(1), "nic": "multinic0", "bad": false,
                "after": [InterfaceState::Failed as u8, Reason::ApplyFailed as u8],
            }])
        );
    }

    #[test]
    fn of_very_many_alike_the_first_are_told_and_the_rest_is_counted() {
        let configured = NicState { state: InterfaceState::Configured, reason: Some(Reason::Configured) };
        let mut transitions = vec![moved(configured); OF_ONE_KIND + 3];
        transitions.push(Transition::WritesWork);
        let told = changes(&transitions, 1);
        assert_eq!(told.len(), OF_ONE_KIND + 2);
        assert_eq!(told[OF_ONE_KIND].text, "3 more like the one before");
    }
}
