//! The ways to give NICs an address, a route, and a table with a rule of their own.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use kube::Api;
use kube::api::{Patch, PatchParams};
use multinic_crds::NodeNetworkConfig;
use multinic_testbed::{ControlPlane, Node, SOON, eventually};
use serde_json::{Value, json};

use crate::nics::mac;

/// How many NICs each has.
const NICS: u8 = 2;

/// One way.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) name: &'static str,
    /// What its node is called.
    pub(super) node: &'static str,
    /// The number of its node in the networks of the NICs, which all nodes share.
    host: u8,
    way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The agent; networkd has read its files once the node has booted with them.
    Agent { rebooted: bool },
    /// A script that is run once for each NIC.
    Script(&'static str),
}

/// In the order in which they are measured and shown.
pub(super) const CONTENDERS: [Contender; 5] = [
    Contender { name: "multinic", node: "agent", host: 2, way: Way::Agent { rebooted: false } },
    Contender {
        name: "multinic, after a boot",
        node: "rebooted",
        host: 3,
        way: Way::Agent { rebooted: true },
    },
    Contender { name: "`ip`", node: "ip", host: 4, way: Way::Script(include_str!("on-node/ip.sh")) },
    Contender {
        name: "`networkctl reload`",
        node: "networkctl",
        host: 5,
        way: Way::Script(include_str!("on-node/networkctl.sh")),
    },
    Contender {
        name: "`netplan apply`",
        node: "netplan",
        host: 6,
        way: Way::Script(include_str!("on-node/netplan.sh")),
    },
];

impl Contender {
    /// Whether its node has booted since it began.
    pub(super) fn is_rebooted(&self) -> bool {
        self.way == Way::Agent { rebooted: true }
    }

    /// Whether somebody has to be started after a boot.
    pub(super) const fn is_agent(&self) -> bool {
        matches!(self.way, Way::Agent { .. })
    }

    /// Plugs its NICs in and has them configured.
    pub(super) async fn start(&self, cluster: &ControlPlane<'_>, node: &Node<'_>) -> Result<()> {
        for n in 0..NICS {
            node.plug(&self.mac(n))?;
        }
        let Way::Agent { rebooted } = self.way else { return Ok(()) };
        node.join(cluster).await?;
        self.configure(cluster, node).await?;
        if rebooted {
            node.reboot().await?;
            node.start_agent(cluster).await?;
        }
        Ok(())
    }

    /// Has the NICs configured: a script does so whenever it is run, and the agent all the time.
    pub(super) async fn configure(&self, cluster: &ControlPlane<'_>, node: &Node<'_>) -> Result<()> {
        match self.way {
            Way::Agent { .. } => self.ask(cluster, node).await,
            Way::Script(script) => (0..NICS).try_for_each(|n| self.run(node, script, n)),
        }
    }

    /// Whether all of the NICs is in what was found.
    pub(super) fn is_complete(&self, found: &BTreeSet<String>) -> bool {
        let has =
            |begin: &str, part: &str| found.iter().any(|line| line.starts_with(begin) && line.contains(part));
        (0..NICS).all(|n| {
            let nic = self.nic(n);
            let host = nic.address.trim_end_matches("/24");
            let is_rule = |line: &String| line.contains(&format!("from {host} lookup {}", nic.table));
            has(&format!("address {}", nic.address), "")
                && has(&nic.network, &nic.gateway)
                && has("default", &format!("via {}", nic.gateway))
                && found.iter().any(is_rule)
        })
    }

    async fn ask(&self, cluster: &ControlPlane<'_>, node: &Node<'_>) -> Result<()> {
        let interfaces: Vec<_> = (0..NICS).map(|n| self.nic(n).as_interface()).collect();
        let object = json!({
            "apiVersion": "multinic.io/v1alpha1", "kind": "NodeNetworkConfig",
            "metadata": { "name": node.name() }, "spec": { "interfaces": interfaces },
        });
        let configs = Api::<NodeNetworkConfig>::all(cluster.client());
        let params = PatchParams::apply("bench").force();
        configs.patch(node.name(), &params, &Patch::Apply(&object)).await?;
        eventually("the NICs to be configured", SOON, async || {
            let config = configs.get(node.name()).await?;
            let status = config.status.context("no status")?;
            let boot_id = node.exec(&["cat", "/proc/sys/kernel/random/boot_id"])?;
            ensure!(status.boot_id == boot_id.trim(), "the status is of an earlier boot");
            ensure!(status.applied_generation == config.metadata.generation, "{:?}", status.interfaces);
            Ok(())
        })
        .await
    }

    fn run(&self, node: &Node<'_>, script: &str, n: u8) -> Result<()> {
        let Nic { mac, name, address, gateway, network, table } = self.nic(n);
        let link = node.link(&mac)?.name;
        let table = table.to_string();
        node.exec(&["sh", "-ec", script, "sh", &link, &mac, &name, &address, &gateway, &network, &table])?;
        Ok(())
    }

    fn nic(&self, n: u8) -> Nic {
        Nic {
            mac: self.mac(n),
            name: format!("multinic{n}"),
            address: format!("10.{n}.0.{}/24", self.host),
            gateway: format!("10.{n}.0.1"),
            network: format!("10.{}.0.0/16", 100 + n),
            table: 5300 + u32::from(n),
        }
    }

    fn mac(&self, n: u8) -> String {
        mac(usize::from(self.host) << 8 | usize::from(n))
    }
}

/// What a NIC gets: the same of everyone.
struct Nic {
    mac: String,
    name: String,
    address: String,
    gateway: String,
    /// What is routed by the gateway in the table `main`.
    network: String,
    /// What the NIC's own address is routed by, to the gateway.
    table: u32,
}

impl Nic {
    fn as_interface(&self) -> Value {
        json!({
            "macAddress": self.mac, "name": self.name, "addresses": [self.address],
            "routes": [{ "destination": self.network, "via": self.gateway }],
            "sourceRouting": { "gateways": [self.gateway] },
        })
    }
}
