//! What the object asks for, without trusting it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use multinic_crds::{Explanation, Guarded, GuardedConfig, Interface, MacAddress, Mode};
use serde::{Deserialize, Serialize};

use super::routing;
use crate::observed::routing::NicRoute;

/// An object, parsed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desired {
    /// The name of the node, which is the object's.
    pub node: String,
    /// Which object asks for it; one that is made again is another one.
    pub uid: String,
    /// The generation that asks for it.
    pub generation: i64,
    /// What may be done about it.
    pub mode: Mode,
    /// Whether NICs stay that are ours and not wanted: the object is new, and may not list all of them yet.
    pub keeps_unlisted: bool,
    /// What a person last wrote to have NICs tried again that failed.
    pub retry: Option<String>,
    /// The wanted NICs by MAC address.
    pub wanted: BTreeMap<MacAddress, Interface>,
    /// What cannot be understood.
    pub malformed: Vec<Malformed>,
    /// What NICs wait for that are to have an address from their networks, and have none.
    pub awaited: BTreeMap<MacAddress, Explanation>,
}

/// What asks for a change: an object in one generation, or a person who has it tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The object's.
    pub uid: String,
    /// The object's.
    pub generation: i64,
    /// What a person last wrote to have NICs tried again that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
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
            keeps_unlisted: object.keeps_unlisted(),
            node: object.metadata.name.clone().unwrap_or_default(),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            retry: object.retry().map(str::to_owned),
            ..Self::default()
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
        conflicts.extend(desired.contradictions());
        desired.refuse(conflicts);
        desired.refuse(desired.conflicts());
        desired
    }

    /// What asks for it.
    #[must_use]
    pub fn request(&self) -> Request {
        Request { uid: self.uid.clone(), generation: self.generation, retry: self.retry.clone() }
    }

    /// What NICs cannot be as they are wanted, beside each other, and why.
    pub(crate) fn conflicts(&self) -> BTreeSet<(MacAddress, String)> {
        let mut conflicts = BTreeSet::new();
        conflicts.extend(self.shared_prefixes());
        conflicts.extend(self.unroutable());
        conflicts.extend(self.shared_names());
        conflicts.extend(self.shared_addresses());
        conflicts.extend(self.shared_routes());
        conflicts
    }

    fn refuse(&mut self, conflicts: BTreeSet<(MacAddress, String)>) {
        for (mac, message) in conflicts {
            self.wanted.remove(&mac);
            self.malformed.push(Malformed { mac: Some(mac), message });
        }
    }

    /// Whether `mac` may be taken for unwanted. An entry that hides its NIC forbids that for all.
    #[must_use]
    pub fn is_absent(&self, mac: MacAddress) -> bool {
        let spoken_of = |entry: &Malformed| entry.mac.is_none_or(|named| named == mac);
        !self.wanted.contains_key(&mac) && !self.malformed.iter().any(spoken_of)
    }

    /// NICs whose fields do not go together.
    fn contradictions(&self) -> Vec<(MacAddress, String)> {
        let fault = |(mac, nic): (&MacAddress, &Interface)| {
            Some((*mac, format!("{} cannot be so: {}", nic.name, nic.contradiction()?)))
        };
        self.wanted.iter().filter_map(fault).collect()
    }

    /// NICs that have one address with two prefixes: each means another subnet.
    fn shared_prefixes(&self) -> Vec<(MacAddress, String)> {
        let twice = |(mac, nic): (&MacAddress, &Interface)| {
            let mut prefixes: BTreeMap<IpAddr, BTreeSet<u8>> = BTreeMap::new();
            for net in nets(nic) {
                prefixes.entry(net.addr()).or_default().insert(net.prefix_len());
            }
            let (ip, _) = prefixes.into_iter().find(|(_, prefixes)| prefixes.len() > 1)?;
            Some((
                *mac,
                format!("{} has the address {ip} with more than one prefix; keep one of them", nic.name),
            ))
        };
        self.wanted.iter().filter_map(twice).collect()
    }

    /// NICs whose routes cannot be as they are asked for.
    fn unroutable(&self) -> Vec<(MacAddress, String)> {
        let fault = |(mac, nic): (&MacAddress, &Interface)| Some((*mac, routing::fault(nic)?));
        self.wanted.iter().filter_map(fault).collect()
    }

    fn shared_names(&self) -> Vec<(MacAddress, String)> {
        self.conflicting(|nic| vec![nic.name.to_string()], "name")
    }

    fn shared_addresses(&self) -> Vec<(MacAddress, String)> {
        self.conflicting(|nic| nic.addresses.iter().map(|a| a.ip().to_string()).collect(), "address")
    }

    /// Routes that the kernel takes for one.
    fn shared_routes(&self) -> Vec<(MacAddress, String)> {
        let keys = |nic: &Interface| {
            let key = |route: NicRoute| {
                format!("to {} with metric {} in table {}", route.destination, route.metric, route.table)
            };
            routing::routes(nic).into_iter().map(key).collect()
        };
        self.conflicting(keys, "route")
    }

    fn conflicting(&self, keys: impl Fn(&Interface) -> Vec<String>, what: &str) -> Vec<(MacAddress, String)> {
        let mut users: BTreeMap<String, BTreeSet<MacAddress>> = BTreeMap::new();
        for (mac, nic) in &self.wanted {
            for key in keys(nic) {
                users.entry(key).or_default().insert(*mac);
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

/// What the host gives a NIC at its next boot. What its network gives it only the agent asks for: a client of the host would
/// go on by itself, and take more than an address.
#[must_use]
pub fn at_boot(nic: &Interface) -> Interface {
    if !nic.addressing().is_dynamic() {
        return nic.clone();
    }
    Interface { addresses: Vec::new(), routes: Vec::new(), source_routing: None, ..nic.clone() }
}

/// The addresses that a NIC should have, as the kernel counts them.
#[must_use]
pub fn nets(interface: &Interface) -> BTreeSet<IpNet> {
    interface.nets().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(interfaces: &Value, mode: &Value) -> Desired {
        let object = json!({
            "metadata": { "name": "node", "generation": 7 },
            "spec": { "interfaces": interfaces, "mode": mode },
        });
        Desired::parse(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_malformed_entry_is_named_with_its_place_and_the_others_go_on() {
        let desired = parse(
            &json!([
                { "macAddress": "fa:16:3e:00:00:01", "name": "multinic0" },
                { "macAddress": "fa:16:3e:00:00:02", "name": "multinic1", "addresses": ["10.0.0.5"] },
            ]),
            &json!("Enforce"),
        );
        assert_eq!(desired.generation, 7);
        assert_eq!(desired.wanted.len(), 1);
        let [malformed] = desired.malformed.as_slice() else { panic!("{desired:?}") };
        assert_eq!(malformed.mac, "fa:16:3e:00:00:02".parse().ok());
        assert!(
            malformed.message.starts_with("spec.interfaces[1]: \"10.0.0.5\" is not an address"),
            "{malformed:?}"
        );
    }

    #[test]
    fn whoever_shares_a_name_or_an_address_is_refused_and_not_absent() {
        let desired = parse(
            &json!([
                { "macAddress": "fa:16:3e:00:00:01", "name": "multinic0" },
                { "macAddress": "fa:16:3e:00:00:02", "name": "multinic0" },
                { "macAddress": "fa:16:3e:00:00:03", "name": "multinic3", "addresses": ["10.0.0.5/24"] },
                { "macAddress": "fa:16:3e:00:00:04", "name": "multinic4", "addresses": ["10.0.0.5/25"] },
                { "macAddress": "fa:16:3e:00:00:05", "name": "multinic5" },
            ]),
            &json!("Enforce"),
        );
        assert_eq!(desired.wanted.keys().map(ToString::to_string).collect::<Vec<_>>(), ["fa:16:3e:00:00:05"]);
        assert!((1..=5).all(|n| !desired.is_absent(format!("fa:16:3e:00:00:0{n}").parse().unwrap())));
    }

    #[test]
    fn a_mode_that_is_not_known_holds_everything_back() {
        let desired = parse(&json!([]), &json!("Gently"));
        assert_eq!(desired.mode, Mode::Paused);
        assert!(desired.malformed[0].message.starts_with("spec.mode: unknown variant `Gently`"));
    }

    #[test]
    fn one_address_with_two_prefixes_is_told_of_its_own_nic_and_of_no_other() {
        let desired = parse(
            &json!([
                { "macAddress": "fa:16:3e:00:00:01", "name": "multinic0", "addresses": ["10.0.0.5/24", "10.0.0.5/16"] },
                { "macAddress": "fa:16:3e:00:00:02", "name": "multinic1", "addresses": ["10.1.0.5/24", "10.1.0.6/24"] },
            ]),
            &json!("Enforce"),
        );
        assert_eq!(desired.wanted.keys().map(ToString::to_string).collect::<Vec<_>>(), ["fa:16:3e:00:00:02"]);
        let [malformed] = desired.malformed.as_slice() else { panic!("{desired:?}") };
        assert_eq!(
            malformed.message,
            "multinic0 has the address 10.0.0.5 with more than one prefix; keep one of them"
        );
    }
}
