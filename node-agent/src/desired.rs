//! What the object asks for, without trusting it.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use multinic_crds::{Guarded, GuardedConfig, Interface, MacAddress, Mode};

/// An object, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The generation that asks for it.
    pub generation: i64,
    /// What may be done about it.
    pub mode: Mode,
    /// The wanted NICs by MAC address.
    pub wanted: BTreeMap<MacAddress, Interface>,
    /// What cannot be understood.
    pub malformed: Vec<Malformed>,
}

/// An entry that cannot be understood. It is neither applied nor taken for absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The NIC that it speaks of, where that much is readable.
    pub mac: Option<MacAddress>,
    /// What is wrong, and where.
    pub message: String,
}

impl Desired {
    /// Reads `object`, entry by entry.
    #[must_use]
    pub fn parse(object: &GuardedConfig) -> Self {
        let mut desired = Self {
            generation: object.metadata.generation.unwrap_or_default(),
            mode: Mode::Enforce,
            wanted: BTreeMap::new(),
            malformed: Vec::new(),
        };
        match &object.spec.mode {
            None => {}
            Some(Guarded::Valid(mode)) => desired.mode = *mode,
            // A mode that we do not know was meant to hold something back.
            Some(Guarded::Malformed { error, .. }) => {
                desired.mode = Mode::Paused;
                desired.malformed.push(Malformed { mac: None, message: format!("spec.mode: {error}") });
            }
        }
        let mut conflicts = BTreeSet::new();
        for (position, entry) in object.spec.interfaces.iter().enumerate() {
            let path = format!("spec.interfaces[{position}]");
            match entry {
                Guarded::Valid(interface) => {
                    if desired.wanted.insert(interface.mac_address, interface.clone()).is_some() {
                        conflicts.insert((
                            interface.mac_address,
                            format!("{path}: its macAddress is there twice"),
                        ));
                    }
                }
                Guarded::Malformed { error, .. } => desired
                    .malformed
                    .push(Malformed { mac: entry.mac_address(), message: format!("{path}: {error}") }),
            }
        }
        conflicts.extend(desired.shared_names());
        conflicts.extend(desired.shared_addresses());
        for (mac, message) in conflicts {
            desired.wanted.remove(&mac);
            desired.malformed.push(Malformed { mac: Some(mac), message });
        }
        desired
    }

    /// Whether `mac` may be taken for unwanted. An entry that hides its NIC forbids that for all.
    #[must_use]
    pub fn is_absent(&self, mac: MacAddress) -> bool {
        let spoken_of = |entry: &Malformed| entry.mac.is_none_or(|named| named == mac);
        !self.wanted.contains_key(&mac) && !self.malformed.iter().any(spoken_of)
    }

    fn shared_names(&self) -> Vec<(MacAddress, String)> {
        self.conflicting(|nic| vec![nic.name.to_string()], "name")
    }

    fn shared_addresses(&self) -> Vec<(MacAddress, String)> {
        self.conflicting(|nic| nic.addresses.iter().map(|a| a.ip().to_string()).collect(), "address")
    }

    fn conflicting(&self, keys: impl Fn(&Interface) -> Vec<String>, what: &str) -> Vec<(MacAddress, String)> {
        let mut users: BTreeMap<String, Vec<MacAddress>> = BTreeMap::new();
        for (mac, nic) in &self.wanted {
            for key in keys(nic) {
                users.entry(key).or_default().push(*mac);
            }
        }
        let shared = users.into_iter().filter(|(_, macs)| macs.len() > 1);
        shared
            .flat_map(|(key, macs)| {
                let message = format!("the {what} {key} is wanted by more than one interface");
                macs.into_iter().map(move |mac| (mac, message.clone()))
            })
            .collect()
    }
}

/// The addresses that a NIC should have, as the kernel counts them.
#[must_use]
pub fn nets(interface: &Interface) -> BTreeSet<IpNet> {
    interface.addresses.iter().map(|address| address.net()).collect()
}
