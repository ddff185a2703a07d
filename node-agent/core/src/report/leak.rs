//! The condition that an address of a NIC of ours is among the node's own.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use multinic_crds::{ConditionType, Reason, condition};

use crate::{plan::Plan, protected::Leak};

/// None as long as there never was one, so that nothing is written where all is well.
pub(super) fn leaked(
    plan: Option<&Plan>,
    previous: &[Condition],
    generation: i64,
    now: Timestamp,
) -> Option<Condition> {
    let kind = ConditionType::NodeAddressLeaked;
    let known = kind.of(previous);
    // Not having looked is no news.
    let Some(plan) = plan else { return known.cloned() };
    if plan.leaks.is_empty() {
        known?;
        return Some(condition(kind, false, Reason::NodeAddressesOwn, "", generation, now));
    }
    Some(condition(kind, true, Reason::NicAddressOnNode, &message(&plan.leaks), generation, now))
}

fn message(leaks: &[Leak]) -> String {
    let named: Vec<_> = leaks.iter().map(|leak| format!("{} of {}", leak.address, leak.name)).collect();
    format!(
        "the Node's addresses include {}, so the cluster may look for the node there; in the [Networking] section of \
         cloud.conf of openstack-cloud-controller-manager set internal-network-name to the network of the uplink, or \
         set --node-ip of the kubelet where that tells the address; then restart the agent's pod",
        named.join(", ")
    )
}
