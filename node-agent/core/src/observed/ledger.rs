//! What this agent did to which NIC, kept on the host over restarts and reboots.
//!
//! The ledger is written before the first change and again after the last one, so
//! that whatever is found on a NIC later can be told from what others put there.
//!
//! What a newer agent wrote in it is kept, and so is an entry that cannot be read: of that NIC
//! nothing is known, and it is not touched.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use multinic_crds::{InterfaceName, MacAddress};
use serde::{Deserialize, Serialize, de::Error};
use serde_json::{Map, Value};

use crate::{
    backend::Backends,
    observed::{boot, files::HostFiles, lease::Lease, link::Ipv6, routing::NicRoute},
    parse::bootfile::{Owner, owner},
};

/// Raised when an agent that knows only an older one must not act on what is written.
const VERSION: u64 = 1;
/// How many NICs are remembered that went away before they could be given back.
const MOST_AWAY: usize = 64;

/// The NICs that are ours, by MAC address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "File")]
pub struct Ledger {
    /// What is known of each.
    pub nics: BTreeMap<MacAddress, Entry>,
    /// Entries that cannot be read, as they were found.
    damaged: BTreeMap<String, Value>,
    /// The boot in which it was written; empty where that is not known.
    boot_id: String,
    /// What a newer agent knows more.
    more: Map<String, Value>,
}

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
    /// It was ours before this entry was made, so what it was before us is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// It was given up while it was away, as the how manieth: it is given back when it returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<u64>,
    /// Every address that we gave it in this boot: networkd may bring one back that it learned at boot.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub addresses: BTreeSet<IpNet>,
    /// Every route that we gave it in this boot.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub routes: BTreeSet<NicRoute>,
    /// What a DHCP server gave it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// What a newer agent knows more.
    #[serde(flatten)]
    pub more: Map<String, Value>,
    /// What is on disk says something else.
    #[serde(skip)]
    pub unsaved: bool,
}

/// The ledger as it is on disk.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    version: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    boot_id: String,
    nics: Map<String, Value>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Entry {
    /// A NIC that we called `name`, and of which nothing else is known.
    #[must_use]
    pub fn named(name: InterfaceName) -> Self {
        Self {
            name,
            original_name: None,
            original_mtu: None,
            original_ipv6: None,
            adopted: false,
            away: None,
            addresses: BTreeSet::new(),
            routes: BTreeSet::new(),
            lease: None,
            more: Map::new(),
            unsaved: false,
        }
    }
}

impl TryFrom<Value> for Ledger {
    type Error = serde_json::Error;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        // The first agents wrote the entries alone.
        let entries_alone = value.as_object().filter(|map| !map.contains_key("version")).cloned();
        let File { version, boot_id, nics, more } = match entries_alone {
            Some(nics) => File { version: 0, boot_id: String::new(), nics, more: Map::new() },
            None => File::deserialize(value)?,
        };
        if version > VERSION {
            let message =
                format!("its version is {version}, which only a newer agent knows; use that one again");
            return Err(Self::Error::custom(message));
        }
        let mut ledger = Self { boot_id, more, ..Self::default() };
        for (key, value) in nics {
            match (key.parse(), Entry::deserialize(&value)) {
                (Ok(mac), Ok(entry)) => drop(ledger.nics.insert(mac, entry)),
                _ => drop(ledger.damaged.insert(key, value)),
            }
        }
        Ok(ledger)
    }
}

impl From<Ledger> for File {
    fn from(ledger: Ledger) -> Self {
        let Ledger { nics, damaged, boot_id, more } = ledger;
        // An entry is a map of texts and numbers, which always is JSON.
        let entry =
            |(mac, entry): (MacAddress, Entry)| Some((mac.to_string(), serde_json::to_value(entry).ok()?));
        let nics = nics.into_iter().filter_map(entry).chain(damaged).collect();
        Self { version: VERSION, boot_id, nics, more }
    }
}

impl Ledger {
    /// Whether nothing is known of any NIC.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nics.is_empty() && self.damaged.is_empty()
    }

    /// The boot in which it holds; empty where that is not known.
    pub(crate) fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// What is known of a NIC.
    #[must_use]
    pub fn get(&self, mac: MacAddress) -> Option<&Entry> {
        self.nics.get(&mac)
    }

    /// The NICs whose entries cannot be read.
    pub fn damaged(&self) -> impl Iterator<Item = MacAddress> {
        self.damaged.keys().filter_map(|key| key.parse().ok())
    }

    /// The ledger as it holds in the boot with this id, where these boot files were found.
    ///
    /// A NIC that an untouched file of ours speaks of is ours, though the record of it be lost. Of addresses that we gave
    /// in an earlier boot, networkd can bring back only what a boot file says.
    pub fn recall(&mut self, boot_id: &str, files: &HostFiles, backends: Backends<'_>) {
        if boot::is_another(&self.boot_id, boot_id) {
            // Whatever comes back from now on has the name that its host gives it.
            self.nics.retain(|_, entry| entry.away.is_none());
            for (mac, entry) in &mut self.nics {
                let known = (entry.addresses.len(), entry.routes.len());
                if let Some(filed) = filed_addresses(*mac, files, backends) {
                    entry.addresses.retain(|net| filed.contains(net));
                    entry.routes.retain(|route| is_filed(route, *mac, files));
                }
                entry.unsaved = (entry.addresses.len(), entry.routes.len()) != known;
            }
        }
        if !boot_id.is_empty() {
            boot_id.clone_into(&mut self.boot_id);
        }
        self.adopt(files, backends);
    }

    fn adopt(&mut self, files: &HostFiles, backends: Backends<'_>) {
        let damaged: BTreeSet<_> = self.damaged().collect();
        for (path, text) in &files.boot {
            let Owner::Us(mac) = owner(text) else { continue };
            let Some(name) = backends.owner_of(path) else { continue };
            if !self.nics.contains_key(&mac) && !damaged.contains(&mac) {
                let addresses = filed_addresses(mac, files, backends).unwrap_or_default();
                let entry = Entry { adopted: true, unsaved: true, addresses, ..Entry::named(name) };
                self.nics.insert(mac, entry);
            }
        }
    }

    /// Remembers of a NIC that is not there how it is to be given back: it may be in a pod, and return with our name.
    pub(crate) fn give_up(&mut self, mac: MacAddress) {
        let away = |entry: &Entry| entry.away;
        let last = self.nics.values().filter_map(away).max();
        let Some(entry) = self.nics.get_mut(&mac) else { return };
        entry.away = Some(last.map_or(0, |last| last + 1));
        let mut known: Vec<_> =
            self.nics.iter().filter_map(|(mac, entry)| Some((entry.away?, *mac))).collect();
        known.sort_unstable();
        let surplus = known.len().saturating_sub(MOST_AWAY);
        for (_, mac) in &known[..surplus] {
            self.nics.remove(mac);
        }
    }

    /// Forgets the NICs that were given up while they were away.
    pub fn forget_away(&mut self) {
        self.nics.retain(|_, entry| entry.away.is_none());
    }
}

/// The addresses that our boot files give to a NIC; none where a person edited one of them.
fn filed_addresses(mac: MacAddress, files: &HostFiles, backends: Backends<'_>) -> Option<BTreeSet<IpNet>> {
    let mut addresses = BTreeSet::new();
    for (path, text) in &files.boot {
        match owner(text) {
            Owner::Us(of) if of == mac => addresses.extend(backends.addresses(path, text)),
            Owner::Edited(of) if of == mac => return None,
            _ => {}
        }
    }
    Some(addresses)
}

/// Whether a boot file of ours may give this route to the NIC: every language writes a destination as it is.
fn is_filed(route: &NicRoute, mac: MacAddress, files: &HostFiles) -> bool {
    let destination = route.destination.to_string();
    files.boot.values().any(|text| owner(text) == Owner::Us(mac) && text.contains(&destination))
}
