//! Which Kubernetes Events a person should find: `kubectl describe` shows them beside the object, `kubectl get events` all of
//! them.

use std::collections::BTreeMap;

use multinic_crds::{InterfaceState, Reason, truncate_message};

use crate::{
    cluster::Name,
    few::few,
    plan::Change,
    table::Rejection,
    transition::{Nic, NicState, Transition},
};

/// Events of one sync; what is beyond is left to the log and to the objects.
pub const MAX_EVENTS: usize = 100;
/// Bytes that the API allows a note, and an action.
const MAX_NOTE: usize = 1024;
const MAX_ACTION: usize = 128;

/// An Event to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub about: About,
    /// Whether a person should look, or only may.
    pub kind: Kind,
    /// One CamelCase word.
    pub reason: &'static str,
    /// What was done, to which NICs: two Events that differ only in their notes are one to whoever counts them.
    pub action: String,
    /// What happened and what to do, at most 1024 bytes.
    pub note: String,
}

/// What an Event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// The `NodeNetworkConfig` of a Node.
    Object(Name),
    /// The Node itself, for whoever looks there first.
    Node(Name),
    /// The operator's own pod: what is about no Node, or about all.
    Operator,
}

/// The two types that Events have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something is not as it should be.
    Warning,
    /// Something changed.
    Normal,
}

/// What NICs or rows have in common that are told in one Event, however many they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    about: About,
    kind: Kind,
    reason: &'static str,
    verb: &'static str,
    why: String,
}

/// The Events that `transitions` of one sync are worth, warnings first, and how many more there would be.
#[must_use]
pub fn events(transitions: &[Transition]) -> (Vec<Event>, usize) {
    let mut events = Vec::new();
    let mut said = BTreeMap::<Said, Vec<String>>::new();
    for transition in transitions {
        for (what, of) in about_one(transition) {
            said.entry(what).or_default().push(of);
        }
        events.extend(about_fleet(transition));
    }
    events.extend(said.into_iter().map(event));
    events.sort_by_key(|event| event.kind);
    let more = events.len().saturating_sub(MAX_EVENTS);
    events.truncate(MAX_EVENTS);
    (events, more)
}

fn event((what, of): (Said, Vec<String>)) -> Event {
    let Said { about, kind, reason, verb, why } = what;
    let of = few(&of, of.len());
    let action = truncate_message(&format!("{verb} {of}"), MAX_ACTION);
    Event { about, kind, reason, action, note: truncate_message(&format!("{of}: {why}"), MAX_NOTE) }
}

/// What is said of one NIC or one row, with its name.
fn about_one(transition: &Transition) -> Vec<(Said, String)> {
    match transition {
        Transition::NicAdded(change) => {
            let why = "a row of the table asks for it; the node's agent configures it";
            vec![about_change(change, "InterfaceAdded", "Add", why)]
        }
        Transition::NicDropped(change) => {
            let why = "no row of the table asks for it any more; the node's agent gives it back";
            vec![about_change(change, "InterfaceDropped", "Drop", why)]
        }
        Transition::NicMoved { nic, after, .. } => about_report(nic, *after),
        Transition::NicRemoved { nic, .. } => {
            let about = About::Object(Name::clone(&nic.node));
            let why = "given back, with its files".to_owned();
            let (kind, reason) = (Kind::Normal, "InterfaceRemoved");
            vec![(Said { about, kind, reason, verb: "Remove", why }, name(nic))]
        }
        Transition::RowRejected(rejection) => vec![about_row(rejection)],
        _ => Vec::new(),
    }
}

fn about_change(change: &Change, reason: &'static str, verb: &'static str, why: &str) -> (Said, String) {
    let Change { node, mac, slot, port_id } = change;
    let name = slot.map(|slot| format!("{slot} ")).unwrap_or_default();
    let port = port_id.as_ref().map(|port| format!(", port {port}")).unwrap_or_default();
    let about = About::Object(Name::clone(node));
    (Said { about, kind: Kind::Normal, reason, verb, why: why.to_owned() }, format!("{name}({mac}{port})"))
}

/// Said of the object, and of the Node too where something is wrong.
fn about_report(nic: &Nic, NicState { state, reason }: NicState) -> Vec<(Said, String)> {
    let Some(reason) = reason.filter(|reason| !reason.is_no_fault()) else { return Vec::new() };
    let object = About::Object(Name::clone(&nic.node));
    let said = |about, kind, why| {
        let (reason, verb) = (reason.as_str(), "Configure");
        (Said { about, kind, reason, verb, why }, name(nic))
    };
    if state == InterfaceState::Configured && reason == Reason::Configured {
        return vec![said(object, Kind::Normal, "configured, and read back from the kernel".to_owned())];
    }
    let why = format!("{state:?}. {} What to do: {}", reason.meaning(), reason.remedy());
    let node = About::Node(Name::clone(&nic.node));
    vec![said(object, Kind::Warning, why.clone()), said(node, Kind::Warning, why)]
}

fn about_row(rejection: &Rejection) -> (Said, String) {
    let about = rejection.node.clone().map_or(About::Operator, About::Object);
    let port = rejection.port_id.as_deref().unwrap_or("(unreadable)");
    let (reason, why) = (rejection.fault.reason.as_str(), rejection.fault.message.to_string());
    (Said { about, kind: Kind::Warning, reason, verb: "Read", why }, format!("row of port {port}"))
}

fn name(nic: &Nic) -> String {
    let name = nic.name.map(|name| format!("{name} ")).unwrap_or_default();
    format!("{name}({})", nic.mac)
}

fn about_fleet(transition: &Transition) -> Vec<Event> {
    let event = |about, kind, reason, action: &str, note: &str| Event {
        about,
        kind,
        reason,
        action: action.to_owned(),
        note: truncate_message(note, MAX_NOTE),
    };
    match transition {
        Transition::DatabaseLost { reason, error } => {
            vec![event(About::Operator, Kind::Warning, reason.as_str(), "Read the table", error)]
        }
        Transition::DatabaseFound { failures } => {
            let note = format!("the table is read again, after {failures} failed readings");
            vec![event(About::Operator, Kind::Normal, "TableRead", "Read the table", &note)]
        }
        Transition::GuardRaised { held } => {
            let of = |(node, message): &(Name, String)| {
                let about = About::Object(Name::clone(node));
                event(about, Kind::Warning, Reason::ShrinkGuard.as_str(), "Hold removals", message)
            };
            held.iter().map(of).collect()
        }
        Transition::GuardCleared => {
            let note = "no removal waits for a person any more";
            vec![event(About::Operator, Kind::Normal, "ShrinkGuardCleared", "Hold removals", note)]
        }
        Transition::ServersUnmatched { servers } => {
            let reason = Reason::UnmatchedRows;
            let note = format!(
                "rows name servers that are no Nodes here: {}. What to do: {}",
                few(servers, servers.len()),
                reason.remedy()
            );
            vec![event(About::Operator, Kind::Warning, reason.as_str(), "Match rows with Nodes", &note)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
