//! Hosts that change what configures their network: what multinic wrote for the old one goes, and what the new one needs
//! comes.

use anyhow::{Context, Result, ensure};
use multinic_testbed::{
    Harm, Kind, Needs, Node, OpenstackConfig, Port, SOON, Schema, Suite, System, Testbed, World, eventually,
    setup::system, skip,
};

const FIRST: &str = "fa:16:3e:00:00:01";
const SECOND: &str = "fa:16:3e:00:00:02";

/// Where netplan keeps its generator, on Debian 12 and older, and on newer ones.
const GENERATORS: &str = "/usr/lib/netplan /usr/libexec/netplan";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell(
            "a_host_that_gets_netplan_while_it_runs_moves_without_a_link_event",
            Needs::FullNodes,
            netplan_comes,
        )
        .tell("a_host_that_is_upgraded_from_wicked_to_networkmanager_moves", Needs::FullNodes, upgraded)
}

/// Two NICs on a node of this kind, by its present means.
async fn two_nics<'bed>(bed: &'bed Testbed, system: &'static System) -> Result<(World<'bed>, Node<'bed>)> {
    if let Some(obstacle) = system.obstacle() {
        return Err(skip(obstacle));
    }
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Of(system)).await?;
    let storage = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.1").mtu(1450))
        .with(Port::new(SECOND, "worker-1").address("10.20.0.2"));
    world.database.producer().sync(&storage).await?;
    for mac in [FIRST, SECOND] {
        node.plug(mac)?;
    }
    Ok((world, node))
}

async fn both_by(world: &World<'_>, node: &Node<'_>, backend: &str) -> Result<()> {
    eventually(&format!("{backend} to be at work"), SOON, async || {
        let status = world.config(node).await?.status.context("no status")?;
        ensure!(status.backend == backend, "it is {:?}", status.backend);
        Ok(())
    })
    .await?;
    for mac in [FIRST, SECOND] {
        world.configured(node, mac).await?;
    }
    Ok(())
}

/// The files of ours on the node, in the order of their paths.
fn ours(node: &Node<'_>) -> Result<Vec<String>> {
    let found = node.exec(&["sh", "-c", "grep -rl multinic-agent /etc | sort"])?;
    Ok(found.lines().map(str::to_owned).collect())
}

/// netplan is installed beside networkd, and goes again.
async fn netplan_comes(bed: &Testbed) -> Result<()> {
    let (world, node) = two_nics(bed, &system::NETPLAN).await?;
    let hide = format!("for home in {GENERATORS}; do [ ! -d $home ] || mount -t tmpfs tmpfs $home; done");
    let show = format!("for home in {GENERATORS}; do umount $home 2> /dev/null || true; done");
    node.exec(&["sh", "-c", &hide])?;
    node.join(&world.cluster).await?;
    both_by(&world, &node, "networkd").await?;
    let of_networkd = ours(&node)?;
    ensure!(
        of_networkd.iter().all(|path| path.starts_with("/etc/systemd/network/00-multinic-")),
        "{of_networkd:?}"
    );

    let monitor = node.monitor().await?;
    for (script, backend) in [(&show, "netplan"), (&hide, "networkd"), (&show, "netplan")] {
        node.stop_agent().await?;
        node.exec(&["sh", "-c", script])?;
        node.start_agent(&world.cluster).await?;
        both_by(&world, &node, backend).await?;
    }
    assert_eq!(
        ours(&node)?,
        ["/etc/netplan/60-multinic-multinic0.yaml", "/etc/netplan/60-multinic-multinic1.yaml"]
    );
    for name in ["multinic0", "multinic1"] {
        assert_eq!(monitor.about(name).await?, [""; 0], "{name}");
    }
    assert_eq!(monitor.finish().await?, Harm::default());
    comes_back(&node).await
}

async fn upgraded(bed: &Testbed) -> Result<()> {
    let (world, node) = two_nics(bed, &system::WICKED_THEN_NETWORK_MANAGER).await?;
    node.join(&world.cluster).await?;
    both_by(&world, &node, "wicked").await?;
    node.add_uplink_of(&system::NETWORK_MANAGER_1_42)?;
    node.exec(&["sh", "-ec", "rm /etc/sysconfig/network/*-eth0"])?;
    node.exec(&["systemctl", "disable", "wicked", "wickedd", "wickedd-nanny"])?;
    node.exec(&["systemctl", "enable", "NetworkManager"])?;

    node.reboot().await?;
    let monitor = node.monitor().await?;
    node.start_agent(&world.cluster).await?;
    both_by(&world, &node, "NetworkManager").await?;
    assert_eq!(
        ours(&node)?,
        [
            "/etc/NetworkManager/system-connections/multinic0.nmconnection",
            "/etc/NetworkManager/system-connections/multinic1.nmconnection",
            "/etc/systemd/network/00-multinic-multinic0.link",
            "/etc/systemd/network/00-multinic-multinic1.link",
        ]
    );
    assert_eq!(monitor.finish().await?, Harm::default());
    comes_back(&node).await
}

/// By the new means, without an agent.
async fn comes_back(node: &Node<'_>) -> Result<()> {
    node.reboot().await?;
    for (mac, name, mtu, address) in
        [(FIRST, "multinic0", 1450, "10.20.0.1/24"), (SECOND, "multinic1", 1500, "10.20.0.2/24")]
    {
        eventually(&format!("{name} to come back"), SOON, async || {
            let nic = node.link(mac)?;
            ensure!(nic.is_up_as(name, mtu, address), "{nic:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}
