//! Conditions by the Kubernetes API conventions, computed without a clock of their own.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

use crate::Reason;

/// The longest message of a condition, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024;
/// The longest message of one NIC, in bytes: twenty of them must leave the object small.
pub const MAX_INTERFACE_MESSAGE_BYTES: usize = 400;

/// The conditions of a `NodeNetworkConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionType {
    /// Every wanted NIC is configured and nothing unwanted is left (agent).
    Ready,
    /// Something needs a person or another attempt (agent).
    Degraded,
    /// The agent is at work on the newest generation (agent).
    Progressing,
    /// The Node's addresses include one of a NIC that multinic configures (agent). It is there only since that was
    /// so for the first time.
    NodeAddressLeaked,
    /// The spec equals the table (operator).
    Synced,
}

impl ConditionType {
    /// The word in `type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Degraded => "Degraded",
            Self::Progressing => "Progressing",
            Self::NodeAddressLeaked => "NodeAddressLeaked",
            Self::Synced => "Synced",
        }
    }

    /// The one of `conditions` that is of this type.
    #[must_use]
    pub fn of(self, conditions: &[Condition]) -> Option<&Condition> {
        conditions.iter().find(|condition| condition.type_ == self.as_str())
    }
}

/// A condition as of `now`. [`merge_conditions`] gives it the time it really changed.
#[must_use]
pub fn condition(
    kind: ConditionType,
    holds: bool,
    reason: Reason,
    message: &str,
    generation: i64,
    now: Timestamp,
) -> Condition {
    Condition {
        type_: kind.as_str().to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        reason: reason.to_string(),
        message: truncate_message(message, MAX_MESSAGE_BYTES),
        observed_generation: Some(generation),
        last_transition_time: Time(now),
    }
}

/// `next`, where a condition whose status did not change keeps its transition time from `previous`.
#[must_use]
pub fn merge_conditions(previous: &[Condition], mut next: Vec<Condition>) -> Vec<Condition> {
    for condition in &mut next {
        let before = previous.iter().find(|p| p.type_ == condition.type_);
        if let Some(before) = before.filter(|p| p.status == condition.status) {
            condition.last_transition_time = before.last_transition_time.clone();
        }
    }
    next
}

/// `message`, cut at a character boundary so that it fits `limit` bytes.
#[must_use]
pub fn truncate_message(message: &str, limit: usize) -> String {
    const ELLIPSIS: &str = "…";
    if message.len() <= limit {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(limit.saturating_sub(ELLIPSIS.len()));
    format!("{}{ELLIPSIS}", &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn only_a_changed_status_moves_the_transition_time() {
        let ready = |holds, reason, second| condition(ConditionType::Ready, holds, reason, "", 1, at(second));
        let before = [ready(false, Reason::InterfaceFailed, 1)];

        let same = merge_conditions(&before, vec![ready(false, Reason::InterfaceRefused, 2)]);
        assert_eq!(same[0].last_transition_time, Time(at(1)));
        assert_eq!(same[0].reason, "InterfaceRefused");

        let changed = merge_conditions(&before, vec![ready(true, Reason::Configured, 2)]);
        assert_eq!(changed[0].last_transition_time, Time(at(2)));
    }

    #[test]
    fn a_message_never_outgrows_its_bound_nor_splits_a_character() {
        let long = "é".repeat(MAX_MESSAGE_BYTES);
        let cut = truncate_message(&long, MAX_MESSAGE_BYTES);
        assert!(cut.len() <= MAX_MESSAGE_BYTES && cut.ends_with('…'));
        assert_eq!(truncate_message("short", MAX_MESSAGE_BYTES), "short");
    }
}
