//! What the table is meant to say, and what it was meant to say before.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use multinic_crds::{Interface, Mtu};
use multinic_testbed::OpenstackConfig;

/// What a NIC has, without its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nic {
    pub(crate) port: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) mtu: Option<u32>,
}

impl From<&Interface> for Nic {
    fn from(wanted: &Interface) -> Self {
        Self {
            port: wanted.port_id.clone(),
            addresses: wanted.addresses.iter().map(ToString::to_string).collect(),
            mtu: wanted.mtu.map(Mtu::bytes),
        }
    }
}

/// The NICs of a node, by MAC address, with their names.
pub(crate) type Nics = BTreeMap<String, (String, Nic)>;

/// The objects as they are meant to be, and each NIC as it was meant to be, in order of time.
pub(crate) struct Meant {
    pub(crate) objects: Vec<OpenstackConfig>,
    /// Servers that are Nodes.
    pub(crate) nodes: Vec<String>,
    history: BTreeMap<(String, String), Vec<Option<Nic>>>,
}

impl Meant {
    pub(crate) fn new(objects: Vec<OpenstackConfig>, nodes: Vec<String>) -> Self {
        let mut meant = Self { objects, nodes, history: BTreeMap::new() };
        meant.note();
        meant
    }

    /// What the Nodes are meant to have now.
    pub(crate) fn now(&self) -> BTreeMap<(String, String), Nic> {
        let mut now = BTreeMap::new();
        for object in &self.objects {
            let prefix = object.subnet.cidr.rsplit('/').next().unwrap_or_default();
            for port in object.ports.iter().filter(|port| self.nodes.contains(&port.node)) {
                let nic = Nic {
                    port: port.id.clone(),
                    addresses: port.address.iter().map(|address| format!("{address}/{prefix}")).collect(),
                    mtu: port.mtu.and_then(|mtu| mtu.try_into().ok()),
                };
                now.insert((port.node.clone(), port.mac.clone()), nic);
            }
        }
        now
    }

    /// Remembers what is meant from now on.
    pub(crate) fn note(&mut self) {
        let now = self.now();
        let keys: BTreeSet<_> = self.history.keys().chain(now.keys()).cloned().collect();
        for key in keys {
            let nic = now.get(&key).cloned();
            let history = self.history.entry(key).or_insert_with(|| vec![None]);
            if history.last() != Some(&nic) {
                history.push(nic);
            }
        }
    }

    /// Remembers that these ports may have gone, since their rows were missing for so long.
    pub(crate) fn allow_absence(&mut self, object: usize) {
        let now = self.now();
        for port in &self.objects[object].ports {
            let key = (port.node.clone(), port.mac.clone());
            if let (Some(nic), Some(history)) = (now.get(&key), self.history.get_mut(&key)) {
                history.extend([None, Some(nic.clone())]);
            }
        }
    }

    /// Whether a node was told nothing that was not meant, in the order in which it was meant, and under one name.
    pub(crate) fn explains(&self, node: &str, told: &[Nics]) -> Result<()> {
        let macs: BTreeSet<_> = told.iter().flat_map(BTreeMap::keys).collect();
        for mac in macs {
            let meant = self.history.get(&(node.to_owned(), mac.clone()));
            let meant = meant.with_context(|| format!("{mac} was never meant for {node}"))?;
            let mut ahead = meant.iter();
            let mut before: Option<&(String, Nic)> = None;
            for nics in told {
                let now = nics.get(mac);
                if let (Some((earlier, _)), Some((later, _))) = (before, now) {
                    ensure!(earlier == later, "{mac} on {node} was {earlier} and became {later}");
                }
                let nic = now.map(|(_, nic)| nic);
                if before.map(|(_, nic)| nic) != nic {
                    ensure!(
                        ahead.any(|meant| meant.as_ref() == nic),
                        "{mac} on {node} became {nic:?}, but was meant to be, in turn, {meant:?}"
                    );
                }
                before = now;
            }
        }
        for nics in told {
            let names: BTreeSet<_> = nics.values().map(|(name, _)| name).collect();
            ensure!(names.len() == nics.len(), "a name is there twice on {node}: {nics:?}");
        }
        Ok(())
    }
}
