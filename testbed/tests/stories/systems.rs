//! The same walk on every kind of host: what netplan, networkd, udev and kernel do differs from one to the next.

use anyhow::{Result, ensure};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use multinic_crds::NodeNetworkConfig;
use multinic_testbed::{
    ADVERTISED, Harm, Kind, Needs, Node, OpenstackConfig, Port, SOON, Schema, Suite, System, Testbed, World,
    eventually, setup, skip,
};
use serde_json::json;

const FIRST: &str = "fa:16:3e:00:00:01";
const SECOND: &str = "fa:16:3e:00:00:02";
const LATE: &str = "fa:16:3e:00:00:03";
const NEXT: &str = "fa:16:3e:00:00:04";
const LAST: &str = "fa:16:3e:00:00:05";
/// With an IPv6 address, and no other.
const SIX: &str = "fa:16:3e:00:00:06";
/// How many more it takes to have as many NICs as a node may have.
const MORE: u8 = 16;

pub(crate) fn tell(suite: Suite) -> Suite {
    setup::SYSTEMS.into_iter().fold(suite, |suite, system| {
        let name = format!("nics_come_stay_and_go_on_{}", system.name);
        suite.tell(&name, Needs::FullNodes, async move |bed: &Testbed| walk(bed, system).await)
    })
}

/// Rows become NICs, one is plugged in late, drift is repaired, a removed one's slot is used again, there are as many as
/// there may be, and a reboot without an agent brings all of it back; the uplink never notices, and a router that
/// advertises itself gets nobody to listen.
async fn walk(bed: &Testbed, system: &'static System) -> Result<()> {
    if let Some(obstacle) = system.obstacle() {
        return Err(skip(obstacle));
    }
    let _router = bed.router().await?;
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    world.operator.set("MAX_INTERFACES", "20");
    world.operator.stop().await?;
    world.operator.resume()?;
    let node = bed.node("worker-1", Kind::Of(system)).await?;
    node.plug(FIRST)?;
    node.plug(SECOND)?;
    let monitor = node.monitor().await?;
    node.join(&world.cluster).await?;
    let mut storage = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.1").mtu(1450))
        .with(Port::new(SECOND, "worker-1").address("10.20.0.2"))
        .with(Port::new(LATE, "worker-1").address("10.20.0.3"));
    world.database.producer().sync(&storage).await?;
    world.configured(&node, FIRST).await?;
    world.configured(&node, SECOND).await?;
    node.plug(LATE)?;
    world.configured(&node, LATE).await?;
    shows(&node, FIRST, "multinic0", 1450, "10.20.0.1/24")?;

    node.exec(&["ip", "address", "flush", "dev", "multinic0"])?;
    node.exec(&["ip", "link", "set", "multinic0", "down", "mtu", "1400"])?;
    eventually("the drift to be repaired", SOON, async || {
        shows(&node, FIRST, "multinic0", 1450, "10.20.0.1/24")
    })
    .await?;

    shown_and_interrupted(&world, &node, &storage).await?;

    storage.ports.retain(|port| port.mac != SECOND);
    world.database.producer().sync(&storage).await?;
    world.removed(&node, SECOND).await?;
    ensure!(!node.link(SECOND)?.up, "the NIC that was given back is up");
    node.plug(NEXT)?;
    storage = storage.with(Port::new(NEXT, "worker-1").address("10.20.0.4"));
    world.database.producer().sync(&storage).await?;
    world.configured(&node, NEXT).await?;
    shows(&node, NEXT, "multinic1", 1500, "10.20.0.4/24")?;
    fill(&world, &node).await?;
    assert_eq!(monitor.finish().await?, Harm::default());

    node.reboot().await?;
    eventually(system.name, SOON, async || all_show(&node)).await?;
    ensure!(node.agent().is_err(), "an agent attended");
    let monitor = node.monitor().await?;
    node.start_agent(&world.cluster).await?;
    for mac in [FIRST, NEXT, LATE, SIX] {
        world.configured(&node, mac).await?;
    }
    if !system.by_name {
        after_a_boot(&world, &node, storage).await?;
    }
    assert_eq!(monitor.finish().await?, Harm::default());
    no_router_was_heard(&node)?;

    node.exec(system.reload)?;
    eventually("what somebody else reloads to be right again", SOON, async || crowd_shows(&node)).await
}

/// A change that is only shown touches nothing; one that an agent was killed over is made by the next one.
async fn shown_and_interrupted(world: &World<'_>, node: &Node<'_>, storage: &OpenstackConfig) -> Result<()> {
    let mode = async |mode| {
        let configs = Api::<NodeNetworkConfig>::all(world.cluster.client());
        let patch = Patch::Merge(json!({ "spec": { "mode": mode } }));
        configs.patch(node.name(), &PatchParams::default(), &patch).await
    };
    mode("DryRun").await?;
    let mut other = storage.clone();
    other.ports.iter_mut().filter(|port| port.mac == LATE).for_each(|port| port.mtu = Some(1400));
    world.database.producer().sync(&other).await?;
    eventually("the change to be shown", SOON, async || {
        let shown = world.reported(node, LATE).await?;
        ensure!(shown.reason == "DryRun" && shown.message.contains("1400"), "{shown:?}");
        Ok(())
    })
    .await?;
    shows(node, LATE, "multinic2", 1500, "10.20.0.3/24")?;

    mode("Enforce").await?;
    node.kill_agent()?;
    node.start_agent(&world.cluster).await?;
    world.configured(node, LATE).await?;
    shows(node, LATE, "multinic2", 1400, "10.20.0.3/24")?;
    // It has its own size back as soon as that is certain, as the next one is removed.
    world.database.producer().sync(storage).await
}

/// One NIC with IPv6 alone, and then as many as a node may have.
async fn fill(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    node.plug(SIX)?;
    let backup = OpenstackConfig::new("backup", "2001:db8:20::/64")
        .with(Port::new(SIX, "worker-1").address("2001:db8:20::5"));
    world.database.producer().sync(&backup).await?;
    world.configured(node, SIX).await?;
    let mut crowd = OpenstackConfig::new("crowd", "10.21.0.0/24");
    for number in 0..MORE {
        node.plug(&one_more(number))?;
        crowd =
            crowd.with(Port::new(&one_more(number), "worker-1").address(&format!("10.21.0.{}", number + 1)));
    }
    world.database.producer().sync(&crowd).await?;
    for number in 0..MORE {
        world.configured(node, &one_more(number)).await?;
    }
    all_show(node)?;
    no_router_was_heard(node)
}

fn one_more(number: u8) -> String {
    format!("fa:16:3e:00:01:{number:02x}")
}

fn all_show(node: &Node<'_>) -> Result<()> {
    shows(node, FIRST, "multinic0", 1450, "10.20.0.1/24")?;
    shows(node, NEXT, "multinic1", 1500, "10.20.0.4/24")?;
    shows(node, LATE, "multinic2", 1500, "10.20.0.3/24")?;
    shows(node, SIX, "multinic3", 1500, "2001:db8:20::5/64")?;
    crowd_shows(node)
}

fn crowd_shows(node: &Node<'_>) -> Result<()> {
    (0..MORE).try_for_each(|number| {
        let name = format!("multinic{}", number + 4);
        shows(node, &one_more(number), &name, 1500, &format!("10.21.0.{}/24", number + 1))
    })
}

/// Nobody has an address of its prefix, or a route by it.
fn no_router_was_heard(node: &Node<'_>) -> Result<()> {
    let routes = node.exec(&["ip", "-6", "route", "show", "table", "all"])?;
    ensure!(!routes.contains(ADVERTISED) && !routes.contains("default"), "{routes}");
    Ok(())
}

/// What configured the NICs at boot remembers them: an address that changes and a slot that another NIC gets must not
/// bring back what was there before, nor must a carrier that was lost.
async fn after_a_boot(world: &World<'_>, node: &Node<'_>, mut storage: OpenstackConfig) -> Result<()> {
    storage.ports.retain(|port| port.mac != FIRST && port.mac != NEXT);
    storage = storage.with(Port::new(FIRST, "worker-1").address("10.20.0.7"));
    world.database.producer().sync(&storage).await?;
    world.removed(node, NEXT).await?;
    node.plug(LAST)?;
    storage = storage.with(Port::new(LAST, "worker-1").address("10.20.0.8").mtu(1400));
    world.database.producer().sync(&storage).await?;
    world.configured(node, LAST).await?;
    world.configured(node, FIRST).await?;
    right_after_the_boot(node).await?;
    for mac in [FIRST, LAST] {
        node.flap(mac)?;
    }
    right_after_the_boot(node).await
}

async fn right_after_the_boot(node: &Node<'_>) -> Result<()> {
    for (mac, name, mtu, address) in
        [(FIRST, "multinic0", 1500, "10.20.0.7/24"), (LAST, "multinic1", 1400, "10.20.0.8/24")]
    {
        eventually("what was there before to stay away", SOON, async || shows(node, mac, name, mtu, address))
            .await?;
    }
    let given_back = node.link(NEXT)?;
    ensure!(
        !given_back.up && given_back.addresses.is_empty(),
        "the NIC that was given back is {given_back:?}"
    );
    Ok(())
}

fn shows(node: &Node<'_>, mac: &str, name: &str, mtu: u32, address: &str) -> Result<()> {
    let nic = node.link(mac)?;
    ensure!(nic.is_up_as(name, mtu, address), "not {name} with {mtu} and {address}, but {nic:?}");
    Ok(())
}
