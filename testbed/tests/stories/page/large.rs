//! A page of a large fleet.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use multinic_crds::NodeNetworkConfig;
use multinic_testbed::{OPERATOR_PAGE, Schema, Testbed};
use serde_json::json;

use super::{COUNT, DESK};

const ROWS: &str = "[...document.querySelectorAll('.list .viewport .row')].filter((row) => row.style.display !== 'none').length";

/// Objects without Nodes, which are made quicker than with them.
pub(super) async fn large(bed: &Testbed) -> Result<()> {
    const LARGE: u32 = 5000;
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    world.operator.stop().await?;
    let configs = Api::<NodeNetworkConfig>::all(world.cluster.client());
    let created = (0..LARGE).map(|number| {
        let configs = configs.clone();
        async move {
            configs.create(&PostParams::default(), &object(number)?).await.map(drop).context("not created")
        }
    });
    stream::iter(created).buffer_unordered(32).try_collect::<()>().await?;
    world.operator.resume()?;
    world.syncs(1).await?;

    let mut browser = bed.browser()?;
    let mut page = browser.open(&format!("{OPERATOR_PAGE}/#/nics"), DESK)?;
    page.shows("all of them", COUNT, json!("50,000 NICs")).await?;
    let began = Instant::now();
    // The old page shows the same until it is gone.
    page.eval("window.isOld = true; location.reload()")?;
    page.shows("the new page", "window.isOld === undefined", json!(true)).await?;
    page.shows("all of them", COUNT, json!("50,000 NICs")).await?;
    eprintln!("loaded again in {:?}", began.elapsed());
    let whole = "fetch('/api/fleet').then((answer) => answer.text()).then((text) => text.length)";
    eprintln!(
        "/api/fleet: {} bytes; resident: {}",
        page.eval(whole)?,
        world.operator.process()?.resident_memory()?
    );
    page.shows("a screenful", &format!("(({ROWS}) >= 10) && (({ROWS}) < 100)"), json!(true)).await?;

    page.eval("document.querySelector('.viewport').scrollTop = 1e9")?;
    let last = "[...document.querySelectorAll('.list .viewport .row')].some((row) => row.textContent.includes('node-04999') && row.textContent.includes('multinic9'))";
    page.shows("the last one", last, json!(true)).await?;
    page.eval("document.querySelector('input[type=search]').focus()")?;
    page.type_text("node-04321 multinic7")?;
    page.shows("the one that is sought", COUNT, json!("1 of 50,000 NICs")).await?;

    // One object that changes is one row.
    page.eval("window.heard = []; window.more = new EventSource('/api/events'); more.addEventListener('update', (event) => heard.push(event.data.length)); new Promise((resolve) => { more.onopen = resolve; })")?;
    let dry = Patch::Merge(json!({ "spec": { "mode": "DryRun" } }));
    configs.patch("node-00007", &PatchParams::default(), &dry).await?;
    page.shows("one update", "heard.length", json!(1)).await?;
    let bytes = page.eval("heard[0]")?.as_u64().context("no update")?;
    eprintln!("one update: {bytes} bytes");
    ensure!(bytes < 4096, "an update of one object has {bytes} bytes");
    browser.is_content()
}

fn object(number: u32) -> Result<NodeNetworkConfig> {
    let [_, high, middle, low] = number.to_be_bytes();
    let interfaces = (0..10_u8).map(|nic| {
        json!({
            "macAddress": format!("fa:16:{high:02x}:{middle:02x}:{low:02x}:{nic:02x}"), "name": format!("multinic{nic}"),
            "portId": format!("00000000-0000-4000-8000-{number:08}{nic:04}"),
            "addresses": [format!("10.{nic}.{middle}.{low}/16")],
        })
    });
    let object = json!({
        "apiVersion": "multinic.io/v1alpha1", "kind": "NodeNetworkConfig",
        "metadata": { "name": format!("node-{number:05}") },
        "spec": { "interfaces": interfaces.collect::<Vec<_>>() },
    });
    Ok(serde_json::from_value(object)?)
}
