//! Two nodes join, rows come and go, and NICs follow.

use anyhow::Result;
use multinic_crds::InterfaceState;
use multinic_testbed::{Kind, Node, OpenstackConfig, Port, SOON, Schema, Testbed, World, eventually};

use crate::keep;
use crate::narrator::Narrator;

/// The NIC whose row is deleted.
pub(crate) const STORAGE: &str = "fa:16:3e:00:01:01";
const BACKUP: &str = "fa:16:3e:00:01:02";
const LATER: &str = "fa:16:3e:00:01:03";
const OTHER_NODE: &str = "fa:16:3e:00:02:01";

pub(crate) async fn tell(bed: &Testbed, narrator: &Narrator, kind: Kind, keep: bool) -> Result<()> {
    narrator.tell("Starting an API server, a MariaDB and the operator.")?;
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    narrator.tell(
        "Two nodes join, each with an agent. OpenStack has attached NICs to them that nobody configures.",
    )?;
    let first = bed.node("worker-1", kind).await?;
    let second = bed.node("worker-2", kind).await?;
    for (node, mac) in [(&first, STORAGE), (&first, BACKUP), (&second, OTHER_NODE)] {
        node.plug(mac)?;
    }
    first.join(&world.cluster).await?;
    second.join(&world.cluster).await?;
    show_links(narrator, &first)?;

    rows_become_nics(&world, narrator, &first, &second).await?;
    bad_rows_are_refused(&world, narrator, &first).await?;
    a_slot_is_used_again(&world, narrator, &first).await?;
    show_table(&world, narrator).await?;
    if keep {
        keep::until_stopped(narrator, &world, &[&first, &second]).await?;
    }
    Ok(())
}

async fn rows_become_nics(
    world: &World<'_>,
    narrator: &Narrator,
    first: &Node<'_>,
    second: &Node<'_>,
) -> Result<()> {
    let object = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(STORAGE, first.name()).address("10.20.0.11").mtu(1450))
        .with(Port::new(BACKUP, first.name()).address("10.20.0.12"))
        .with(Port::new(OTHER_NODE, second.name()).address("10.20.0.21"));
    world.database.producer().sync(&object).await?;
    narrator.tell("OpenStack's controller has written three rows.")?;
    for (node, mac) in [(first, STORAGE), (first, BACKUP), (second, OTHER_NODE)] {
        world.configured(node, mac).await?;
    }
    narrator.tell("All three NICs are configured, reported, and marked netplan_success in their rows.")?;
    show_objects(world, narrator)?;
    show_links(narrator, first)?;
    show_links(narrator, second)?;
    show_table(world, narrator).await?;
    Ok(())
}

async fn bad_rows_are_refused(world: &World<'_>, narrator: &Narrator, node: &Node<'_>) -> Result<()> {
    let object = OpenstackConfig::new("mistakes", "10.30.0.0/24");
    let producer = world.database.producer();
    producer.insert(&object, &Port::new("fa:16:3e:zz", node.name()).address("10.30.0.5")).await?;
    producer.insert(&object, &Port::new(&node.uplink_mac(), node.name()).address("10.30.0.6")).await?;
    narrator.tell("Somebody adds a row with a malformed MAC, and a row for the node's own uplink.")?;
    let refused = world.settled(node, &node.uplink_mac(), InterfaceState::Refused).await?;
    narrator.tell(&format!("The agent refuses the uplink: {}: {}", refused.reason, refused.message))?;
    let synced = eventually("the malformed row to be reported", SOON, async || {
        let synced = world.condition(node, "Synced").await?;
        anyhow::ensure!(synced.status == "False", "the operator says {synced:?}");
        Ok(synced)
    })
    .await?;
    narrator
        .tell(&format!("The operator reports the malformed row: {}: {}", synced.reason, synced.message))?;
    show_objects(world, narrator)?;

    producer.delete(&object).await?;
    world.removed(node, &node.uplink_mac()).await?;
    narrator.tell("The two rows are corrected; nothing on the node has changed.")?;
    Ok(())
}

async fn a_slot_is_used_again(world: &World<'_>, narrator: &Narrator, node: &Node<'_>) -> Result<()> {
    world.database.producer().remove(STORAGE).await?;
    narrator.tell("One row is deleted. Two syncs must agree before its NIC goes.")?;
    world.removed(node, STORAGE).await?;
    narrator.tell("Only that NIC is gone: it has its old name, no address, and is down.")?;
    show_links(narrator, node)?;

    node.plug(LATER)?;
    let object = OpenstackConfig::new("storage", "10.20.0.0/24");
    let port = Port::new(LATER, node.name()).address("10.20.0.13");
    world.database.producer().insert(&object, &port).await?;
    narrator.tell("A NIC is attached while the node runs, and its row is written.")?;
    world.configured(node, LATER).await?;
    narrator.tell("It has taken the free slot.")?;
    show_links(narrator, node)?;
    Ok(())
}

fn show_links(narrator: &Narrator, node: &Node<'_>) -> Result<()> {
    let links = node.exec(&["ip", "-brief", "address", "show"])?;
    Ok(narrator.show(&format!("ip -br addr    # on {}", node.name()), &links)?)
}

fn show_objects(world: &World<'_>, narrator: &Narrator) -> Result<()> {
    let objects = world.cluster.kubectl(&["get", "nodenetworkconfigs"])?;
    Ok(narrator.show("kubectl get nodenetworkconfigs", &objects)?)
}

async fn show_table(world: &World<'_>, narrator: &Narrator) -> Result<()> {
    const QUERY: &str =
        "SELECT macaddress, attached_node_name, address, netplan_success FROM multi_interface";
    let rows: Vec<(String, String, Option<String>, bool)> =
        sqlx::query_as(QUERY).fetch_all(world.database.administrator()).await?;
    let lines: Vec<_> = rows
        .into_iter()
        .map(|(mac, node, address, success)| {
            format!("{mac:18} {node:10} {:12} {}", address.unwrap_or_default(), u8::from(success))
        })
        .collect();
    Ok(narrator.show(&format!("mariadb -e \"{QUERY}\""), &lines.join("\n"))?)
}
