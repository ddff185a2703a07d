//! Rows become NICs, and every party says so truthfully.

use anyhow::{Context, Result, ensure};
use multinic_crds::{InterfaceState, NodeNetworkConfig};
use multinic_testbed::{
    Harm, Kind, Needs, Node, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, World, Write, eventually,
};
use serde_json::json;

use crate::witness::{Recording, all_is_well, writes};

const FIRST: &str = "fa:16:3e:00:00:01";
const SECOND: &str = "fa:16:3e:00:00:02";
const THIRD: &str = "fa:16:3e:00:00:03";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell("a01_rows_become_nics_and_the_uplink_is_left_alone", Needs::FullNodes, rows_become_nics).tell(
        "a02_a07_every_generation_is_progressing_before_it_is_ready_and_then_shows_the_kernel",
        Needs::FullNodes,
        each_generation,
    )
}

async fn rows_become_nics(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    for mac in [FIRST, SECOND, THIRD] {
        node.plug(mac)?;
    }
    let monitor = node.monitor().await?;
    node.join(&world.cluster).await?;
    let storage = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.5").mtu(1450))
        .with(Port::new(SECOND, "worker-1"));
    let backup = OpenstackConfig::new("backup", "2001:db8:20::/64")
        .with(Port::new(THIRD, "worker-1").address("2001:db8:20::5"));
    world.database.producer().sync(&storage).await?;
    world.database.producer().sync(&backup).await?;
    for mac in [FIRST, SECOND, THIRD] {
        world.configured(&node, mac).await?;
    }

    let config = all_is_well(&world, &node).await?;
    let (first, second, third) = (&storage.ports[0].id, &storage.ports[1].id, &backup.ports[0].id);
    let wanted = json!([
        {"macAddress": FIRST, "name": "multinic0", "portId": first, "subnetId": "subnet-storage",
         "addresses": ["10.20.0.5/24"], "mtu": 1450},
        {"macAddress": SECOND, "name": "multinic1", "portId": second, "subnetId": "subnet-storage"},
        {"macAddress": THIRD, "name": "multinic2", "portId": third, "subnetId": "subnet-backup",
         "addresses": ["2001:db8:20::5/64"]},
    ]);
    assert_eq!(serde_json::to_value(&config.spec.interfaces)?, wanted);
    assert_eq!(config.status.context("no status")?.summary, "3/3");

    for (mac, name, mtu, addresses) in [
        (FIRST, "multinic0", 1450, &["10.20.0.5/24"][..]),
        (SECOND, "multinic1", 1500, &[]),
        (THIRD, "multinic2", 1500, &["2001:db8:20::5/64"]),
    ] {
        let nic = node.link(mac)?;
        assert_eq!((nic.name.as_str(), nic.up, nic.mtu), (name, true, mtu));
        assert_eq!(nic.addresses, addresses);
    }
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

async fn each_generation(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    node.plug(FIRST)?;
    node.plug(SECOND)?;
    let recording = Recording::start(&world).await?;
    let producer = world.database.producer();
    let storage = OpenstackConfig::new("storage", "10.20.0.0/24");
    let small = storage.clone().with(Port::new(FIRST, "worker-1").address("10.20.0.5").mtu(1400));
    let large = storage
        .with(Port::new(FIRST, "worker-1").address("10.20.0.6").mtu(1450))
        .with(Port::new(SECOND, "worker-1"));

    node.join(&world.cluster).await?;
    let mut written = reaches(&world, &node, 1, 0).await?;
    producer.sync(&small).await?;
    written = reaches(&world, &node, 2, written).await?;
    producer.sync(&large).await?;
    written = reaches(&world, &node, 3, written).await?;
    producer.remove(SECOND).await?;
    reaches(&world, &node, 4, written).await?;

    let last = world.config(&node).await?;
    let mut tale: Vec<_> = recording.until(&last).await?.iter().filter_map(said).collect();
    tale.dedup();
    let expected =
        (1..=4).flat_map(|generation| ["Progressing", "Ready"].map(|said| (generation, said.to_owned())));
    assert_eq!(tale, expected.collect::<Vec<_>>());
    Ok(())
}

/// Waits until a generation is Ready, and compares its status with the kernel.
///
/// Returns how many status writes the agent has made in its life; `before` is how many it had made.
async fn reaches(world: &World<'_>, node: &Node<'_>, generation: i64, before: usize) -> Result<usize> {
    let config = eventually(&format!("generation {generation}"), SOON, async || {
        let config = all_is_well(world, node).await?;
        ensure!(config.metadata.generation == Some(generation), "it is {:?}", config.metadata.generation);
        Ok(config)
    })
    .await?;
    shows_the_kernel(&config, node)?;
    let by_agent = |write: &&Write| write.subresource == "status" && write.user.ends_with(":multinic-agent");
    let written = writes(world)?.iter().filter(by_agent).count();
    let new = written - before;
    ensure!((1..=3).contains(&new), "the agent wrote the status of generation {generation} {new} times");
    Ok(written)
}

fn shows_the_kernel(config: &NodeNetworkConfig, node: &Node<'_>) -> Result<()> {
    let status = config.status.as_ref().context("no status")?;
    assert_eq!(status.interfaces.len(), config.spec.interfaces.len());
    for interface in &status.interfaces {
        let observed = interface.observed.as_ref().with_context(|| format!("not observed: {interface:?}"))?;
        let link = node.link(&interface.mac_address)?;
        assert_eq!(interface.state, InterfaceState::Configured);
        assert_eq!(
            (&observed.link_name, observed.mtu, &observed.addresses),
            (&link.name, link.mtu, &link.addresses)
        );
    }
    Ok(())
}

/// Which generation a version speaks of, and what it says; nothing before the agent has said anything.
fn said(version: &NodeNetworkConfig) -> Option<(i64, String)> {
    let status = version.status.as_ref()?;
    let holds = |kind: &str| {
        status.conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True")
    };
    let generation =
        status.conditions.iter().find(|condition| condition.type_ == "Ready")?.observed_generation?;
    let said: Vec<_> = ["Progressing", "Ready", "Degraded"].into_iter().filter(|kind| holds(kind)).collect();
    Some((generation, said.join(" and ")))
}
