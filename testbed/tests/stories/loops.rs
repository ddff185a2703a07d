//! Rows become NICs, and every party says so truthfully.

use anyhow::{Result, ensure};
use multinic_testbed::{Harm, Kind, Needs, OpenstackConfig, Port, Schema, Suite, Testbed};

const FIRST: &str = "fa:16:3e:00:00:01";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell(
            "a01_a_row_becomes_a_nic_and_the_uplink_is_left_alone",
            Needs::FullNodes,
            async |bed: &Testbed| row_becomes_nic(bed, Kind::Full).await,
        )
        .tell("a_row_becomes_a_nic_on_a_light_node", Needs::Testbed, async |bed: &Testbed| {
            row_becomes_nic(bed, Kind::Light).await
        })
}

async fn row_becomes_nic(bed: &Testbed, kind: Kind) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", kind).await?;
    node.plug(FIRST)?;
    let monitor = node.monitor().await?;
    node.join(&world.cluster).await?;
    let object = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.5").mtu(1450));
    world.database.producer().sync(&object).await?;
    world.configured(&node, FIRST).await?;

    let nic = node.link(FIRST)?;
    assert_eq!((nic.name.as_str(), nic.mtu), ("multinic0", 1450));
    ensure!(nic.up && nic.addresses == ["10.20.0.5/24"], "{nic:?}");
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}
