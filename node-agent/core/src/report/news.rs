//! News that does not wait. Pure.

use multinic_crds::{ConditionType, InterfaceState, NodeNetworkConfigStatus};

/// Whether somebody waits for what `after` says and `before` does not: an answer to a generation, be it a failure, or the
/// end of a success. Each generation is answered once, and each success in between is an answer, or it waits; so these
/// cannot come in rapid succession either.
#[must_use]
pub fn is_pressing(before: &NodeNetworkConfigStatus, after: &NodeNetworkConfigStatus) -> bool {
    let answers = (before.observed_generation, before.applied_generation)
        != (after.observed_generation, after.applied_generation);
    let is_configured = |status: &NodeNetworkConfigStatus, mac: &str| {
        let configured = |nic: &multinic_crds::InterfaceStatus| {
            nic.mac_address == mac && nic.state == InterfaceState::Configured
        };
        status.interfaces.iter().any(configured)
    };
    let lost = before
        .interfaces
        .iter()
        .any(|nic| is_configured(before, &nic.mac_address) && !is_configured(after, &nic.mac_address));
    let holds = |status: &NodeNetworkConfigStatus, kind: ConditionType| {
        status.conditions.iter().any(|one| one.type_ == kind.as_str() && one.status == "True")
    };
    let ends = |kind| holds(before, kind) && !holds(after, kind);
    answers || lost || ends(ConditionType::Ready) || ends(ConditionType::Progressing)
}
