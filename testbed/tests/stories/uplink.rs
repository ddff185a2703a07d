//! What the node itself lives by is fenced, and what only looks like it is not.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::Api;
use kube::api::{Patch, PatchParams};
use multinic_crds::InterfaceState;
use multinic_testbed::{
    Harm, Kind, Needs, Node, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, World, eventually,
};
use serde_json::json;

use crate::witness::gauge_is;

const MAC: &str = "fa:16:3e:00:00:01";
const ADDRESS: &str = "10.20.0.5";
/// A NIC that stays: an empty table takes nothing away.
const OTHER: &str = "fa:16:3e:00:00:02";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("a_nic_with_policy_routing_changes_and_goes_and_the_uplink_stays", Needs::FullNodes, replies)
        .tell("an_address_of_a_nic_among_the_nodes_own_is_told_and_holds_nothing_up", Needs::Testbed, leak)
        .tell("addresses_that_the_node_needs_itself_are_refused", Needs::Testbed, reserved)
}

fn storage(address: &str, mtu: i32) -> OpenstackConfig {
    OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(MAC, "worker-1").address(address).mtu(mtu))
        .with(Port::new(OTHER, "worker-1").address("10.20.0.9"))
}

/// A node whose NIC is as its row says.
async fn configured(bed: &Testbed, kind: Kind) -> Result<(World<'_>, Node<'_>)> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", kind).await?;
    node.plug(MAC)?;
    node.plug(OTHER)?;
    world.database.producer().sync(&storage(ADDRESS, 1450)).await?;
    node.join(&world.cluster).await?;
    world.configured(&node, MAC).await?;
    Ok((world, node))
}

/// Changes the row, and waits until the kernel shows it.
async fn change(world: &World<'_>, node: &Node<'_>, address: &str, mtu: u32) -> Result<()> {
    world.database.producer().sync(&storage(address, mtu.try_into()?)).await?;
    eventually("the NIC to be as the new row says", SOON, async || {
        let nic = node.link(MAC)?;
        ensure!((nic.mtu, nic.addresses.as_slice()) == (mtu, &[format!("{address}/24")][..]), "{nic:?}");
        Ok(())
    })
    .await?;
    world.configured(node, MAC).await
}

async fn replies(bed: &Testbed) -> Result<()> {
    let (world, node) = configured(bed, Kind::Full).await?;
    node.exec(&["ip", "route", "add", "default", "via", "10.20.0.1", "dev", "multinic0", "table", "101"])?;
    node.exec(&["ip", "rule", "add", "from", ADDRESS, "table", "101"])?;
    let monitor = node.monitor().await?;

    change(&world, &node, ADDRESS, 1400).await?;
    let kept = node.exec(&["ip", "route", "show", "table", "101"])?;
    ensure!(kept.contains("default via 10.20.0.1 dev multinic0"), "{kept}");
    change(&world, &node, "10.20.0.6", 1400).await?;
    world.database.producer().remove(MAC).await?;
    world.removed(&node, MAC).await?;
    let nic = node.link(MAC)?;
    assert_eq!((nic.name.as_str(), nic.up, nic.addresses.len()), ("eth1", false, 0));
    assert_eq!(monitor.finish().await?, Harm::default());

    // The uplink has a default route in a table of its own as well: the monitor has left one there.
    let uplink = node.uplink_mac();
    let wrong = OpenstackConfig::new("wrong", "10.30.0.0/24").with(Port::new(&uplink, "worker-1"));
    world.database.producer().sync(&wrong).await?;
    let refused = world.settled(&node, &uplink, InterfaceState::Refused).await?;
    ensure!(
        refused.reason == "ProtectedInterface" && refused.message.ends_with("remove its row"),
        "{refused:?}"
    );
    Ok(())
}

/// As OpenStack's cloud controller manager does: every port's address is one of the Node's.
async fn leak(bed: &Testbed) -> Result<()> {
    let (world, node) = configured(bed, Kind::Light).await?;
    let nodes = Api::<KubeNode>::all(world.cluster.client());
    let addresses = json!([
        {"type": "InternalIP", "address": ADDRESS},
        {"type": "InternalIP", "address": node.address().to_string()},
        {"type": "Hostname", "address": node.name()},
    ]);
    let patch = json!({"status": {"addresses": addresses}});
    nodes.patch_status(node.name(), &PatchParams::default(), &Patch::Merge(&patch)).await?;
    let output = world.operator.check(&[])?;
    let said = String::from_utf8(output.stdout)?;
    let line = said.lines().find(|line| line.starts_with("FAILED addresses: ")).context(said.clone())?;
    ensure!(
        line.contains("worker-1 (10.20.0.5 of multinic0)") && line.contains("internal-network-name"),
        "{line}"
    );

    node.stop_agent().await?;
    let monitor = node.monitor().await?;
    node.start_agent_told(&world.cluster, ADDRESS).await?;
    leaked(&world, &node, "True", 1).await?;
    let told = world.condition(&node, "NodeAddressLeaked").await?;
    ensure!(
        told.message.contains("10.20.0.5 of multinic0") && told.message.contains("internal-network-name"),
        "{told:?}"
    );
    world.configured(&node, MAC).await?;
    let version = world.config(&node).await?.metadata.resource_version;
    world.syncs(3).await?;
    assert_eq!(
        world.config(&node).await?.metadata.resource_version,
        version,
        "it is written again and again"
    );

    change(&world, &node, "10.20.0.6", 1400).await?;
    leaked(&world, &node, "False", 0).await?;
    world.database.producer().remove(MAC).await?;
    world.removed(&node, MAC).await?;
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

/// Waits until condition and metric say so.
async fn leaked(world: &World<'_>, node: &Node<'_>, status: &str, gauge: u8) -> Result<()> {
    eventually(&format!("NodeAddressLeaked to be {status}"), SOON, async || {
        let told = world.condition(node, "NodeAddressLeaked").await?;
        ensure!(told.status == status, "{told:?}");
        gauge_is(node, "multinic_agent_node_address_leaked", gauge).await
    })
    .await
}

async fn reserved(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Light).await?;
    node.plug(MAC)?;
    let gateway = node.exec(&["ip", "-4", "route", "show", "default"])?;
    let gateway = gateway.split_whitespace().nth(2).context("no gateway")?.to_owned();
    // Nothing of the uplink is in this subnet, and yet the way to the gateway would be another one.
    let monitor = node.monitor().await?;
    node.join(&world.cluster).await?;
    for (cidr, address) in [
        (format!("{gateway}/32"), gateway.clone()),
        ("169.254.0.0/16".to_owned(), "169.254.169.254".to_owned()),
    ] {
        let wrong = OpenstackConfig::new("wrong", &cidr).with(Port::new(MAC, "worker-1").address(&address));
        world.database.producer().sync(&wrong).await?;
        eventually("the NIC to be refused", SOON, async || {
            let nic = world.reported(&node, MAC).await?;
            ensure!(nic.reason == "ReservedAddress" && nic.message.contains(&address), "{nic:?}");
            Ok(())
        })
        .await?;
        assert_eq!(node.link(MAC)?.name, "eth1");
        world.database.producer().delete(&wrong).await?;
    }
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}
