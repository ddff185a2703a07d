//! Planning, with the host asked about every file that would change.

use crate::{
    backend::BootCheck,
    parse::desired::Desired,
    plan::{Blocked, Plan, World},
};

/// What to do about `desired`, without what this host could not keep over its next boot.
///
/// Plans, leaves out what the host would not take, and plans again until it takes all that is left. Without a
/// `check`, the host is not asked.
pub async fn decide<C: BootCheck>(
    desired: &Desired,
    world: World<'_>,
    mut blocked: Blocked,
    check: Option<&mut C>,
) -> Result<Plan, C::Error> {
    let mut plan = Plan::new(desired, world, &blocked);
    let Some(check) = check else { return Ok(plan) };
    loop {
        let mut unfit = check.unfit(&plan.transactions).await?;
        unfit.retain(|mac, _| !blocked.contains(*mac));
        if unfit.is_empty() {
            break;
        }
        blocked.unfit.extend(unfit);
        plan = Plan::new(desired, world, &blocked);
    }
    plan.doubt(check.doubts(plan.right(world)).await?);
    Ok(plan)
}
