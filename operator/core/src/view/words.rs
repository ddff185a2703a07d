//! The words behind the numbers.

use multinic_crds::{InterfaceState, Reason};
use serde_json::{Value, json};

/// The states, by their numbers.
const STATES: [InterfaceState; 6] = [
    InterfaceState::Pending,
    InterfaceState::Configured,
    InterfaceState::DeviceMissing,
    InterfaceState::Refused,
    InterfaceState::Failed,
    InterfaceState::Removing,
];

/// The number of a state in [`words`].
pub(super) const fn state_number(state: InterfaceState) -> u8 {
    state as u8
}

/// The number of a reason in [`words`].
pub(super) const fn reason_number(reason: Reason) -> u8 {
    reason as u8
}

/// Every state, and every reason with its meaning and its remedy, at its number.
#[must_use]
pub fn words() -> Value {
    let reasons = Reason::ALL.iter().map(|reason| {
        let scopes: Vec<_> = reason.scopes().iter().map(|scope| scope.as_str()).collect();
        json!({
            "word": reason.as_str(),
            "meaning": reason.meaning(),
            "remedy": reason.remedy(),
            "shows": scopes,
            "fine": reason.is_no_fault(),
        })
    });
    json!({ "states": STATES, "reasons": reasons.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_to_its_word() {
        let words = words();
        for state in STATES {
            assert_eq!(words["states"][usize::from(state_number(state))], json!(state));
        }
        for reason in Reason::ALL {
            assert_eq!(words["reasons"][usize::from(reason_number(*reason))]["word"], reason.as_str());
        }
    }
}
