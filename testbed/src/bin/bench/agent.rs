//! What the agent needs: memory, and time from a change or a plug to a kernel that is right.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kube::api::{Api, Patch, PatchParams};
use multinic_crds::{InterfaceState, NodeNetworkConfig};
use multinic_testbed::{Kind, Node, OpenstackConfig, Port, Schema, Testbed, World, eventually};
use serde_json::json;

use crate::nics::{NICS, mac};
use crate::output::{mebibytes, say};

const ROUNDS: usize = 20;
const DEADLINE: Duration = Duration::from_mins(5);

/// One node with ten NICs: memory when idle, and how long a changed object takes to be right in the kernel.
pub(crate) async fn agent(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("bench", Kind::Light).await?;
    let macs: Vec<_> = (0..NICS).map(mac).collect();
    for mac in &macs {
        node.plug(mac)?;
    }
    node.join(&world.cluster).await?;
    let rows =
        macs.iter().enumerate().fold(OpenstackConfig::new("bench", "10.0.0.0/8"), |config, (n, mac)| {
            config.with(Port::new(mac, node.name()).address(&format!("10.{n}.0.5")))
        });
    world.database.producer().sync(&rows).await?;
    for mac in &macs {
        world.configured(&node, mac).await?;
    }
    say(&format!("agent, idle with {NICS} NICs: {}", mebibytes(node.agent()?.resident_memory()?)))?;

    world.operator.stop().await?;
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        took.push(change(&world, &node, round + 100).await?);
    }
    took.sort_unstable();
    let (least, median, most) = (took[0], took[ROUNDS / 2], took[ROUNDS - 1]);
    say(&format!(
        "changed object to right kernel, {NICS} NICs, {ROUNDS} rounds: {} ms at the least, {} median, {} at the most",
        least.as_millis(),
        median.as_millis(),
        most.as_millis()
    ))?;
    say(&format!("agent, after that: {}", mebibytes(node.agent()?.resident_memory()?)))
}

/// Gives every NIC another address, and waits for the kernel to show them all.
async fn change(world: &World<'_>, node: &Node<'_>, host: usize) -> Result<Duration> {
    let mut interfaces = world.config(node).await?.spec.interfaces;
    let mut wanted = BTreeSet::new();
    for (n, nic) in interfaces.iter_mut().enumerate() {
        let address = format!("10.{n}.0.{host}/24");
        nic.addresses = vec![address.parse()?];
        wanted.insert(address);
    }
    let configs = Api::<NodeNetworkConfig>::all(world.cluster.client());
    let patch = Patch::Merge(json!({ "spec": { "interfaces": interfaces } }));
    let started = Instant::now();
    configs.patch(node.name(), &PatchParams::default(), &patch).await?;
    loop {
        let shown: BTreeSet<_> = node.links()?.into_iter().flat_map(|link| link.addresses).collect();
        if shown.is_superset(&wanted) {
            break;
        }
        ensure!(started.elapsed() < DEADLINE, "the kernel never showed {wanted:?}");
        // Lets this process's own connections go on; the agent is a process of its own.
        tokio::task::yield_now().await;
    }
    let took = started.elapsed();
    eventually("the change to be reported", DEADLINE, async || {
        let config = world.config(node).await?;
        let applied = config.status.and_then(|status| status.applied_generation);
        ensure!(applied == config.metadata.generation, "applied is {applied:?}");
        Ok(())
    })
    .await?;
    Ok(took)
}

/// How long it takes from a NIC that is plugged in to one that is right in the kernel.
pub(crate) async fn plugs(bed: &Testbed, kind: Kind, what: &str) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("bench", kind).await?;
    node.join(&world.cluster).await?;
    let address = |n: usize| format!("10.{n}.0.5");
    let rows = (0..NICS).fold(OpenstackConfig::new("bench", "10.0.0.0/8"), |config, n| {
        config.with(Port::new(&mac(n), node.name()).address(&address(n)))
    });
    world.database.producer().sync(&rows).await?;
    for n in 0..NICS {
        world.settled(&node, &mac(n), InterfaceState::DeviceMissing).await?;
    }
    let mut took = Vec::new();
    for n in 0..NICS {
        node.plug(&mac(n))?;
        let started = Instant::now();
        let wanted = format!("{}/8", address(n));
        while !node.link(&mac(n))?.addresses.contains(&wanted) {
            ensure!(started.elapsed() < DEADLINE, "the kernel never showed {wanted}");
            tokio::task::yield_now().await;
        }
        took.push(started.elapsed());
        world.settled(&node, &mac(n), InterfaceState::Configured).await?;
    }
    took.sort_unstable();
    say(&format!(
        "plugged in to right kernel, {what}, {NICS} NICs, one after the other: {} ms at the least, {} median, {} at the most",
        took[0].as_millis(),
        took[NICS / 2].as_millis(),
        took[NICS - 1].as_millis()
    ))
}
