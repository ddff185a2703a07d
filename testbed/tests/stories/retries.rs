//! Attempts that fail end, and a person has them go on.

use std::fs;

use anyhow::{Context, Result, ensure};
use multinic_crds::InterfaceState;
use multinic_testbed::{
    Kind, Needs, Node, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, World, eventually,
};
use serde_json::Value;

const NIC: &str = "fa:16:3e:00:00:01";
/// Where the agent counts, on the node.
const RETRIES: &str = "var/lib/multinic/retries.json";
/// How many attempts there are at most.
const MOST: u64 = 150;

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell(
        "a25_attempts_that_ended_stay_ended_over_a_restart_until_a_person_asks",
        Needs::FullNodes,
        ended,
    )
}

async fn ended(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    node.plug(NIC)?;
    // Another host has the address.
    let neighbour = bed.node("neighbour", Kind::Light).await?;
    let port = neighbour.plug("fa:16:3e:00:00:ff")?;
    neighbour.exec(&["ip", "link", "set", &port, "up"])?;
    neighbour.exec(&["ip", "address", "add", "fd00:20::1/64", "dev", &port, "nodad"])?;
    node.join(&world.cluster).await?;
    let rows =
        OpenstackConfig::new("v6", "fd00:20::/64").with(Port::new(NIC, "worker-1").address("fd00:20::1"));
    world.database.producer().sync(&rows).await?;
    world.settled(&node, NIC, InterfaceState::Failed).await?;
    node.stop_agent().await?;

    // Nobody waits for half a day: the one before the last attempt was made.
    let mut record = retries(&node)?;
    let first = record["nics"][NIC]["attempts"].as_u64().context("no attempt is on record")?;
    record["nics"][NIC]["attempts"] = (MOST - 1).into();
    fs::write(node.host_root()?.join(RETRIES), record.to_string())?;
    node.start_agent(&world.cluster).await?;
    given_up(&world, &node).await?;
    assert_eq!(attempts(&node)?, first + 1);

    node.stop_agent().await?;
    node.start_agent(&world.cluster).await?;
    given_up(&world, &node).await?;
    // Looks, each of which would have been an attempt.
    for up in ["down", "up"] {
        node.exec(&["ip", "link", "set", &node.link(NIC)?.name, up])?;
        world.syncs(2).await?;
    }
    assert_eq!(attempts(&node)?, first + 1);

    let ask = ["annotate", "nnc", node.name(), "--overwrite", "multinic.io/retry=now"];
    world.cluster.kubectl(&ask)?;
    eventually("another attempt", SOON, async || {
        ensure!(attempts(&node)? > first + 1, "there is none");
        Ok(())
    })
    .await?;
    neighbour.unplug("fa:16:3e:00:00:ff")?;
    world.configured(&node, NIC).await?;
    ensure!(!node.host_root()?.join(RETRIES).exists(), "something is remembered of a node that is well");
    Ok(())
}

async fn given_up(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    eventually("the NIC to be given up", SOON, async || {
        let nic = world.reported(node, NIC).await?;
        let said = format!("tried {MOST} times");
        ensure!(nic.state == InterfaceState::Failed && nic.reason == "AddressConflict", "{nic:?}");
        ensure!(nic.message.contains(&said) && nic.message.contains("multinic.io/retry="), "{nic:?}");
        let asked = Some(retries(node)?["nics"][NIC]["attempts"] == MOST);
        asked.filter(|all| *all).context("not all attempts are on record")?;
        Ok(())
    })
    .await
}

fn retries(node: &Node<'_>) -> Result<Value> {
    let text = fs::read_to_string(node.host_root()?.join(RETRIES)).context("nothing is remembered")?;
    Ok(serde_json::from_str(&text)?)
}

/// How many attempts agents made, by their log.
fn attempts(node: &Node<'_>) -> Result<u64> {
    let log = node.agent()?.log()?;
    let attempts = log.lines().filter(|line| line.contains("ERROR") && line.contains("\"AddressConflict\""));
    Ok(attempts.count().try_into()?)
}
