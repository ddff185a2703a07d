//! Without the API server a node is kept right all the same.

use anyhow::{Result, ensure};
use multinic_testbed::{
    Kind, Needs, Node, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, eventually, get,
};
use serde_json::Value;

use crate::witness::{admin, health};

const FIRST: &str = "fa:16:3e:00:00:01";
const SECOND: &str = "fa:16:3e:00:00:02";
/// What the agent remembers, on the node.
const OBJECT: &str = "var/lib/multinic/object.json";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell(
        "a_node_that_boots_while_the_api_server_is_away_is_kept_right_from_memory",
        Needs::FullNodes,
        from_memory,
    )
}

async fn from_memory(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    for mac in [FIRST, SECOND] {
        node.plug(mac)?;
    }
    node.join(&world.cluster).await?;
    let rows = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.1"))
        .with(Port::new(SECOND, "worker-1").address("10.20.0.2"));
    world.database.producer().sync(&rows).await?;
    for mac in [FIRST, SECOND] {
        world.configured(&node, mac).await?;
    }
    let before = world.config(&node).await?;

    node.stop_agent().await?;
    node.unplug(SECOND)?;
    world.cluster.kill_server()?;
    node.reboot().await?;
    let booted = node.link(FIRST)?;
    node.exec(&["ip", "address", "flush", "dev", &booted.name])?;
    node.start_agent_again()?;
    is(&node, FIRST, "multinic0", "10.20.0.1/24").await?;
    node.plug(SECOND)?;
    is(&node, SECOND, "multinic1", "10.20.0.2/24").await?;
    let told = health(&node).await?;
    let said = (&told["from_memory"], &told["api_connected"], &told["status"]);
    assert_eq!(said, (&Value::from(true), &Value::from(false), &Value::from("degraded")), "{told}");
    ensure!(get(&admin(&node), "/readyz").await?.status == 200, "it does its work and is not ready");
    let log = node.agent()?.log()?;
    ensure!(log.contains("this node's object is taken from memory"), "{log}");

    world.cluster.resume_server().await?;
    eventually("the status to be of this boot", SOON, async || {
        let config = world.config(&node).await?;
        let (then, now) = (before.status.as_ref(), config.status.as_ref());
        ensure!(then.map(|one| &one.boot_id) != now.map(|one| &one.boot_id), "it is of an earlier one");
        Ok(())
    })
    .await?;
    for mac in [FIRST, SECOND] {
        world.configured(&node, mac).await?;
    }
    assert_eq!(health(&node).await?["from_memory"], false);

    // An object that is gone is not acted upon later.
    ensure!(node.host_root()?.join(OBJECT).exists(), "nothing is remembered");
    world.cluster.delete_node(node.name()).await?;
    world.cluster.kubectl(&["delete", "nnc", node.name(), "--ignore-not-found"])?;
    eventually("the object to be forgotten", SOON, async || {
        ensure!(!node.host_root()?.join(OBJECT).exists(), "it is remembered");
        Ok(())
    })
    .await
}

async fn is(node: &Node<'_>, mac: &str, name: &str, address: &str) -> Result<()> {
    eventually(&format!("{mac} to be {name} with {address}"), SOON, async || {
        let link = node.link(mac)?;
        ensure!(link.name == name && link.addresses == [address], "{link:?}");
        Ok(())
    })
    .await
}
