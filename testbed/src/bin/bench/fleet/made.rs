//! Nodes and rows, and what the same libraries do with them without an operator.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::api::{Api, DeleteParams, PostParams};
use multinic_crds::NodeNetworkConfig;
use multinic_testbed::World;
use serde_json::json;

use crate::nics::NICS;

/// Requests in flight while the fleet is made.
pub(super) const CONCURRENCY: usize = 16;
const SUBNET: &str = "6f1c0ab2-3d5e-4a41-9c55-0f6f2b1d7e10";
/// Of bare readings the mean is taken.
const READINGS: &str = "10";

/// The subnet of all rows.
pub(super) async fn subnet(world: &World<'_>) -> Result<()> {
    let insert = format!(
        "INSERT INTO multi_subnet (subnet_id, subnet_name, cidr, network_id) \
         VALUES ('{SUBNET}', 'fleet', '10.0.0.0/8', 'fleet')"
    );
    world.database.execute(&insert).await.map(drop)
}

/// Adds nodes and their rows until there are so many nodes; returns the number of all rows.
pub(super) async fn grow(world: &World<'_>, before: usize, nodes: usize) -> Result<usize> {
    let kube_nodes = Api::<KubeNode>::all(world.cluster.client());
    stream::iter(before..nodes)
        .map(|n| {
            let kube_nodes = kube_nodes.clone();
            async move {
                let node: KubeNode = serde_json::from_value(json!({ "metadata": { "name": name(n) } }))?;
                kube_nodes.create(&PostParams::default(), &node).await?;
                anyhow::Ok(())
            }
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    let node = |number: &str| format!("CONCAT('node-', LPAD({number}, 5, '0'))");
    let servers = format!(
        "INSERT INTO node_table (attached_node_id, attached_node_name) SELECT CONCAT('id-', seq), {} \
         FROM seq_{before}_to_{}",
        node("seq"),
        nodes - 1
    );
    world.database.execute(&servers).await?;
    let byte = |shift: usize| format!("(seq DIV {shift} MOD 256)");
    let hex = |shift: usize| format!("LPAD(LOWER(HEX({})), 2, '0')", byte(shift));
    let rows = format!(
        "INSERT INTO multi_interface (port_id, subnet_id, macaddress, attached_node_name, cr_namespace, cr_name, address) \
         SELECT CONCAT(LPAD(LOWER(HEX(seq)), 8, '0'), '-6a1c-4f0e-9d0b-0a4c1d1e2f30'), '{SUBNET}', \
         CONCAT('fa:16:3e:', {}, ':', {}, ':', {}), {}, 'fleet', 'fleet', \
         CONCAT('10.', 1 + {}, '.', {}, '.', {}) FROM seq_{}_to_{}",
        hex(65_536),
        hex(256),
        hex(1),
        node(&format!("seq DIV {NICS}")),
        byte(65_536),
        byte(256),
        byte(1),
        before * NICS,
        nodes * NICS - 1
    );
    world.database.execute(&rows).await?;
    Ok(nodes * NICS)
}

/// Calls in a second of a bare loop that makes as many objects, which then go.
pub(super) async fn bare_patches(world: &World<'_>, bare: &Path, objects: usize) -> Result<f64> {
    let calls = tell(world, bare, &["patch", &objects.to_string(), &NICS.to_string()])?;
    let configs = Api::<NodeNetworkConfig>::all(world.cluster.client());
    stream::iter(0..objects)
        .map(|object| {
            let configs = configs.clone();
            async move { configs.delete(&format!("bare-{object:05}"), &DeleteParams::default()).await }
        })
        .buffer_unordered(CONCURRENCY)
        .try_for_each(async |_| Ok(()))
        .await?;
    Ok(calls)
}

/// Processor seconds of a bare reading.
pub(super) fn bare_reading(world: &World<'_>, bare: &Path) -> Result<f64> {
    tell(world, bare, &["select", READINGS])
}

fn tell(world: &World<'_>, bare: &Path, arguments: &[&str]) -> Result<f64> {
    let output = world.operator.run_instead(bare, arguments)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)?.trim().parse().context("it prints no number")
}

fn name(node: usize) -> String {
    format!("node-{node:05}")
}
