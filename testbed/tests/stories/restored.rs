//! An API server whose store is set back to an earlier state.

use anyhow::{Result, ensure};
use multinic_testbed::{
    GATEWAY, Needs, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, World, eventually, kubernetes_node,
};

const NODES: [&str; 2] = ["worker-1", "worker-2"];

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell(
        "a_store_that_is_set_back_is_written_anew_by_the_operator_that_runs_already",
        Needs::Testbed,
        set_back,
    )
}

async fn set_back(bed: &Testbed) -> Result<()> {
    let mut world = bed.world(Schema::ProducerWithAddressing).await?;
    for node in NODES {
        world.cluster.create_node(&kubernetes_node(node, GATEWAY)).await?;
    }
    carried(&world, 1).await?;
    world.cluster.back_up()?;
    for nics in 2..=4 {
        carried(&world, nics).await?;
    }

    let operator = world.operator.process()?.id();
    world.cluster.restore().await?;
    carried(&world, 4).await?;
    // Nor does it write in vain from then on.
    carried(&world, 5).await?;
    carried(&world, 3).await?;
    assert_eq!(world.operator.process()?.id(), operator);
    Ok(())
}

/// Has the table ask for so many NICs on each Node, and waits until the objects do.
async fn carried(world: &World<'_>, nics: usize) -> Result<()> {
    let mut object = OpenstackConfig::new("storage", "10.20.0.0/24");
    for (number, node) in NODES.iter().enumerate() {
        for nic in 1..=nics {
            let last = 10 * number + nic;
            object = object.with(
                Port::new(&format!("fa:16:3e:00:00:{last:02x}"), node).address(&format!("10.20.0.{last}")),
            );
        }
    }
    world.database.producer().sync(&object).await?;
    for node in NODES {
        eventually(&format!("{nics} NICs in the object of {node}"), 2 * SOON, async || {
            let found = world.config(&node).await?.spec.interfaces.len();
            ensure!(found == nics, "there are {found}");
            Ok(())
        })
        .await?;
        world.synced(&node, "Synced").await?;
    }
    Ok(())
}
