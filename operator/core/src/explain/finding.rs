//! One thing that a person should know of.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use multinic_crds::{InterfaceState, InterfaceStatus, Reason};
use serde::Serialize;

/// What is said where a newer agent or operator gives a reason that this program does not know.
const UNKNOWN: &str =
    "use the version of this program that belongs to the operator: this one does not know the reason";

/// One thing that a person should know of. Serialized, it is part of what scripts read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The Node.
    pub node: String,
    /// How bad it is.
    pub severity: Severity,
    /// The NIC, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nic: Option<Nic>,
    /// Why, in one word.
    pub reason: String,
    /// Since when, where somebody wrote it down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// What the agent, the operator or the kubelet says of this very case; may be empty.
    pub message: String,
    /// What the reason means wherever it shows.
    pub meaning: String,
    /// What to do.
    pub remedy: String,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Somebody has to do something.
    Wrong,
    /// It was asked for, or goes by itself.
    Notice,
}

/// Which NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Nic {
    /// The name that it should have.
    pub name: String,
    /// What it is known by.
    pub mac_address: String,
    /// Where it is on its way.
    pub state: InterfaceState,
}

impl Finding {
    /// What is said of `node` for a `reason` that is one of ours.
    pub(super) fn new(node: &str, reason: Reason, message: &str) -> Self {
        Self::of_word(node, reason.as_str(), message, None)
    }

    /// What somebody wrote into an object.
    pub(super) fn of_word(node: &str, word: &str, message: &str, since: Option<Timestamp>) -> Self {
        let reason = Reason::named(word);
        let remedy = reason.map_or(UNKNOWN, Reason::remedy);
        let severity = if reason.is_some_and(is_notice) { Severity::Notice } else { Severity::Wrong };
        Self {
            node: node.to_owned(),
            severity,
            nic: None,
            reason: word.to_owned(),
            since: since.map(Time),
            message: without(message, remedy).to_owned(),
            meaning: reason.map(Reason::meaning).unwrap_or_default().to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    pub(super) fn of_nic(node: &str, nic: &InterfaceStatus) -> Self {
        let since = nic.last_transition_time.as_ref().map(|time| time.0);
        let about = Nic { name: nic.name.clone(), mac_address: nic.mac_address.clone(), state: nic.state };
        Self { nic: Some(about), ..Self::of_word(node, &nic.reason, &nic.message, since) }
    }
}

/// Whether nobody has to do anything: somebody asked for it, it goes by itself, or the object is `Ready` all the same.
const fn is_notice(reason: Reason) -> bool {
    reason.is_no_fault() || matches!(reason, Reason::NoCarrier | Reason::Unlisted | Reason::NodeGone)
}

/// Many messages end with the remedy, which is said by itself here.
fn without<'a>(message: &'a str, remedy: &str) -> &'a str {
    message.strip_suffix(remedy).map_or(message, |said| said.trim_end_matches([' ', ';', ':']))
}
