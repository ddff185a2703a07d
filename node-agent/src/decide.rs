//! Planning with the host's own netplan asked about every file that would change.

use std::collections::BTreeMap;

use multinic_agent_core::{
    backend::netplan::next_boot::{self, Doubts},
    parse::desired::Desired,
    plan::{Plan, World},
};
use multinic_crds::{Explanation, MacAddress, Mode};

use crate::host::{
    detect, files,
    generator::{self, HostGenerator, StageError},
    root::HostRoot,
};

/// What to do about `desired`, without what this host could not keep over its next boot. Touches nothing but the staging
/// root.
///
/// Plans, leaves out what the host's netplan would not take, and plans again until it takes all that is left. Where
/// nothing is `enforced` and nothing is given back, netplan is not asked.
pub async fn decide(
    root: &HostRoot,
    desired: &Desired,
    world: World<'_>,
    mut blocked: BTreeMap<MacAddress, Explanation>,
    enforced: bool,
    doubts: &mut Doubts,
) -> Result<Plan, StageError> {
    let mut plan = Plan::new(desired, world, &blocked);
    // A cleanup gives back on every host; the files that go are netplan's, whatever else configures links there.
    let acts = enforced || (desired.mode == Mode::Enforce && desired.wanted.is_empty());
    let Some(program) = detect::generator(root).filter(|_| acts) else { return Ok(plan) };
    let boot = generator::boot(root)?;
    let mut generator = HostGenerator::new(root, program);
    loop {
        let mut unfit = files::unwritable(root, &plan);
        unfit.extend(next_boot::unfit(&mut generator, &boot, &plan.transactions).await?);
        unfit.retain(|mac, _| !blocked.contains_key(mac));
        if unfit.is_empty() {
            break;
        }
        blocked.extend(unfit);
        plan = Plan::new(desired, world, &blocked);
    }
    let right = plan.right(world.files);
    plan.doubt(doubts.about(&mut generator, boot, right).await?);
    Ok(plan)
}
