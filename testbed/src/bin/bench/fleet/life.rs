//! What happens to a fleet once: its objects are made, its agents report, its rows are told.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{Api, ListParams, Patch, PatchParams};
use multinic_crds::{
    InterfaceState, InterfaceStatus, NodeNetworkConfig, NodeNetworkConfigStatus, ObservedLink,
};
use multinic_testbed::World;
use serde_json::json;

use super::{made::CONCURRENCY, steady};
use crate::nics::NICS;

const DEADLINE: Duration = Duration::from_mins(10);
/// Who asks more often disturbs what is measured.
const PAUSE: Duration = Duration::from_millis(100);

/// Starts the operator, and waits until every object is whole; returns calls in a second.
pub(super) async fn first_sync(world: &World<'_>, before: usize, nodes: usize) -> Result<f64> {
    let calls_before = steady::calls(world)?;
    let began = Instant::now();
    world.operator.resume()?;
    wait("the fleet's objects", async || {
        let overview = steady::overview().await?;
        let wanted = overview.get("interfaces").and_then(serde_json::Value::as_u64);
        Ok(wanted == Some((nodes * NICS) as u64))
    })
    .await?;
    let took = began.elapsed();
    let calls = steady::calls(world)? - calls_before;
    ensure!(calls >= 2 * (nodes - before), "only {calls} calls");
    #[expect(clippy::cast_precision_loss, reason = "there are few thousands")]
    Ok(calls as f64 / took.as_secs_f64())
}

/// Has every agent say that all is right, which they do once it is.
pub(super) async fn report(world: &World<'_>) -> Result<()> {
    let configs = Api::<NodeNetworkConfig>::all(world.cluster.client());
    let all = configs.list(&ListParams::default()).await?.items;
    let silent = all.into_iter().filter(|config| {
        config.status.as_ref().is_none_or(|status| status.observed_generation != config.metadata.generation)
    });
    stream::iter(silent)
        .map(|config| report_one(&configs, config))
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await
}

async fn report_one(configs: &Api<NodeNetworkConfig>, config: NodeNetworkConfig) -> Result<()> {
    let name = config.metadata.name.context("an object without a name")?;
    let interface = |nic: &multinic_crds::Interface| InterfaceStatus {
        mac_address: nic.mac_address.to_string(),
        name: nic.name.to_string(),
        port_id: nic.port_id.clone(),
        state: InterfaceState::Configured,
        reason: "Configured".to_owned(),
        message: String::new(),
        observed: Some(ObservedLink {
            link_name: nic.name.to_string(),
            oper_state: "up".to_owned(),
            mtu: 1500,
            addresses: nic.addresses.iter().map(ToString::to_string).collect(),
        }),
        last_transition_time: None,
    };
    let status = NodeNetworkConfigStatus {
        observed_generation: config.metadata.generation,
        applied_generation: config.metadata.generation,
        interfaces: config.spec.interfaces.iter().map(interface).collect(),
        ..NodeNetworkConfigStatus::default()
    };
    configs.patch_status(&name, &PatchParams::default(), &Patch::Merge(json!({ "status": status }))).await?;
    Ok(())
}

/// Waits until every row says success.
pub(super) async fn mirrored(world: &World<'_>, rows: usize) -> Result<()> {
    wait("every row to say netplan_success", async || {
        let query = sqlx::query_scalar("SELECT COUNT(*) FROM multi_interface WHERE netplan_success = 1");
        let successes: i64 = query.fetch_one(world.database.administrator()).await?;
        Ok(usize::try_from(successes)? == rows)
    })
    .await
}

/// How long an operator that starts takes until every row says success, and how long one UPDATE of them takes.
pub(super) async fn first_mirror(world: &World<'_>, rows: usize) -> Result<(Duration, Duration)> {
    let began = Instant::now();
    let changed = world.database.execute("UPDATE multi_interface SET netplan_success = 0").await?;
    let bare = began.elapsed();
    ensure!(changed == rows as u64, "{changed} of {rows} rows said success");
    let began = Instant::now();
    world.operator.resume()?;
    mirrored(world, rows).await?;
    let took = began.elapsed();
    world.operator.stop().await?;
    Ok((took, bare))
}

async fn wait(what: &str, mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + DEADLINE;
    // Whoever has just been started does not answer yet.
    while !is_so().await.unwrap_or(false) {
        ensure!(Instant::now() < deadline, "waited {DEADLINE:?} for {what}");
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
