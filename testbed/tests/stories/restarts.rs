//! What configures the host's network, and what carries its messages, is restarted under a running agent.

use anyhow::{Result, ensure};
use multinic_testbed::setup::system::{NETPLAN, NETWORK_MANAGER_1_42, WICKED};
use multinic_testbed::{Kind, Needs, Node, Suite, System, Testbed, skip};

use crate::endings::{FIRST, Scene, one};

/// A host, and what is restarted there: the units of each group together, in this order.
struct Host {
    system: &'static System,
    groups: &'static [&'static [&'static str]],
}

const HOSTS: [Host; 3] = [
    Host { system: &NETPLAN, groups: &[&["dbus"], &["systemd-networkd"]] },
    // It is not on a new bus until it is restarted as well.
    Host { system: &NETWORK_MANAGER_1_42, groups: &[&["dbus", "NetworkManager"], &["NetworkManager"]] },
    Host { system: &WICKED, groups: &[&["dbus"], &["wickedd", "wickedd-nanny"]] },
];

pub(crate) fn tell(suite: Suite) -> Suite {
    HOSTS.into_iter().fold(suite, |suite, host| {
        let name = format!("a50_an_agent_outlives_restarts_of_what_it_speaks_to_on_{}", host.system.name);
        suite.tell(&name, Needs::FullNodes, async move |bed: &Testbed| outlives(bed, &host).await)
    })
}

async fn outlives(bed: &Testbed, host: &Host) -> Result<()> {
    if let Some(obstacle) = host.system.obstacle() {
        return Err(skip(obstacle));
    }
    let scene = Scene::on(bed, Kind::Of(host.system)).await?;
    becomes(&scene, 0).await?;
    let agent = scene.node.agent()?.id();
    for (units, round) in host.groups.iter().zip(1..) {
        let processes = || units.iter().map(|unit| process(&scene.node, unit)).collect::<Result<Vec<_>>>();
        let before = processes()?;
        for unit in *units {
            scene.node.exec(&["systemctl", "restart", unit])?;
        }
        let after = processes()?;
        ensure!(before.iter().all(|process| !after.contains(process)), "{before:?} became {after:?}");
        becomes(&scene, round).await?;
    }
    scene.node.agent()?.check()?;
    assert_eq!(scene.node.agent()?.id(), agent);
    Ok(())
}

/// Has the NIC changed, and waits until the agent says that it is; then it is.
async fn becomes(scene: &Scene<'_>, round: u8) -> Result<()> {
    let (address, mtu) = (format!("10.20.0.{}/24", 5 + round), 1400 + u32::from(round));
    scene.gets(&one(&address, mtu)).await?;
    let nic = scene.node.link(FIRST)?;
    ensure!(nic.is_up_as("multinic0", mtu, &address), "{nic:?}");
    Ok(())
}

/// The process of a unit, which runs.
fn process(node: &Node<'_>, unit: &str) -> Result<u32> {
    let shown = node.exec(&["systemctl", "show", "--value", "-p", "MainPID", unit])?;
    let process = shown.trim().parse()?;
    ensure!(process != 0, "{unit} does not run");
    Ok(process)
}
