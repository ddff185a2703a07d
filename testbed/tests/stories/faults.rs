//! What goes wrong stays where it went wrong, and is said.

use anyhow::{Context, Result, ensure};
use multinic_crds::{InterfaceState, NodeNetworkConfig};
use multinic_testbed::{
    GATEWAY, Harm, Kind, Link, Monitor, Needs, Node, OPERATOR_HEALTH, OpenstackConfig, Port, SOON, Schema,
    Suite, Testbed, World, eventually, get, skip,
};
use tokio::net::TcpListener;
use tokio::time::timeout;

const FIRST: &str = "fa:16:3e:00:00:01";
const SECOND: &str = "fa:16:3e:00:00:02";
const THIRD: &str = "fa:16:3e:00:00:03";
const FOURTH: &str = "fa:16:3e:00:00:04";
const FIFTH: &str = "fa:16:3e:00:00:05";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("a23_a_nic_that_is_missing_is_configured_when_it_comes", Needs::FullNodes, missing_nic)
        .tell("a24_one_bad_row_of_ten_is_reported_once_and_nine_go_on", Needs::FullNodes, bad_row)
        .tell(
            "a35_without_its_agent_a_changed_node_is_neither_ready_nor_a_success",
            Needs::FullNodes,
            no_agent,
        )
        .tell("a_database_that_is_down_changes_nothing_but_a_condition", Needs::FullNodes, database_down)
        .tell("a_table_that_is_suddenly_empty_removes_nothing", Needs::FullNodes, empty_table)
        .tell("a_nic_that_fails_is_taken_back_and_the_others_go_on", Needs::FullNodes, taken_back)
        .tell("a_nic_that_keeps_failing_is_tried_further_and_further_apart", Needs::FullNodes, further_apart)
        .tell("a44_a_deleted_node_takes_its_object_along_and_keeps_its_nics", Needs::FullNodes, node_deleted)
}

async fn missing_nic(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    node.plug(FIRST)?;
    let monitor = node.monitor().await?;
    node.join(&world.cluster).await?;
    let object = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.1"))
        .with(Port::new(SECOND, "worker-1").address("10.20.0.2"));
    world.database.producer().sync(&object).await?;
    world.configured(&node, FIRST).await?;
    let missing = world.settled(&node, SECOND, InterfaceState::DeviceMissing).await?;
    assert_eq!((missing.name.as_str(), missing.observed), ("multinic1", None));
    assert_eq!(world.condition(&node, "Ready").await?.reason, "DeviceMissing");
    world.syncs(4).await?;
    assert_eq!(world.database.producer().success(SECOND).await?, Some(false));
    assert_eq!(boot_files(&node)?, ["60-multinic-multinic0.yaml"]);

    node.plug(SECOND)?;
    world.configured(&node, SECOND).await?;
    assert_eq!(node.link(SECOND)?.name, "multinic1");

    node.unplug(FIRST)?;
    world.settled(&node, FIRST, InterfaceState::DeviceMissing).await?;
    unsuccessful(&world, FIRST).await?;
    assert_eq!(boot_files(&node)?, ["60-multinic-multinic0.yaml", "60-multinic-multinic1.yaml"]);
    node.plug(FIRST)?;
    world.configured(&node, FIRST).await?;
    let nic = node.link(FIRST)?;
    assert_eq!((nic.name.as_str(), nic.addresses), ("multinic0", vec!["10.20.0.1/24".to_owned()]));
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

async fn bad_row(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    let mut object = OpenstackConfig::new("storage", "10.20.0.0/24");
    let good: Vec<_> = (1..=9).map(|number| format!("fa:16:3e:00:00:{number:02x}")).collect();
    for (number, mac) in good.iter().enumerate() {
        node.plug(mac)?;
        object = object.with(Port::new(mac, "worker-1").address(&format!("10.20.0.{}", number + 10)));
    }
    node.join(&world.cluster).await?;
    let producer = world.database.producer();
    producer.sync(&object).await?;

    let tenth =
        |name: &str| Port { id: format!("port-{name}"), ..Port::new("fa:16:3e:00:00:10", "worker-1") };
    let mistakes = [
        ("10.30.0.0/24", Port { mac: "fa:16:3e:zz".to_owned(), ..tenth("bad-mac") }),
        ("10.30.0.0/64", tenth("bad-cidr").address("10.30.0.5")),
        ("10.30.0.0/24", tenth("bad-address").address("10.99.0.5")),
        ("10.30.0.0/24", tenth("bad-mtu").mtu(70_000)),
    ];
    for (cidr, mistake) in &mistakes {
        let bad = OpenstackConfig::new(&mistake.id, cidr).with(mistake.clone());
        producer.sync(&bad).await?;
        eventually(&format!("{} to be reported", mistake.id), SOON, async || {
            let synced = world.condition(&node, "Synced").await?;
            let reported = synced.status == "False" && synced.reason == "InvalidRows";
            ensure!(reported && synced.message.contains(&mistake.id), "the operator says {synced:?}");
            Ok(())
        })
        .await?;
        for mac in &good {
            world.configured(&node, mac).await?;
        }
        world.syncs(4).await?;
        assert_eq!(producer.success(&mistake.mac).await?, Some(false));
        producer.delete(&bad).await?;
    }
    world.synced(&node, "Synced").await?;
    let log = world.operator.process()?.log()?;
    for (_, mistake) in &mistakes {
        let said = log.lines().filter(|line| line.contains("row rejected") && line.contains(&mistake.id));
        assert_eq!(said.count(), 1, "lines about {}", mistake.id);
    }
    Ok(())
}

async fn no_agent(bed: &Testbed) -> Result<()> {
    let (world, node) = one_nic(bed).await?;
    node.stop_agent().await?;
    let stale = world.config(&node).await?;
    // As somebody would by hand, who leaves the success of old.
    world.database.execute("UPDATE multi_interface SET address = '10.20.0.9'").await?;
    eventually("the object to change", SOON, async || {
        let config = world.config(&node).await?;
        ensure!(config.metadata.generation > stale.metadata.generation, "it has not");
        Ok(())
    })
    .await?;
    unsuccessful(&world, FIRST).await?;

    world.syncs(4).await?;
    assert_eq!(world.database.producer().success(FIRST).await?, Some(false));
    let config = world.config(&node).await?;
    let ready = world.condition(&node, "Ready").await?;
    ensure!(ready.observed_generation < config.metadata.generation, "{ready:?} speaks of the new generation");

    node.start_agent(&world.cluster).await?;
    world.configured(&node, FIRST).await?;
    assert_eq!(node.link(FIRST)?.addresses, ["10.20.0.9/24"]);
    Ok(())
}

async fn database_down(bed: &Testbed) -> Result<()> {
    let (world, node) = one_nic(bed).await?;
    let before = world.config(&node).await?;
    let monitor = node.monitor().await?;
    world.database.stop().await?;
    let outage = world.synced(&node, "DatabaseUnavailable").await?;
    assert_eq!(outage.status, "False");
    let reported = world.config(&node).await?;
    attempts_to_connect(4).await?;
    assert_eq!(world.config(&node).await?, reported);
    assert_eq!((&reported.spec, reported.metadata.generation), (&before.spec, before.metadata.generation));

    assert_eq!(get(OPERATOR_HEALTH, "/healthz").await?.status, 200);
    let health: serde_json::Value = serde_json::from_str(&get(OPERATOR_HEALTH, "/").await?.body)?;
    assert_eq!((&health["status"], &health["database_connected"]), (&"degraded".into(), &false.into()));

    world.database.resume().await?;
    recovered_unseen(&world, &node, &before, monitor).await
}

/// All is well again, with the object of before, and neither its NIC nor the uplink has noticed anything.
async fn recovered_unseen(
    world: &World<'_>,
    node: &Node<'_>,
    before: &NodeNetworkConfig,
    monitor: Monitor<'_>,
) -> Result<()> {
    world.synced(node, "Synced").await?;
    world.configured(node, FIRST).await?;
    assert_eq!(world.config(node).await?.metadata.generation, before.metadata.generation);
    assert_eq!(monitor.about("multinic0").await?, Vec::<String>::new());
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

/// Takes the place of the stopped database and hangs up on everybody.
async fn attempts_to_connect(count: u32) -> Result<()> {
    let listener = TcpListener::bind((GATEWAY, 3306)).await?;
    for _ in 0..count {
        timeout(SOON, listener.accept()).await.context("the operator has given up")??;
    }
    Ok(())
}

async fn empty_table(bed: &Testbed) -> Result<()> {
    let (world, node) = one_nic(bed).await?;
    let before = world.config(&node).await?;
    let monitor = node.monitor().await?;
    world.database.execute("DELETE FROM multi_interface").await?;
    let guard = world.synced(&node, "ShrinkGuard").await?;
    assert_eq!(guard.status, "False");
    let reported = world.config(&node).await?;
    world.syncs(4).await?;
    assert_eq!(world.config(&node).await?, reported);
    assert_eq!(reported.spec, before.spec);

    world.database.producer().sync(&one_port()).await?;
    recovered_unseen(&world, &node, &before, monitor).await
}

async fn taken_back(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    for mac in [FIRST, SECOND, THIRD, FOURTH, FIFTH] {
        node.plug(mac)?;
    }
    // IPv6 goes off on the second while its address is added, another host has the third's, and the fourth's file cannot be
    // written, since a directory is where it is put together.
    let neighbour = bed.node("neighbour", Kind::Light).await?;
    let port = neighbour.plug("fa:16:3e:00:00:ff")?;
    neighbour.exec(&["ip", "link", "set", &port, "up"])?;
    neighbour.exec(&["ip", "address", "add", "fd00:20::3/64", "dev", &port, "nodad"])?;
    let meddler = node.run_beside(
        "meddler",
        "cd /proc/sys/net/ipv6/conf; exec 2>/dev/null; \
         while :; do echo 1 > multinic1/disable_ipv6; echo 0 > eth2/disable_ipv6; done",
    )?;
    node.exec(&["mkdir", "/etc/netplan/.60-multinic-multinic3.yaml.multinic-tmp"])?;
    let before: Vec<_> = [SECOND, THIRD, FOURTH].iter().map(|mac| node.link(mac)).collect::<Result<_>>()?;
    let v4 = OpenstackConfig::new("v4", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.1"))
        .with(Port::new(FOURTH, "worker-1").address("10.20.0.4").mtu(1400));
    let v6 = OpenstackConfig::new("v6", "fd00:20::/64")
        .with(Port::new(SECOND, "worker-1").address("fd00:20::2").mtu(1400))
        .with(Port::new(THIRD, "worker-1").address("fd00:20::3"))
        .with(Port::new(FIFTH, "worker-1").address("fd00:20::5"));
    // Before the node joins, so that slots are given to all of them at once.
    world.database.producer().sync(&v4).await?;
    world.database.producer().sync(&v6).await?;
    let monitor = node.monitor().await?;
    node.join(&world.cluster).await?;

    for (link, reason) in before.iter().zip(["ApplyFailed", "AddressConflict", "NotPersisted"]) {
        failed_and_as_before(&world, &node, link, reason).await?;
    }
    for mac in [FIRST, FIFTH] {
        world.configured(&node, mac).await?;
    }
    assert_eq!(world.condition(&node, "Ready").await?.reason, "InterfaceFailed");

    drop(meddler);
    eventually("the NIC to have its own name between two attempts", SOON, async || {
        node.exec(&["sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/eth2/disable_ipv6"])
    })
    .await?;
    neighbour.unplug("fa:16:3e:00:00:ff")?;
    node.exec(&["rmdir", "/etc/netplan/.60-multinic-multinic3.yaml.multinic-tmp"])?;
    for mac in [SECOND, THIRD, FOURTH] {
        world.configured(&node, mac).await?;
    }
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

async fn failed_and_as_before(world: &World<'_>, node: &Node<'_>, before: &Link, reason: &str) -> Result<()> {
    let failed = world.settled(node, &before.mac, InterfaceState::Failed).await?;
    assert_eq!(failed.reason, reason, "{failed:?}");
    ensure!(failed.message.ends_with("; rolled back"), "{failed:?}");
    // It is tried again and again.
    eventually(&format!("{} to be as it was", before.mac), SOON, async || {
        let link = node.link(&before.mac)?;
        ensure!(link == *before, "{link:?} was {before:?}");
        Ok(())
    })
    .await?;
    assert_eq!(world.database.producer().success(&before.mac).await?, Some(false));
    Ok(())
}

async fn further_apart(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    node.plug(FIRST)?;
    node.exec(&["mkdir", "/etc/netplan/.60-multinic-multinic0.yaml.multinic-tmp"])?;
    node.join(&world.cluster).await?;
    world.database.producer().sync(&one_port()).await?;
    world.settled(&node, FIRST, InterfaceState::Failed).await?;
    world.syncs(6).await?;
    // Every attempt changes the link and takes that back, which the kernel announces to the agent at once: without
    // patience there would be three attempts between two syncs.
    let log = node.agent()?.log()?;
    let attempts =
        log.lines().filter(|line| line.contains("\"reason\":\"NotPersisted\"") && line.contains("ERROR"));
    let attempts = attempts.count();
    ensure!((2..8).contains(&attempts), "{attempts} attempts");
    Ok(())
}

async fn node_deleted(bed: &Testbed) -> Result<()> {
    let (world, node) = one_nic(bed).await?;
    if !world.cluster.collects_garbage() {
        return Err(skip("KUBEBUILDER_ASSETS has no kube-controller-manager, which collects garbage"));
    }
    node.kill_agent()?;
    world.cluster.delete_node(node.name()).await?;
    eventually("the object to go with its Node", SOON, async || {
        let left = world.cluster.kubectl(&["get", "nodenetworkconfigs", "--output", "name"])?;
        ensure!(left.is_empty(), "still there: {left}");
        Ok(())
    })
    .await?;
    assert_eq!(node.link(FIRST)?.name, "multinic0");
    Ok(())
}

/// A node with one NIC, and all is well.
async fn one_nic(bed: &Testbed) -> Result<(World<'_>, Node<'_>)> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    node.plug(FIRST)?;
    node.join(&world.cluster).await?;
    world.database.producer().sync(&one_port()).await?;
    world.configured(&node, FIRST).await?;
    Ok((world, node))
}

fn one_port() -> OpenstackConfig {
    let port = Port::new(FIRST, "worker-1").address("10.20.0.1");
    OpenstackConfig::new("storage", "10.20.0.0/24").with(port)
}

async fn unsuccessful(world: &World<'_>, mac: &str) -> Result<()> {
    eventually(&format!("netplan_success of {mac} to be taken back"), SOON, async || {
        let success = world.database.producer().success(mac).await?;
        ensure!(success == Some(false), "it is {success:?}");
        Ok(())
    })
    .await
}

/// The names of our boot files on a full node.
fn boot_files(node: &Node<'_>) -> Result<Vec<String>> {
    let all = node.exec(&["ls", "/etc/netplan"])?;
    Ok(all.lines().filter(|name| name.contains("multinic")).map(str::to_owned).collect())
}
