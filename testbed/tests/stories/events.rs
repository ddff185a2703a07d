//! What `kubectl describe` tells a person who looks after something happened.

use anyhow::{Context, Result, ensure};
use multinic_crds::InterfaceState;
use multinic_testbed::{
    Kind, NAMESPACE, Needs, Node, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, World, eventually,
};
use serde_json::Value;

const POD: &str = "multinic-operator-0";
const MAC: &str = "fa:16:3e:00:00:01";
const ABSENT: &str = "fa:16:3e:00:00:02";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell("what_happens_to_nics_rows_and_database_is_an_event_where_one_looks", Needs::Testbed, events)
}

async fn events(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    world.operator.stop().await?;
    world.operator.set("POD_NAME", POD);
    world.operator.set("POD_NAMESPACE", NAMESPACE);
    world.operator.resume()?;
    let node = bed.node("worker-1", Kind::Light).await?;
    node.join(&world.cluster).await?;
    world.synced(&node, "Synced").await?;

    a_nic_comes_and_another_is_not_there(&world, &node).await?;
    a_row_that_comes_again_is_counted(&world, &node).await?;
    the_database_goes_and_comes(&world).await?;
    nothing_is_written_while_nothing_happens(&world).await?;
    a_nic_goes(&world, &node).await
}

async fn a_nic_comes_and_another_is_not_there(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    node.plug(MAC)?;
    world.database.producer().sync(&storage(&[MAC, ABSENT])).await?;
    world.configured(node, MAC).await?;
    world.settled(node, ABSENT, InterfaceState::DeviceMissing).await?;

    let object = "nodenetworkconfig/worker-1";
    for (kind, reason, words) in [
        ("Normal", "InterfaceAdded", format!("multinic0 ({MAC}, port ")),
        ("Normal", "Configured", format!("multinic0 ({MAC}): configured")),
        ("Warning", "DeviceMissing", format!("multinic1 ({ABSENT}): DeviceMissing. ")),
    ] {
        described(world, object, &[kind, reason, &words]).await?;
    }
    described(world, "node/worker-1", &["Warning", "DeviceMissing", ABSENT, "attach the port to this VM"])
        .await
}

async fn a_row_that_comes_again_is_counted(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    let mistakes = OpenstackConfig::new("mistakes", "10.30.0.0/24");
    for _ in 0..3 {
        world.database.producer().insert(&mistakes, &Port::new("fa:16:3e:zz", node.name())).await?;
        world.synced(node, "InvalidRows").await?;
        world.database.producer().delete(&mistakes).await?;
        world.synced(node, "Synced").await?;
    }
    eventually("the Event to be counted", SOON, async || {
        let found = all(world)?.into_iter().filter(|event| event["reason"] == "InvalidMacAddress");
        let counts: Vec<_> = found.map(|event| event["series"]["count"].clone()).collect();
        ensure!(counts == [3], "{counts:?}");
        Ok(())
    })
    .await
}

async fn the_database_goes_and_comes(world: &World<'_>) -> Result<()> {
    world.database.stop().await?;
    about_the_operator(world, "DatabaseUnavailable").await?;
    world.database.resume().await?;
    about_the_operator(world, "TableRead").await
}

async fn nothing_is_written_while_nothing_happens(world: &World<'_>) -> Result<()> {
    let versions = |events: Vec<Value>| -> Vec<Value> {
        events.iter().map(|event| event["metadata"]["resourceVersion"].clone()).collect()
    };
    let before = versions(all(world)?);
    world.syncs(3).await?;
    let after = versions(all(world)?);
    ensure!(before == after, "{before:?} became {after:?}");
    Ok(())
}

async fn a_nic_goes(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    world.database.producer().sync(&storage(&[MAC])).await?;
    world.removed(node, ABSENT).await?;
    described(world, "nodenetworkconfig/worker-1", &["Normal", "InterfaceDropped", ABSENT]).await?;
    described(world, "nodenetworkconfig/worker-1", &["Normal", "InterfaceRemoved", ABSENT]).await
}

fn storage(macs: &[&str]) -> OpenstackConfig {
    let storage = OpenstackConfig::new("storage", "10.20.0.0/24");
    let with = |config: OpenstackConfig, (number, mac): (usize, &&str)| {
        config.with(Port::new(mac, "worker-1").address(&format!("10.20.0.{}", 11 + number)))
    };
    macs.iter().enumerate().fold(storage, with)
}

/// Waits for a line with all of `words` among the Events that `kubectl describe` shows.
pub(crate) async fn described(world: &World<'_>, object: &str, words: &[&str]) -> Result<()> {
    eventually(&format!("{words:?} in kubectl describe {object}"), SOON, async || {
        let described = world.cluster.kubectl(&["describe", object])?;
        let (_, events) = described.split_once("Events:").context("no Events")?;
        let found = events.lines().any(|line| words.iter().all(|word| line.contains(word)));
        ensure!(found, "{events}");
        Ok(())
    })
    .await
}

async fn about_the_operator(world: &World<'_>, reason: &str) -> Result<()> {
    eventually(&format!("an Event {reason} of the operator's pod"), SOON, async || {
        let events = all(world)?;
        let of_pod = |event: &&Value| {
            event["reason"] == reason
                && event["regarding"]["name"] == POD
                && event["regarding"]["namespace"] == NAMESPACE
        };
        ensure!(events.iter().any(|event| of_pod(&event)), "{events:?}");
        Ok(())
    })
    .await
}

/// Every Event that the operator wrote.
fn all(world: &World<'_>) -> Result<Vec<Value>> {
    let written = world.cluster.kubectl(&["get", "events.events.k8s.io", "-A", "-o", "json"])?;
    let mut written: Value = serde_json::from_str(&written)?;
    let items = written["items"].as_array_mut().context("no list")?.drain(..);
    Ok(items.filter(|event| event["reportingController"] == "multinic-operator").collect())
}
