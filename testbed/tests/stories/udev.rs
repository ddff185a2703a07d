//! Names as udev gives them: by the place of the hardware, with others as alternative names.

use anyhow::{Context, Result, ensure};
use multinic_crds::InterfaceState;
use multinic_testbed::{
    Harm, Kind, Needs, Node, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, eventually,
};

const NIC: &str = "fa:16:3e:00:00:01";
/// One that stays, since a table without any row takes nothing away.
const OTHER: &str = "fa:16:3e:00:00:02";
/// By its slot, and by its path.
const NAMES: [&str; 2] = ["ens7", "enp0s7"];

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("a_nic_is_given_back_the_name_that_udev_gave_it", Needs::FullNodes, given_back)
        .tell("a_nic_that_failed_has_the_name_that_udev_gave_it", Needs::FullNodes, rolled_back)
        .tell("ipv6_that_is_off_and_a_missing_route_are_told_or_mended", Needs::FullNodes, sysctls_and_routes)
}

async fn given_back(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    node.plug(NIC)?;
    node.plug(OTHER)?;
    let _udev = node.name_by_udev(NIC, NAMES)?;
    let monitor = node.monitor().await?;
    node.join(&world.cluster).await?;
    let object =
        OpenstackConfig::new("storage", "10.20.0.0/24").with(Port::new(NIC, "worker-1").address("10.20.0.1"));
    let other = OpenstackConfig::new("other", "10.30.0.0/24").with(Port::new(OTHER, "worker-1"));
    world.database.producer().sync(&object).await?;
    world.database.producer().sync(&other).await?;
    world.configured(&node, OTHER).await?;
    world.configured(&node, NIC).await?;
    let name = node.link(NIC)?.name;
    is_called(&node, &name, &["enp0s7", "ens7"]).await?;

    world.database.producer().delete(&object).await?;
    world.removed(&node, NIC).await?;
    is_called(&node, "ens7", &["enp0s7"]).await?;
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

async fn rolled_back(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    node.plug(NIC)?;
    let _udev = node.name_by_udev(NIC, NAMES)?;
    let neighbour = bed.node("neighbour", Kind::Light).await?;
    let port = neighbour.plug("fa:16:3e:00:00:ff")?;
    neighbour.exec(&["ip", "link", "set", &port, "up"])?;
    neighbour.exec(&["ip", "address", "add", "fd00:20::1/64", "dev", &port, "nodad"])?;
    let monitor = node.monitor().await?;
    node.join(&world.cluster).await?;
    let object =
        OpenstackConfig::new("v6", "fd00:20::/64").with(Port::new(NIC, "worker-1").address("fd00:20::1"));
    world.database.producer().sync(&object).await?;

    let failed = world.settled(&node, NIC, InterfaceState::Failed).await?;
    assert_eq!(failed.reason, "AddressConflict", "{failed:?}");
    ensure!(failed.message.ends_with("; rolled back"), "{failed:?}");
    is_called(&node, "ens7", &["enp0s7"]).await?;
    neighbour.unplug("fa:16:3e:00:00:ff")?;
    world.configured(&node, NIC).await?;
    is_called(&node, "multinic0", &["enp0s7", "ens7"]).await?;
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

async fn sysctls_and_routes(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    let name = node.plug(NIC)?;
    node.exec(&["sh", "-c", &format!("echo 1 > /proc/sys/net/ipv6/conf/{name}/disable_ipv6")])?;
    let before = node.link(NIC)?;
    node.join(&world.cluster).await?;
    let v4 = OpenstackConfig::new("v4", "10.20.0.0/24").with(Port::new(NIC, "worker-1").address("10.20.0.1"));
    let v6 =
        OpenstackConfig::new("v6", "fd00:20::/64").with(Port::new(NIC, "worker-1").address("fd00:20::1"));
    world.database.producer().sync(&v6).await?;
    let refused = world.settled(&node, NIC, InterfaceState::Refused).await?;
    assert_eq!(refused.reason, "Ipv6Disabled", "{refused:?}");
    ensure!(refused.message.contains(&format!("net.ipv6.conf.{name}.disable_ipv6")), "{refused:?}");
    assert_eq!(node.link(NIC)?, before);

    world.database.producer().delete(&v6).await?;
    world.database.producer().sync(&v4).await?;
    world.configured(&node, NIC).await?;
    let route = || node.exec(&["ip", "route", "show", "10.20.0.0/24", "dev", "multinic0"]);
    let made_by_the_kernel = route()?;
    node.exec(&["ip", "route", "delete", "10.20.0.0/24", "dev", "multinic0"])?;
    eventually("the route to the NIC's subnet", SOON, async || {
        let now = route()?;
        ensure!(now == made_by_the_kernel, "{now:?} instead of {made_by_the_kernel:?}");
        Ok(())
    })
    .await
}

/// Waits until the NIC is called so, and in addition so.
async fn is_called(node: &Node<'_>, name: &str, others: &[&str]) -> Result<()> {
    eventually(&format!("{NIC} to be called {name}"), SOON, async || {
        let link = node.link(NIC)?;
        let shown: serde_json::Value =
            serde_json::from_str(&node.exec(&["ip", "-json", "link", "show", &link.name])?)?;
        let shown = shown.get(0).context("no link")?;
        let mut altnames: Vec<&str> =
            shown["altnames"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
        altnames.sort_unstable();
        ensure!((link.name.as_str(), altnames.as_slice()) == (name, others), "it is {shown}");
        Ok(())
    })
    .await
}
