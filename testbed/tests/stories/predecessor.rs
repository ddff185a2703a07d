//! What the Go agent left on a node is taken over in place.

use std::fs;

use anyhow::{Result, ensure};
use multinic_crds::InterfaceState;
use multinic_testbed::{Harm, Kind, Needs, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, eventually};

const FIRST: &str = "fa:16:3e:00:00:01";
const SECOND: &str = "fa:16:3e:00:00:02";
const FILE: &str = "etc/netplan/90-multinic0.yaml";
const OURS: &str = "etc/netplan/60-multinic-multinic0.yaml";
const ASIDE: &str = "var/lib/multinic/replaced/90-multinic0.yaml";
/// One with a key that the Go agent never wrote.
const EDITED: &str = "etc/netplan/91-multinic1.yaml";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell(
        "a_nic_of_the_go_agent_is_taken_over_without_an_event_and_one_of_anybody_else_is_not",
        Needs::FullNodes,
        taken_over,
    )
}

fn written(name: &str, mac: &str, address: &str, more: &str) -> String {
    format!(
        "network:\n    ethernets:\n        {name}:\n            addresses:\n                - {address}\n            \
         dhcp4: false\n{more}            match:\n                macaddress: {mac}\n            set-name: {name}\n    \
         version: 2\n"
    )
}

async fn taken_over(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    for mac in [FIRST, SECOND] {
        node.plug(mac)?;
    }
    let old = written("multinic0", FIRST, "10.20.0.1/24", "");
    let edited = written("multinic1", SECOND, "10.30.0.2/24", "            dhcp6: false\n");
    fs::write(node.host_root()?.join(FILE), &old)?;
    fs::write(node.host_root()?.join(EDITED), &edited)?;
    node.reboot().await?;
    let is_up = async || {
        eventually("the NIC to be as at boot", SOON, async || {
            let link = node.link(FIRST)?;
            let as_wanted = link.name == "multinic0" && link.addresses.contains(&"10.20.0.1/24".to_owned());
            ensure!(as_wanted, "{link:?}");
            Ok(())
        })
        .await
    };
    is_up().await?;

    let monitor = node.monitor().await?;
    let before = monitor.about("multinic0").await?.len();
    for (subnet, cidr, mac, address) in
        [("storage", "10.20.0.0/24", FIRST, "10.20.0.1"), ("backup", "10.30.0.0/24", SECOND, "10.30.0.2")]
    {
        let rows = OpenstackConfig::new(subnet, cidr).with(Port::new(mac, "worker-1").address(address));
        world.database.producer().sync(&rows).await?;
    }
    node.join(&world.cluster).await?;
    world.configured(&node, FIRST).await?;
    let refused = world.settled(&node, SECOND, InterfaceState::Refused).await?;
    ensure!(refused.reason == "ForeignConfiguration" && refused.message.contains(EDITED), "{refused:?}");
    // Without an IPv6 address it has no use for one of the link, which the Go agent left to the kernel.
    let events = monitor.about("multinic0").await?.split_off(before);
    let touched: Vec<_> = events.iter().filter(|line| !line.contains("fe80::")).collect();
    ensure!(touched.is_empty(), "the NIC was touched: {touched:#?}");
    assert_eq!(monitor.finish().await?, Harm::default());
    let root = node.host_root()?;
    assert_eq!(fs::read_to_string(root.join(ASIDE))?, old);
    ensure!(!root.join(FILE).exists() && root.join(OURS).exists(), "its file is not replaced");
    assert_eq!(fs::read_to_string(root.join(EDITED))?, edited);

    node.stop_agent().await?;
    node.reboot().await?;
    is_up().await?;
    node.start_agent(&world.cluster).await?;
    world.configured(&node, FIRST).await?;
    Ok(())
}
