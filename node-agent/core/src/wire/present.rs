//! The NICs of ours that have a network to talk to.

use std::collections::BTreeSet;

use multinic_crds::{Interface, MacAddress};

use crate::{
    execute::Failures,
    observed::link::{KernelView, Link},
    parse::desired::Desired,
    plan::{Plan, Verdict},
    protected::Fence,
};

/// What became of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    /// What was wanted.
    pub desired: &'a Desired,
    /// What was decided.
    pub plan: &'a Plan,
    /// What went wrong with it.
    pub failures: &'a Failures,
    /// What must not be touched.
    pub fence: &'a Fence,
    /// The kernel afterwards.
    pub view: &'a KernelView,
}

/// Every wanted NIC that is as it should be, or would be if the addresses of those that are `withheld` were free; with its
/// link, which is up and has a carrier. None that the node lives by is among them.
pub fn present<'a>(
    done: Done<'a>,
    withheld: &BTreeSet<MacAddress>,
) -> impl Iterator<Item = (&'a Interface, &'a Link)> {
    let Done { desired, plan, failures, fence, view } = done;
    desired.wanted.iter().filter_map(move |(mac, nic)| {
        let decision = plan.decisions.get(mac)?;
        let is_right = match decision.verdict {
            Verdict::Right => true,
            Verdict::Change => !failures.contains_key(mac),
            Verdict::Held(_) => withheld.contains(mac) && !failures.contains_key(mac),
            _ => false,
        };
        let link = view.link(decision.index?).filter(|link| link.identity() == Some(*mac))?;
        let is_free = fence.protection(link.index).is_none() && !fence.is_needed(link, view);
        (is_right && is_free && link.up && link.carrier).then_some((nic, link))
    })
}
