//! The figures that multinic is held to, measured on real parts and release builds.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::api::{Api, Patch, PatchParams, PostParams};
use multinic_crds::{InterfaceState, InterfaceStatus, NodeNetworkConfig, NodeNetworkConfigStatus};
use multinic_testbed::{
    Kind, Node, OpenstackConfig, Port, Schema, Testbed, World, eventually, use_release_binaries,
};
use serde_json::json;

const NICS: usize = 10;
const ROUNDS: usize = 20;
const NODES: usize = 1000;
/// Requests in flight while the fleet is made.
const CONCURRENCY: usize = 16;
const FLEET_DEADLINE: Duration = Duration::from_mins(5);

fn main() -> Result<()> {
    use_release_binaries();
    Testbed::run(agent)?;
    Testbed::run(async |bed: &Testbed| plugs(bed, Kind::Full, "with udev").await)?;
    Testbed::run(async |bed: &Testbed| plugs(bed, Kind::Light, "without udev").await)?;
    Testbed::run(operator)
}

/// One node with ten NICs: memory when idle, and how long a changed object takes to be right in the kernel.
async fn agent(bed: &Testbed) -> Result<()> {
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
        ensure!(started.elapsed() < FLEET_DEADLINE, "the kernel never showed {wanted:?}");
        // Lets this process's own connections go on; the agent is a process of its own.
        tokio::task::yield_now().await;
    }
    let took = started.elapsed();
    eventually("the change to be reported", FLEET_DEADLINE, async || {
        let config = world.config(node).await?;
        let applied = config.status.and_then(|status| status.applied_generation);
        ensure!(applied == config.metadata.generation, "applied is {applied:?}");
        Ok(())
    })
    .await?;
    Ok(took)
}

/// How long it takes from a NIC that is plugged in to one that is right in the kernel.
async fn plugs(bed: &Testbed, kind: Kind, what: &str) -> Result<()> {
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
            ensure!(started.elapsed() < FLEET_DEADLINE, "the kernel never showed {wanted}");
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

/// A thousand nodes with ten rows each: memory when idle, and how long an unchanged sync takes.
async fn operator(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let nodes = Api::<KubeNode>::all(world.cluster.client());
    stream::iter(0..NODES)
        .map(|n| {
            let nodes = nodes.clone();
            async move {
                let node: KubeNode = serde_json::from_value(json!({ "metadata": { "name": name(n) } }))?;
                nodes.create(&PostParams::default(), &node).await?;
                anyhow::Ok(())
            }
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    let rows = (0..NODES * NICS).fold(OpenstackConfig::new("fleet", "10.0.0.0/8"), |config, n| {
        let address = format!("10.{}.{}.5", n / 250 + 1, n % 250);
        config.with(Port::new(&mac(n), &name(n / NICS)).address(&address))
    });
    world.database.producer().sync(&rows).await?;

    let configs = Api::<NodeNetworkConfig>::all(world.cluster.client());
    let complete = eventually("the fleet's objects", FLEET_DEADLINE, async || {
        let all = configs.list(&kube::api::ListParams::default()).await?.items;
        let full = all.iter().filter(|config| config.spec.interfaces.len() == NICS).count();
        ensure!(full == NODES, "{full} of {NODES} are complete");
        Ok(all)
    })
    .await?;
    stream::iter(complete)
        .map(|config| report(&configs, config))
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    eventually("every row to say netplan_success", FLEET_DEADLINE, async || {
        let query = sqlx::query_scalar("SELECT COUNT(*) FROM multi_interface WHERE netplan_success = 1");
        let successes: i64 = query.fetch_one(world.database.administrator()).await?;
        ensure!(usize::try_from(successes)? == NODES * NICS, "{successes} rows do");
        Ok(())
    })
    .await?;
    let scale = format!("{NODES} nodes with {NICS} rows each");
    let peak = mebibytes(world.operator.process()?.resident_memory()?);
    say(&format!("operator, having just carried {scale}: {peak}"))?;

    // From nothing: the steady state of a fleet that changes little.
    world.operator.stop().await?;
    world.operator.resume()?;
    let before = world.database.operator_statements().await?.selects;
    let idle = eventually("a few idle syncs", FLEET_DEADLINE, async || {
        let selects = world.database.operator_statements().await?.selects;
        ensure!(selects >= before + 8, "{} so far", selects - before);
        world.operator.process()?.resident_memory()
    })
    .await?;
    say(&format!("operator, idle at {scale}: {}", mebibytes(idle)))
}

/// What an agent would report once everything is right.
async fn report(configs: &Api<NodeNetworkConfig>, config: NodeNetworkConfig) -> Result<()> {
    let name = config.metadata.name.context("an object without a name")?;
    let status = NodeNetworkConfigStatus {
        observed_generation: config.metadata.generation,
        applied_generation: config.metadata.generation,
        interfaces: config
            .spec
            .interfaces
            .iter()
            .map(|nic| InterfaceStatus {
                mac_address: nic.mac_address.to_string(),
                name: nic.name.to_string(),
                port_id: nic.port_id.clone(),
                state: InterfaceState::Configured,
                reason: "Configured".to_owned(),
                message: String::new(),
                observed: None,
                last_transition_time: None,
            })
            .collect(),
        ..NodeNetworkConfigStatus::default()
    };
    let patch = Patch::Merge(json!({ "status": status }));
    configs.patch_status(&name, &PatchParams::default(), &patch).await?;
    Ok(())
}

fn name(node: usize) -> String {
    format!("node-{node:04}")
}

fn mac(nic: usize) -> String {
    format!("fa:16:3e:{:02x}:{:02x}:{:02x}", (nic >> 16) & 0xff, (nic >> 8) & 0xff, nic & 0xff)
}

fn mebibytes(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20)
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
