//! Two nodes where all is well, for stories of what is told when it is not.

use anyhow::Result;
use multinic_testbed::{Kind, Node, OpenstackConfig, Port, Schema, Testbed, World};

pub(crate) const FIRST: &str = "fa:16:3e:00:00:01";
pub(crate) const SECOND: &str = "fa:16:3e:00:00:02";

/// Two nodes, with a NIC each that is as its row says.
pub(crate) async fn two_nodes(bed: &Testbed) -> Result<(World<'_>, [Node<'_>; 2])> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let nodes = [bed.node("worker-1", Kind::Light).await?, bed.node("worker-2", Kind::Light).await?];
    world.database.producer().sync(&two_ports()).await?;
    for (node, mac) in nodes.iter().zip([FIRST, SECOND]) {
        node.plug(mac)?;
        node.join(&world.cluster).await?;
        world.configured(node, mac).await?;
    }
    Ok((world, nodes))
}

pub(crate) fn two_ports() -> OpenstackConfig {
    OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.1"))
        .with(Port::new(SECOND, "worker-2").address("10.20.0.2"))
}
