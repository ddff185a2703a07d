//! What the operator costs, from one node to five thousand, beside the same calls by the same libraries.

mod figures;
mod life;
mod made;
mod steady;

use anyhow::Result;
use multinic_testbed::{Schema, Testbed, World, bare};

pub(crate) use self::{
    figures::{Figures, Limits},
    steady::at_rest,
};
use crate::output::say;

/// Numbers of nodes, each with ten rows, of one cluster that grows.
const SIZES: [usize; 5] = [1, 10, 100, 1_000, 5_000];
/// Where SELECTs at rest are counted too, which takes minutes.
const COUNTED: [usize; 3] = [1, 10, 1_000];
/// Where a bare loop makes as many objects in the same run.
const BESIDE_BARE: usize = 1_000;

/// All sizes.
pub(crate) async fn fleet(bed: &Testbed) -> Result<Vec<Figures>> {
    let bare = bare()?;
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    world.operator.stop().await?;
    made::subnet(&world).await?;
    let mut all = Vec::new();
    let mut before = 0;
    for nodes in SIZES {
        let figures = size(&world, bare, before, nodes).await?;
        say(&figures.lines())?;
        all.push(figures);
        before = nodes;
    }
    Ok(all)
}

/// One size. The operator is stopped before and after.
async fn size(world: &World<'_>, bare: &std::path::Path, before: usize, nodes: usize) -> Result<Figures> {
    let rows = made::grow(world, before, nodes).await?;
    let bare_patches = match nodes {
        BESIDE_BARE => Some(made::bare_patches(world, bare, nodes).await?),
        _ => None,
    };
    let first_sync = life::first_sync(world, before, nodes).await?;
    life::report(world).await?;
    life::mirrored(world, rows).await?;
    world.operator.stop().await?;
    let (first_mirror, bare_update) = life::first_mirror(world, rows).await?;
    let steady = steady::steady(world).await?;
    let selects = if COUNTED.contains(&nodes) { Some(steady::selects(world).await?) } else { None };
    let bare_reading = made::bare_reading(world, bare)?;
    Ok(Figures {
        nodes,
        rows,
        first_sync,
        bare_patches,
        first_mirror,
        bare_update,
        steady,
        selects,
        bare_reading,
    })
}
