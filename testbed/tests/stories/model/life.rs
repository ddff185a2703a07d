//! One life of a node: deeds are done to it, and it is looked at.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use kube::Api;
use kube::api::{Patch, PatchParams};
use multinic_crds::{InterfaceState, NodeNetworkConfig};
use multinic_testbed::{ControlPlane, Harm, Monitor, Node, SOON, eventually};
use serde_json::json;

use super::deed::{Deed, Drift, NICS};
use super::expected::{Expected, Nic, addresses, guest, mac};

/// What a NIC has that nobody gave another size.
const USUAL_MTU: u32 = 1500;

/// A node and its cluster, and what must hold.
pub(crate) struct Life<'a> {
    cluster: &'a ControlPlane<'a>,
    node: &'a Node<'a>,
    expected: Expected,
}

impl<'a> Life<'a> {
    pub(crate) async fn begin(cluster: &'a ControlPlane<'a>, node: &'a Node<'a>) -> Result<Self> {
        let life = Self { cluster, node, expected: Expected::default() };
        life.ask().await?;
        node.join(cluster).await?;
        Ok(life)
    }

    /// All of these happen at once, and then the node settles.
    pub(crate) async fn happen(&mut self, burst: &[Deed]) -> Result<()> {
        for deed in burst {
            self.act(*deed).await.with_context(|| deed.to_string())?;
        }
        eventually("the node to settle", SOON, async || self.is_as_expected().await).await
    }

    pub(crate) async fn end(self, monitor: Monitor<'_>) -> Result<()> {
        let harm = monitor.finish().await?;
        ensure!(harm == Harm::default(), "{harm:?}");
        let journal = self.node.host_root()?.join("var/lib/multinic/journal.json");
        ensure!(!journal.exists(), "the journal is open");
        Ok(())
    }

    async fn act(&mut self, deed: Deed) -> Result<()> {
        let before = self.expected.clone();
        self.expected.follow(deed);
        match deed {
            Deed::Want(..) => self.ask().await?,
            Deed::Release(number) => {
                if before.nics[number].guest {
                    self.on_link(number, |name| self.guest("delete", number, name))?;
                }
                self.ask().await?;
            }
            Deed::Plug(number) => drop(self.node.plug(&mac(number))?),
            Deed::Unplug(number) => self.node.unplug(&mac(number))?,
            Deed::Flap(number) => self.node.flap(&mac(number))?,
            Deed::Drift(number, drift) => self.on_link(number, |name| self.drift(drift, name))?,
            Deed::Guest(number) => {
                let change = if before.nics[number].guest { "delete" } else { "replace" };
                self.on_link(number, |name| self.guest(change, number, name))?;
            }
            Deed::Kill => {
                self.node.kill_agent()?;
                self.node.start_agent(self.cluster).await?;
            }
            Deed::KillAll => {
                self.node.kill_agents_container()?;
                self.node.start_agent(self.cluster).await?;
            }
            Deed::Restart => {
                self.node.stop_agent().await?;
                self.node.start_agent(self.cluster).await?;
            }
        }
        Ok(())
    }

    /// Does it to the link that the NIC is now. Its name may change that very moment.
    fn on_link(&self, number: usize, change: impl Fn(&str) -> Result<()>) -> Result<()> {
        let mut done = Ok(());
        for _ in 0..10 {
            done = change(&self.node.link(&mac(number))?.name);
            if done.is_ok() {
                return Ok(());
            }
        }
        done
    }

    fn drift(&self, drift: Drift, name: &str) -> Result<()> {
        let ip: &[&str] = match drift {
            Drift::Flush => &["address", "flush", "dev", name, "scope", "global"],
            Drift::Down => &["link", "set", name, "down"],
            Drift::Mtu => &["link", "set", name, "mtu", "1333"],
        };
        self.node.exec(&[&["ip"], ip].concat()).map(drop)
    }

    fn guest(&self, change: &str, number: usize, name: &str) -> Result<()> {
        self.node.exec(&["ip", "address", change, &guest(number), "dev", name]).map(drop)
    }

    async fn ask(&self) -> Result<()> {
        let object = json!({
            "apiVersion": "multinic.io/v1alpha1",
            "kind": "NodeNetworkConfig",
            "metadata": { "name": self.node.name() },
            "spec": { "interfaces": self.expected.interfaces() },
        });
        let configs = Api::<NodeNetworkConfig>::all(self.cluster.client());
        let params = PatchParams::apply("story").force();
        configs.patch(self.node.name(), &params, &Patch::Apply(&object)).await?;
        Ok(())
    }

    async fn is_as_expected(&self) -> Result<()> {
        self.node.agent()?.check()?;
        for number in 0..NICS {
            let nic = &self.expected.nics[number];
            self.shows(number, nic).with_context(|| format!("NIC {number}, {nic:?}"))?;
        }
        let config = Api::<NodeNetworkConfig>::all(self.cluster.client()).get(self.node.name()).await?;
        let status = config.status.context("no status")?;
        ensure!(status.observed_generation == config.metadata.generation, "{status:?}");
        for (number, nic) in self.expected.nics.iter().enumerate().filter(|(_, nic)| nic.wanted.is_some()) {
            let says = status.interfaces.iter().find(|says| says.mac_address == mac(number));
            let state = if nic.plugged { InterfaceState::Configured } else { InterfaceState::DeviceMissing };
            ensure!(says.is_some_and(|says| says.state == state), "NIC {number}, {nic:?}: {status:?}");
        }
        Ok(())
    }

    /// Whether the kernel shows what is expected of this NIC.
    fn shows(&self, number: usize, nic: &Nic) -> Result<()> {
        if !nic.plugged {
            return Ok(());
        }
        let link = self.node.link(&mac(number))?;
        let found: BTreeSet<_> = link.addresses.iter().cloned().collect();
        let guest = nic.guest.then(|| guest(number));
        let Some(want) = nic.wanted else {
            ensure!(!link.name.contains("nic") && found.is_empty(), "{link:?}");
            return Ok(());
        };
        ensure!(link.name == format!("multinic{}", want.slot) && link.up, "{link:?}");
        ensure!(link.mtu == want.mtu.unwrap_or(USUAL_MTU), "{link:?}");
        let all: BTreeSet<_> = addresses(number, want).into_iter().chain(guest).collect();
        ensure!(found == all, "{link:?} has not {all:?}");
        Ok(())
    }
}
