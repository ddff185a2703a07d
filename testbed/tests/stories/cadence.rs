//! How often the table is read: seldom at rest, at once where something changes, never for what agents say.

use anyhow::{Result, ensure};
use multinic_crds::InterfaceState;
use multinic_testbed::{
    Kind, Needs, Node, OPERATOR_HEALTH, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, World,
    eventually,
};

use crate::witness::{ask, syncs};

const FIRST: &str = "fa:16:3e:00:00:01";
const SECOND: &str = "fa:16:3e:00:00:02";
/// At rest, no story sees two readings.
const SELDOM: &str = "1s..1h";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("what_an_agent_says_reaches_its_row_without_a_reading_of_the_table", Needs::Testbed, said)
        .tell(
            "a_node_that_changes_is_read_for_at_once_and_more_is_expected_for_a_while",
            Needs::Testbed,
            node_changed,
        )
}

/// A world that reads the table seldom at rest, and a node with a NIC that is right.
async fn at_rest(bed: &Testbed) -> Result<(World<'_>, Node<'_>, OpenstackConfig)> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    world.operator.stop().await?;
    world.operator.set("POLL_INTERVAL", SELDOM);
    let node = bed.node("worker-1", Kind::Light).await?;
    node.plug(FIRST)?;
    node.join(&world.cluster).await?;
    let storage = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.5"));
    world.database.producer().sync(&storage).await?;
    world.operator.resume()?;
    world.configured(&node, FIRST).await?;
    comes_to_rest().await?;
    Ok((world, node, storage))
}

async fn comes_to_rest() -> Result<()> {
    eventually("the operator to come to rest", 2 * SOON, async || {
        let metrics = ask(OPERATOR_HEALTH, "/metrics").await?;
        ensure!(metrics.lines().any(|line| line == "multinic_busy 0"), "it is busy");
        Ok(())
    })
    .await
}

async fn success(world: &World<'_>, mac: &str, wanted: bool) -> Result<()> {
    eventually(&format!("netplan_success of {mac} to be {wanted}"), SOON, async || {
        let success = world.database.producer().success(mac).await?;
        ensure!(success == Some(wanted), "it is {success:?}");
        Ok(())
    })
    .await
}

async fn said(bed: &Testbed) -> Result<()> {
    let (world, node, storage) = at_rest(bed).await?;
    let before = syncs().await?;
    node.unplug(FIRST)?;
    world.settled(&node, FIRST, InterfaceState::DeviceMissing).await?;
    success(&world, FIRST, false).await?;
    node.plug(FIRST)?;
    success(&world, FIRST, true).await?;
    assert_eq!(syncs().await?, before);

    // The producer writes its rows anew: those that were read are there no more, which is a reason to read.
    world.database.producer().sync(&storage).await?;
    assert_eq!(syncs().await?, before);
    node.unplug(FIRST)?;
    world.settled(&node, FIRST, InterfaceState::DeviceMissing).await?;
    eventually("the rows that are new to be read", SOON, async || {
        ensure!(syncs().await? > before, "nobody did");
        Ok(())
    })
    .await?;
    node.plug(FIRST)?;
    success(&world, FIRST, true).await
}

async fn node_changed(bed: &Testbed) -> Result<()> {
    let (world, node, storage) = at_rest(bed).await?;
    node.plug(SECOND)?;
    let second = Port::new(SECOND, "server-7").address("10.20.0.6");
    world.database.producer().insert(&storage, &second).await?;
    world.cluster.kubectl(&["annotate", "node", node.name(), "multinic.io/openstack-names=server-7"])?;
    world.configured(&node, SECOND).await?;
    comes_to_rest().await
}
