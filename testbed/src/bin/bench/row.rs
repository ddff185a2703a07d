//! From a row that is committed to a NIC that is right and a row that says so.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use multinic_testbed::{Kind, OpenstackConfig, Port, Schema, Testbed, World};

use crate::fleet::at_rest;
use crate::nics::{NICS, mac};
use crate::output::say;

const DEADLINE: Duration = Duration::from_mins(2);
/// The last rounds begin at rest.
const AT_REST: usize = 3;

/// One NIC after the other, of a real agent, with the usual intervals.
pub(crate) async fn row_to_nic(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("bench", Kind::Light).await?;
    for n in 0..NICS {
        node.plug(&mac(n))?;
    }
    node.join(&world.cluster).await?;
    world.operator.stop().await?;
    world.operator.set("POLL_INTERVAL", "1s..30s");
    world.operator.resume()?;
    let config = OpenstackConfig::new("bench", "10.0.0.0/8");
    let mut busy = Vec::new();
    for n in 0..NICS - AT_REST {
        busy.push(round(&world, &config, node.name(), n).await?);
    }
    // The first one is what makes it busy.
    busy.remove(0);
    let mut rest = Vec::new();
    for n in NICS - AT_REST..NICS {
        at_rest().await?;
        rest.push(round(&world, &config, node.name(), n).await?);
    }
    tell("while rows change", busy, "limit 2 s")?;
    tell("from rest", rest, "limit 31 s; the Go agent reads every 30 s: 15 s in the mean")
}

async fn round(world: &World<'_>, config: &OpenstackConfig, node: &str, n: usize) -> Result<Duration> {
    let mac = mac(n);
    let port = Port::new(&mac, node).address(&format!("10.{n}.0.5"));
    world.database.producer().insert(config, &port).await?;
    let began = Instant::now();
    while world.database.producer().success(&mac).await? != Some(true) {
        ensure!(began.elapsed() < DEADLINE, "the row of {mac} never said success");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(began.elapsed())
}

fn tell(when: &str, mut took: Vec<Duration>, limit: &str) -> Result<()> {
    took.sort_unstable();
    let (median, worst) = (took[took.len() / 2], took.last().context("no round")?);
    say(&format!(
        "row committed to netplan_success, {when}: {:.2} s median, {:.2} s at the most ({limit})",
        median.as_secs_f64(),
        worst.as_secs_f64()
    ))
}
