//! What the operator needs for a fleet: memory, with everything in it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::api::{Api, Patch, PatchParams, PostParams};
use multinic_crds::{InterfaceState, InterfaceStatus, NodeNetworkConfig, NodeNetworkConfigStatus};
use multinic_testbed::{OpenstackConfig, Port, Schema, Testbed, eventually};
use serde_json::json;

use crate::nics::{NICS, mac};
use crate::output::{mebibytes, say};

const NODES: usize = 1000;
/// Requests in flight while the fleet is made.
const CONCURRENCY: usize = 16;
const DEADLINE: Duration = Duration::from_mins(5);

/// A thousand nodes with ten rows each: memory when idle, and how long an unchanged sync takes.
pub(crate) async fn operator(bed: &Testbed) -> Result<()> {
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
    let complete = eventually("the fleet's objects", DEADLINE, async || {
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
    eventually("every row to say netplan_success", DEADLINE, async || {
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
    let idle = eventually("a few idle syncs", DEADLINE, async || {
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
