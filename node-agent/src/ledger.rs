//! What this agent did to which NIC, kept on the host over restarts and reboots.
//!
//! The ledger is written before the first change and again after the last one, so
//! that whatever is found on a NIC later can be told from what others put there.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use multinic_crds::{InterfaceName, MacAddress};
use serde::{Deserialize, Serialize};

use crate::{
    converge,
    desired::nets,
    link::{Ipv6, KernelView},
    plan::Transaction,
};

/// The NICs that are ours, by MAC address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ledger(pub BTreeMap<MacAddress, Entry>);

/// What one NIC was before us, and what we gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The name that we gave it.
    pub name: InterfaceName,
    /// The name that it had, to be given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_name: Option<String>,
    /// The MTU that it had before we chose one, in bytes, to be given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_mtu: Option<u32>,
    /// What the kernel did for IPv6 on it by itself, to be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_ipv6: Option<Ipv6>,
    /// Every address that we ever gave it: networkd may bring one back that it learned at boot.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub addresses: BTreeSet<IpNet>,
}

impl Ledger {
    /// What is known of a NIC.
    #[must_use]
    pub fn get(&self, mac: MacAddress) -> Option<&Entry> {
        self.0.get(&mac)
    }

    /// The ledger as it must be on disk before `transaction` begins.
    ///
    /// A NIC that is new to us is remembered as it was found.
    pub fn intend(&mut self, transaction: &Transaction) {
        for member in &transaction.members {
            let (Some(nic), Some(link)) = (&member.wanted, &member.link) else { continue };
            let entry = self.0.entry(member.mac).or_insert_with(|| Entry {
                name: nic.name,
                original_name: (!is_ours(&link.name)).then(|| link.name.clone()),
                original_mtu: None,
                original_ipv6: link.ipv6,
                addresses: BTreeSet::new(),
            });
            entry.name = nic.name;
            if nic.mtu.is_some() {
                entry.original_mtu.get_or_insert(link.mtu);
            }
            entry.addresses.extend(nets(nic));
        }
    }

    /// Forgets what `intend` wrote where `transaction` came to nothing: `before` is the ledger
    /// from before it. A NIC that we never configured must not be taken for ours.
    pub fn withdraw(&mut self, transaction: &Transaction, before: &Self) {
        for member in &transaction.members {
            match before.get(member.mac) {
                Some(entry) => self.0.insert(member.mac, entry.clone()),
                None => self.0.remove(&member.mac),
            };
        }
    }

    /// Whether a link of `transaction` bears a name or an address of ours. One that does not, after a
    /// roll-back that failed elsewhere, is not ours because of what was intended for it.
    #[must_use]
    pub fn marks(&self, transaction: &Transaction, view: &KernelView) -> bool {
        transaction.members.iter().any(|member| {
            let links = view.links.iter().filter(|link| link.identity() == Some(member.mac));
            let given = self.get(member.mac).map(|entry| &entry.addresses);
            links.into_iter().any(|link| {
                is_ours(&link.name)
                    || given.is_some_and(|given| link.nets().iter().any(|net| given.contains(net)))
            })
        })
    }

    /// The ledger after `transaction` was proven.
    pub fn settle(&mut self, transaction: &Transaction) {
        for member in &transaction.members {
            match &member.wanted {
                None => {
                    self.0.remove(&member.mac);
                }
                Some(nic) if nic.mtu.is_none() => {
                    // The device has its own size back, and keeps it.
                    if let Some(entry) = self.0.get_mut(&member.mac) {
                        entry.original_mtu = None;
                    }
                }
                Some(_) => {}
            }
        }
    }
}

/// Whether only we call links so.
fn is_ours(name: &str) -> bool {
    name.parse::<InterfaceName>().is_ok() || converge::is_temporary(name)
}
