//! The ways to configure a NIC that is plugged in.

use std::fs;
use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use multinic_crds::InterfaceState;
use multinic_testbed::{Node, OpenstackConfig, Port, SOON, World, eventually};

use super::cloud_init;
use super::metadata::{Metadata, Nic};
use super::round::{self, Round};
use super::timeline::Wanted;
use crate::nics::mac;

const WATCH: &str = include_str!("on-node/watch.sh");
/// How many NICs each plugs in.
pub(super) const PLUGS: u8 = 10;
/// Where scripts and their table are on the node.
const DIRECTORY: &str = "/usr/local/lib/bench";

/// One way.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) name: &'static str,
    /// What its node is called.
    pub(super) node: &'static str,
    /// The number of its node in the networks of the NICs, which all nodes share.
    host: u8,
    pub(super) way: Way,
    /// Whether it gives the NIC its lasting name at once.
    pub(super) names: bool,
}

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Nobody,
    Agent,
    /// A script that is run as soon as the kernel has announced the NIC.
    Script(&'static str),
    CloudInit,
}

/// In the order in which they are measured and shown.
pub(super) const CONTENDERS: [Contender; 6] = [
    Contender { name: "nobody", node: "nobody", host: 1, way: Way::Nobody, names: false },
    Contender { name: "multinic", node: "agent", host: 2, way: Way::Agent, names: true },
    Contender {
        name: "`ip`",
        node: "ip",
        host: 3,
        way: Way::Script(include_str!("on-node/ip.sh")),
        names: true,
    },
    Contender {
        name: "`networkctl reload`",
        node: "networkctl",
        host: 4,
        way: Way::Script(include_str!("on-node/networkctl.sh")),
        names: false,
    },
    Contender {
        name: "`netplan apply`",
        node: "netplan",
        host: 5,
        way: Way::Script(include_str!("on-node/netplan.sh")),
        names: true,
    },
    Contender { name: "cloud-init's hook", node: "cloud-init", host: 6, way: Way::CloudInit, names: false },
];

impl Contender {
    /// Gets it ready for NICs that are not there yet.
    pub(super) async fn start(&self, world: &World<'_>, node: &Node<'_>, metadata: &Metadata) -> Result<()> {
        match self.way {
            Way::Nobody => Ok(()),
            Way::Agent => self.start_agent(world, node).await,
            Way::Script(script) => self.start_script(node, script).await,
            Way::CloudInit => cloud_init::first_boot(node, metadata, PLUGS).await,
        }
    }

    /// Plugs a NIC in, and sees what happens.
    pub(super) async fn plug(
        &self,
        world: &World<'_>,
        node: &Node<'_>,
        metadata: &Metadata,
        n: u8,
    ) -> Result<Round> {
        let (mac, address) = (self.mac(n), self.address(n));
        let name = match self.way {
            Way::Agent => Some(slot(world, node, &mac).await?),
            _ => self.names.then(|| name(n)),
        };
        if self.way == Way::CloudInit {
            metadata.attach(Nic { mac: mac.clone(), address, gateway: None });
        }
        let wanted = Wanted { mac, name, address: format!("{address}/24") };
        let round = round::measure(node, &wanted, self.way != Way::Nobody).await?;
        if self.way == Way::Agent {
            world.settled(node, &wanted.mac, InterfaceState::Configured).await?;
        }
        Ok(round)
    }

    /// The node's object has all NICs before the first is plugged in.
    async fn start_agent(&self, world: &World<'_>, node: &Node<'_>) -> Result<()> {
        node.join(&world.cluster).await?;
        node.count_agent()?;
        for n in 0..PLUGS {
            let port = Port::new(&self.mac(n), node.name()).address(&self.address(n).to_string());
            let network = OpenstackConfig::new(&format!("network-{n}"), &format!("10.{n}.0.0/24")).with(port);
            world.database.producer().sync(&network).await?;
        }
        for n in 0..PLUGS {
            world.settled(node, &self.mac(n), InterfaceState::DeviceMissing).await?;
        }
        Ok(())
    }

    async fn start_script(&self, node: &Node<'_>, script: &str) -> Result<()> {
        let directory = node.host_root()?.join(DIRECTORY.trim_start_matches('/'));
        fs::create_dir_all(&directory)?;
        let row = |n| [self.mac(n), name(n), format!("{}/24\n", self.address(n))].join(" ");
        let table: String = (0..PLUGS).map(row).collect();
        for (file, text) in [("watch", WATCH), ("script", script), ("nics", &table)] {
            fs::write(directory.join(file), text)?;
        }
        let [watch, nics, script] = ["watch", "nics", "script"].map(|file| format!("{DIRECTORY}/{file}"));
        // A service of the node, so that what it uses is counted with the node.
        node.exec(&["systemd-run", "--quiet", "--unit=watch", "sh", &watch, &nics, &script])?;
        eventually("the script to watch", SOON, async || {
            node.exec(&["pgrep", "--full", "ip -oneline monitor link"])
        })
        .await?;
        Ok(())
    }

    fn mac(&self, n: u8) -> String {
        mac(usize::from(self.host) << 8 | usize::from(n))
    }

    fn address(&self, n: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, n, 0, self.host)
    }
}

/// The name that the object has for a NIC.
async fn slot(world: &World<'_>, node: &Node<'_>, mac: &str) -> Result<String> {
    let nics = world.config(node).await?.spec.interfaces;
    let nic = nics.into_iter().find(|nic| nic.mac_address.to_string() == mac);
    nic.map(|nic| nic.name.to_string()).with_context(|| format!("{mac} is not in the object"))
}

fn name(n: u8) -> String {
    format!("multinic{n}")
}
