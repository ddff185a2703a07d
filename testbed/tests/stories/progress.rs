//! A pass that takes long is visible while it lasts.

use anyhow::{Result, ensure};
use multinic_testbed::{Kind, Needs, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, eventually};

const NIC: &str = "fa:16:3e:00:00:01";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell("a_pass_that_takes_long_says_which_nic_it_is_at", Needs::FullNodes, long)
}

async fn long(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    let name = node.plug(NIC)?;
    // The kernel probes for that many seconds.
    let probes = format!("echo 12 > /proc/sys/net/ipv6/conf/{name}/dad_transmits");
    node.exec(&["sh", "-c", &probes])?;
    let rows =
        OpenstackConfig::new("v6", "fd00:20::/64").with(Port::new(NIC, "worker-1").address("fd00:20::1"));
    world.database.producer().sync(&rows).await?;
    node.join(&world.cluster).await?;
    let shown = format!("configuring multinic0 ({NIC}), 1 of 1: ");
    eventually("the pass to say where it is", SOON, async || {
        let progressing = world.condition(&node, "Progressing").await?;
        ensure!(progressing.status == "True" && progressing.message.starts_with(&shown), "{progressing:?}");
        Ok(())
    })
    .await?;
    world.configured(&node, NIC).await?;
    let settled = world.condition(&node, "Progressing").await?;
    assert_eq!((settled.status.as_str(), settled.message.as_str()), ("False", ""));
    Ok(())
}
