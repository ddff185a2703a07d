//! An operator to which nothing happens.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::Request;
use kube::{Client, Config};
use multinic_testbed::{OPERATOR_HEALTH, World, eventually};
use serde_json::{Map, Value};

use super::figures::Steady;

/// Often enough that there are several syncs in a short time.
const OFTEN: &str = "2s..2s";
const USUAL: &str = "1s..30s";
const WARM_UP: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_secs(24);
/// Two intervals at rest.
const REST: Duration = Duration::from_mins(1);
const DEADLINE: Duration = Duration::from_mins(3);

/// Processor time, calls and memory of unchanged syncs.
pub(super) async fn steady(world: &World<'_>) -> Result<Steady> {
    start(world, OFTEN).await?;
    tokio::time::sleep(WARM_UP).await;
    let now = async || {
        let syncs = metric("multinic_sync_seconds_count").await?;
        anyhow::Ok((syncs, world.operator.process()?.cpu_time()?, calls(world)?))
    };
    let (syncs_before, cpu_before, calls_before) = now().await?;
    tokio::time::sleep(LOOK).await;
    let (syncs_after, cpu_after, calls_after) = now().await?;
    let memory = world.operator.process()?.resident_memory()?;
    world.operator.stop().await?;
    let syncs = syncs_after - syncs_before;
    ensure!(syncs > 0, "there was no sync");
    let cpu = cpu_after.saturating_sub(cpu_before).as_secs_f64() / f64::from(u32::try_from(syncs)?);
    Ok(Steady { cpu, calls: calls_after - calls_before, syncs, memory })
}

/// SELECTs in half a minute at rest.
pub(super) async fn selects(world: &World<'_>) -> Result<f64> {
    start(world, USUAL).await?;
    at_rest().await?;
    let before = world.database.operator_statements().await?.selects;
    tokio::time::sleep(REST).await;
    let after = world.database.operator_statements().await?.selects;
    world.operator.stop().await?;
    Ok(f64::from(u32::try_from(after - before)?) * 30.0 / REST.as_secs_f64())
}

/// Waits until the table is read seldom.
pub(crate) async fn at_rest() -> Result<()> {
    eventually("the operator to come to rest", DEADLINE, async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        ensure!(metric("multinic_busy").await? == 0, "it is busy");
        Ok(())
    })
    .await
}

async fn start(world: &World<'_>, interval: &str) -> Result<()> {
    world.operator.set("POLL_INTERVAL", interval);
    world.operator.resume()?;
    eventually("the first sync", DEADLINE, async || {
        ensure!(metric("multinic_sync_seconds_count").await? > 0, "there was none");
        Ok(())
    })
    .await
}

/// Calls of the operator's that write, since the control plane was started.
pub(super) fn calls(world: &World<'_>) -> Result<usize> {
    let is_ours = |write: &&multinic_testbed::Write| {
        write.resource == "nodenetworkconfigs"
            && write.user.ends_with(":multinic-operator")
            && !write.name.starts_with("bare-")
    };
    Ok(world.cluster.writes()?.iter().filter(is_ours).count())
}

/// What the operator says of itself.
pub(super) async fn overview() -> Result<Map<String, Value>> {
    Ok(serde_json::from_str(&ask("/").await?)?)
}

async fn metric(name: &str) -> Result<u64> {
    let text = ask("/metrics").await?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(value.with_context(|| format!("there is no {name}"))?.parse()?)
}

async fn ask(path: &str) -> Result<String> {
    let client = Client::try_from(Config::new(format!("http://{OPERATOR_HEALTH}").parse()?))?;
    Ok(client.request_text(Request::get(path).body(Vec::new())?).await?)
}
