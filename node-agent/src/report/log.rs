//! The log: one line for each thing that changes, none for what stays.

use std::time::Duration;

use multinic_agent_core::{execute::Failures, parse::desired::Desired, plan::Plan};
use multinic_crds::InterfaceStatus;

/// One NIC that is in another state.
pub(super) fn transition(nic: &InterfaceStatus) {
    tracing::info!(
        mac = nic.mac_address,
        interface = nic.name,
        state = ?nic.state,
        reason = nic.reason,
        // Where all is well there is no more to say.
        detail = Some(nic.message.as_str()).filter(|detail| !detail.is_empty()),
        "NIC is in another state"
    );
}

/// Why each NIC that was to be changed is not.
pub(super) fn failures(plan: &Plan, failures: &Failures) {
    for member in plan.transactions.iter().flat_map(|transaction| &transaction.members) {
        match failures.get(&member.mac) {
            Some(failure) if failure.reason().passes() => {
                tracing::info!(mac = %member.mac, reason = %failure.reason(), "{failure}");
            }
            Some(failure) => tracing::error!(mac = %member.mac, reason = %failure.reason(), "{failure}"),
            None => {}
        }
    }
}

/// What one reconcile changed.
pub(super) fn change(desired: &Desired, change: Change, took: Duration) {
    let Change { configured, removed, repaired, failed } = change;
    tracing::info!(
        generation = desired.generation,
        configured,
        removed,
        repaired,
        failed,
        milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "changed this node's NICs"
    );
}

/// How many NICs one reconcile changed, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) configured: u64,
    pub(super) removed: u64,
    pub(super) repaired: u64,
    pub(super) failed: usize,
}

impl Change {
    pub(super) fn of(plan: &Plan, failures: &Failures, repaired: u64) -> Self {
        let failed = failures.values().filter(|failure| !failure.reason().passes()).count();
        let mut change = Self { repaired, failed, ..Self::default() };
        let members = plan.transactions.iter().flat_map(|transaction| &transaction.members);
        for member in members.filter(|member| !failures.contains_key(&member.mac)) {
            let count = if member.wanted.is_some() { &mut change.configured } else { &mut change.removed };
            *count += 1;
        }
        change
    }
}
