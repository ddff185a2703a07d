//! A change that fails and cannot be taken back: it is told, and the NIC is left alone until a person acts.

use std::fs;

use anyhow::{Result, ensure};
use multinic_crds::InterfaceState;
use multinic_testbed::{
    Kind, Needs, Node, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, World, eventually,
};

use crate::events::described;
use crate::witness::gauge_is;

const NIC: &str = "fa:16:3e:00:00:01";
const OTHER: &str = "fa:16:3e:00:00:02";
/// A directory where the NIC's boot file is put together, so that it cannot be written.
const IN_THE_WAY: &str = "etc/netplan/.60-multinic-multinic0.yaml.multinic-tmp";
/// Takes the NIC's old name as soon as it has its new one.
const MEDDLER: &str = "until ip link show multinic0 > /dev/null 2>&1; do sleep 0.05; done; \
     exec ip link add eth1 type veth peer name meddler";

/// What has the agent try again.
#[derive(Clone, Copy)]
enum Until {
    Annotation,
    Row,
}

pub(crate) fn tell(suite: Suite) -> Suite {
    let ends = [("a_person_asks", Until::Annotation), ("its_row_changes", Until::Row)];
    ends.into_iter().fold(suite, |suite, (what, until)| {
        let name = format!("a27_a_nic_that_could_not_be_taken_back_is_told_and_left_alone_until_{what}");
        suite.tell(&name, Needs::Testbed, async move |bed: &Testbed| left_alone(bed, until).await)
    })
}

fn rows(mtu: i32) -> [OpenstackConfig; 2] {
    let other = Port::new(OTHER, "worker-1").address("10.20.0.2");
    [
        OpenstackConfig::new("six", "fd00:20::/64")
            .with(Port::new(NIC, "worker-1").address("fd00:20::1").mtu(mtu)),
        OpenstackConfig::new("four", "10.20.0.0/24").with(other),
    ]
}

async fn left_alone(bed: &Testbed, until: Until) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Light).await?;
    node.plug(NIC)?;
    node.plug(OTHER)?;
    // So that the kernel probes the address for seconds, in which the meddler has its turn.
    node.exec(&["sh", "-c", "echo 4 > /proc/sys/net/ipv6/conf/eth1/dad_transmits"])?;
    fs::create_dir(node.host_root()?.join(IN_THE_WAY))?;
    let _meddler = node.run_beside("meddler", MEDDLER)?;
    for rows in rows(1400) {
        world.database.producer().sync(&rows).await?;
    }
    node.join(&world.cluster).await?;
    is_told(&world, &node).await?;
    world.configured(&node, OTHER).await?;

    let process = node.agent()?.id();
    let left = node.link(NIC)?;
    ensure!((left.name.as_str(), left.up, left.addresses.len()) == ("multinic0", false, 0), "{left:?}");
    // What was in the way is mended, and what the agent looks at is changed.
    node.exec(&["ip", "link", "delete", "eth1"])?;
    fs::remove_dir(node.host_root()?.join(IN_THE_WAY))?;
    for state in ["up", "down"] {
        node.exec(&["ip", "link", "set", "multinic0", state])?;
        world.syncs(2).await?;
    }
    assert_eq!(node.link(NIC)?, left);
    assert_eq!(attempts(&node)?, 1);
    node.agent()?.check()?;
    assert_eq!(node.agent()?.id(), process);
    node.stop_agent().await?;
    node.start_agent(&world.cluster).await?;
    is_told(&world, &node).await?;
    world.syncs(2).await?;
    assert_eq!(node.link(NIC)?, left);
    assert_eq!(attempts(&node)?, 1);

    let mtu = match until {
        Until::Annotation => {
            let ask = ["annotate", "nnc", node.name(), "--overwrite", "multinic.io/retry=now"];
            world.cluster.kubectl(&ask)?;
            1400
        }
        Until::Row => {
            world.database.producer().sync(&rows(1450)[0]).await?;
            1450
        }
    };
    world.configured(&node, NIC).await?;
    let nic = node.link(NIC)?;
    ensure!(nic.is_up_as("multinic0", mtu.try_into()?, "fd00:20::1/64"), "{nic:?}");
    stuck(&node, 0).await
}

/// Waits until status, Event and metric say it.
async fn is_told(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    eventually("the NIC to be left alone", SOON, async || {
        let said = world.reported(node, NIC).await?;
        ensure!(said.state == InterfaceState::Failed && said.reason == "RollbackFailed", "{said:?}");
        for part in ["NotPersisted: ", "the roll-back failed: ", "eth1", "multinic.io/retry="] {
            ensure!(said.message.contains(part), "no {part:?} in {said:?}");
        }
        Ok(())
    })
    .await?;
    described(world, "nodenetworkconfig/worker-1", &["Warning", "RollbackFailed", NIC]).await?;
    stuck(node, 1).await
}

async fn stuck(node: &Node<'_>, count: u8) -> Result<()> {
    eventually(&format!("{count} NICs that could not be taken back"), SOON, async || {
        gauge_is(node, "multinic_agent_rollback_failed", count).await
    })
    .await
}

/// How many attempts agents made, by their log.
fn attempts(node: &Node<'_>) -> Result<usize> {
    let log = node.agent()?.log()?;
    Ok(log.lines().filter(|line| line.contains("\"ERROR\"") && line.contains("\"RollbackFailed\"")).count())
}
