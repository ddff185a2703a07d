//! The site lets through what leads to the API server, and nothing else.

use std::fs;

use anyhow::{Context, Result, ensure};
use multinic_testbed::{GATEWAY, Kind, Needs, Node, SERVER_NAME, SOON, Suite, Testbed, eventually};
use serde_json::{Value, json};

use crate::endings::{FIRST, SECOND, Scene, one};
use crate::witness::health;

/// What a change takes at the most, where nothing that it asks in vain may hold it up: the number of the acceptance scenarios.
const MOST_MILLISECONDS: u64 = 15_000;
const PING: [&str; 6] = ["ping", "-c", "1", "-W", "1", "192.0.2.1"];
const RESOLVE: [&str; 5] = ["timeout", "3", "getent", "hosts", SERVER_NAME];

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell("a21_where_icmp_is_dropped_a_change_is_made_as_ever", Needs::Testbed, no_icmp).tell(
        "a22_where_no_name_is_resolved_a_change_is_made_in_time_also_by_a_new_agent",
        Needs::FullNodes,
        no_names,
    )
}

async fn no_icmp(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    node.exec(&PING)?;
    for chain in ["INPUT", "OUTPUT"] {
        node.exec(&["iptables", "-A", chain, "-p", "icmp", "-j", "DROP"])?;
    }
    ensure!(node.exec(&PING).is_err(), "ICMP is not dropped");
    for (last, mtu) in [(5, 1400), (6, 1450)] {
        let address = format!("10.20.0.{last}/24");
        becomes_in_time(&scene, &one(&address, mtu)).await?;
        ensure!(node.link(FIRST)?.is_up_as("multinic0", mtu, &address), "{:?}", node.links()?);
    }
    becomes_in_time(&scene, &json!([])).await?;
    assert_eq!(node.link(FIRST)?.name, "eth1");
    Ok(())
}

async fn no_names(bed: &Testbed) -> Result<()> {
    let _name_server = bed.name_server().await?;
    let cluster = bed.control_plane().await?;
    cluster.is_known_by_name();
    let node = bed.node("worker-1", Kind::Full).await?;
    let resolv_conf = node.host_root()?.join("etc/resolv.conf");
    // It may be a link.
    let _ = fs::remove_file(&resolv_conf);
    fs::write(&resolv_conf, format!("nameserver {GATEWAY}\n"))?;
    node.exec(&RESOLVE)?;
    node.plug(FIRST)?;
    node.plug(SECOND)?;
    node.join(&cluster).await?;
    let scene = Scene { cluster, node };
    let node = &scene.node;
    scene.becomes(&one("10.20.0.5/24", 1400)).await?;

    closed(bed, "-A")?;
    ensure!(node.exec(&RESOLVE).is_err(), "{SERVER_NAME} is resolved");
    // The status may need a new connection, and that a name server; the change does not.
    let lines = changes(node)?.len();
    scene.ask(&one("10.20.0.6/24", 1450)).await?;
    made_in_time(node, lines).await?;

    let lines = changes(node)?.len();
    node.stop_agent().await?;
    node.exec(&["ip", "address", "flush", "dev", "multinic0"])?;
    node.start_agent_again()?;
    made_in_time(node, lines).await?;
    ensure!(!health(node).await?["api_connected"].as_bool().context("nothing is said")?, "it is resolved");

    closed(bed, "-D")?;
    node.exec(&RESOLVE)?;
    scene.becomes(&one("10.20.0.7/24", 1400)).await?;
    assert_eq!(health(node).await?["api_connected"], true);
    Ok(())
}

/// Has the router drop what is asked of name servers (`-A`), or not any more (`-D`).
fn closed(bed: &Testbed, does: &str) -> Result<()> {
    ["udp", "tcp"].iter().try_for_each(|protocol| {
        let rule = ["iptables", does, "INPUT", "-p", protocol, "--dport", "53", "-j", "DROP"];
        bed.spawner()?.run(&rule).map(drop)
    })
}

async fn becomes_in_time(scene: &Scene<'_>, interfaces: &Value) -> Result<()> {
    let lines = changes(&scene.node)?.len();
    scene.becomes(interfaces).await?;
    let new = changes(&scene.node)?.split_off(lines);
    ensure!(new.len() == 1, "not one change: {new:?}");
    in_time(&new[0])
}

/// Waits until the NIC is as asked for while no name is resolved, by the change after so many `lines`.
async fn made_in_time(node: &Node<'_>, lines: usize) -> Result<()> {
    let change = eventually("the NIC to be right", SOON, async || {
        ensure!(node.link(FIRST)?.is_up_as("multinic0", 1450, "10.20.0.6/24"), "{:?}", node.links()?);
        changes(node)?.into_iter().nth(lines).context("no change is told")
    })
    .await?;
    in_time(&change)
}

fn in_time(change: &Value) -> Result<()> {
    let took =
        change["milliseconds"].as_u64().with_context(|| format!("it does not say how long: {change}"))?;
    ensure!(took < MOST_MILLISECONDS && change["failed"] == 0, "{change}");
    Ok(())
}

/// What agents said of changes that they made.
fn changes(node: &Node<'_>) -> Result<Vec<Value>> {
    let log = node.agent()?.log()?;
    let lines = log.lines().filter(|line| line.contains("\"changed this node's NICs\""));
    Ok(lines.map(serde_json::from_str).collect::<Result<_, _>>()?)
}
