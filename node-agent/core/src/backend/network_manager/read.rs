//! A connection as `NetworkManager` prints it after it was read.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use multinic_crds::{Interface, MacAddress};

use super::routes;
use crate::{
    backend::listed::listed,
    observed::routing::{NicRoute, SourceRule},
    parse::{desired::nets, routing},
};

/// What a connection makes of a NIC, as far as it matters for one of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// What decides which link is taken, and whether it is without being asked for.
    identity: BTreeMap<&'static str, String>,
    mac: Option<MacAddress>,
    mtu: Option<u32>,
    /// By family: the method, and whether it may give the default route.
    methods: BTreeMap<&'static str, (String, bool)>,
    addresses: BTreeSet<IpNet>,
    /// By family and number in the connection.
    routes: BTreeMap<(&'static str, String), NicRoute>,
    rules: BTreeSet<SourceRule>,
    /// What is set for a family beside that.
    more: Option<String>,
}

/// What else may be set for a family without changing what the NIC has.
const HARMLESS: [&str; 2] = ["addr-gen-mode", "may-fail"];
const FAMILIES: [&str; 2] = ["ipv4", "ipv6"];

impl Read {
    /// What `nic` should be.
    pub(super) fn of(nic: &Interface) -> Self {
        let name = nic.name.to_string();
        let method = |ipv6: bool| {
            let is_wanted = nic.addresses.iter().any(|address| address.is_ipv6() == ipv6);
            (if is_wanted { "manual" } else { "disabled" }.to_owned(), false)
        };
        Self {
            identity: [
                ("type", "ethernet".to_owned()),
                ("interface-name", name),
                ("autoconnect", "true".to_owned()),
            ]
            .into(),
            mac: Some(nic.mac_address),
            mtu: nic.mtu.map(multinic_crds::Mtu::bytes),
            methods: FAMILIES.into_iter().zip([method(false), method(true)]).collect(),
            addresses: nets(nic),
            routes: routing::routes(nic).into_iter().map(numbered).collect(),
            rules: routing::rules(nic),
            more: None,
        }
    }

    /// What is in `text`. What is left out there has its default.
    pub(super) fn parse(text: &str) -> Self {
        let autoconnect = ("autoconnect", "true".to_owned());
        let methods = FAMILIES.map(|family| (family, (String::new(), true)));
        let mut read = Self { identity: [autoconnect].into(), methods: methods.into(), ..Self::default() };
        let mut group = "";
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                group = name;
            } else if let Some((key, value)) = line.split_once('=') {
                read.take(group, key, value);
            }
        }
        read
    }

    fn take(&mut self, group: &str, key: &str, value: &str) {
        match group {
            "connection" => {
                let known = ["type", "interface-name", "autoconnect"].into_iter().find(|known| *known == key);
                self.identity.extend(known.map(|known| (known, value.to_owned())));
            }
            "ethernet" if key == "mac-address" => self.mac = value.parse().ok(),
            "ethernet" if key == "mtu" => self.mtu = value.parse().ok(),
            _ => {
                if let Some(family) = FAMILIES.into_iter().find(|family| *family == group) {
                    self.take_of(family, key, value);
                }
            }
        }
    }

    fn take_of(&mut self, family: &'static str, key: &str, value: &str) {
        let (method, gives_default) = self.methods.entry(family).or_default();
        match key {
            "method" => value.clone_into(method),
            "never-default" => *gives_default = value != "true",
            _ if HARMLESS.contains(&key) => {}
            _ => {
                if self.take_entry(family, key, value).is_none() {
                    self.more = Some(format!("{family}.{key}"));
                }
            }
        }
    }

    /// Takes an address, a route or a rule; none where it is none of ours, such as an address with a gateway.
    fn take_entry(&mut self, family: &'static str, key: &str, value: &str) -> Option<()> {
        if key.starts_with("routing-rule") {
            self.rules.insert(routes::rule(value)?);
        } else if let Some(number) = key.strip_prefix("route").and_then(|rest| rest.strip_suffix("_options"))
        {
            routes::take_options(self.routes.get_mut(&(family, number.to_owned()))?, value)?;
        } else if let Some(number) = key.strip_prefix("route") {
            self.routes.insert((family, number.to_owned()), routes::route(value)?);
        } else {
            key.strip_prefix("address")?;
            self.addresses.insert(value.parse().ok()?);
        }
        Some(())
    }

    fn routes(&self) -> BTreeSet<&NicRoute> {
        self.routes.values().collect()
    }

    /// What is not as in `wanted`.
    pub(super) fn difference(&self, wanted: &Self) -> Option<String> {
        if let Some(more) = &self.more {
            return Some(more.clone());
        }
        let other = |key: &&str| self.identity.get(*key) != wanted.identity.get(*key);
        if let Some(key) = wanted.identity.keys().copied().find(|key| other(key)) {
            return Some(format!("another {key}"));
        }
        if let Some(family) =
            FAMILIES.into_iter().find(|family| self.methods.get(family) != wanted.methods.get(family))
        {
            return Some(format!("another {family}.method, or leave to give the default route,"));
        }
        [
            (self.mac != wanted.mac).then(|| "another MAC address".to_owned()),
            (self.mtu != wanted.mtu)
                .then(|| self.mtu.map_or_else(|| "no MTU".to_owned(), |mtu| format!("the MTU {mtu}"))),
            (self.addresses != wanted.addresses)
                .then(|| format!("the addresses [{}]", listed(&self.addresses))),
            (self.routes() != wanted.routes()).then(|| format!("the routes [{}]", listed(self.routes()))),
            (self.rules != wanted.rules).then(|| format!("the rules [{}]", listed(&self.rules))),
        ]
        .into_iter()
        .flatten()
        .next()
    }
}

/// Numbers are only compared within one connection.
fn numbered(route: NicRoute) -> ((&'static str, String), NicRoute) {
    (("", route.to_string()), route)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::nic;

    /// As nmcli 1.42 and 1.52 print what we write.
    const PRINTED: &str = "[connection]\nid=multinic0\nuuid=a6b5ec14-7612-89df-8d29-b1fe722f77a6\ntype=ethernet\n\
        autoconnect-priority=100\ninterface-name=multinic0\n\n[ethernet]\nmac-address=FA:16:3E:AA:00:01\nmtu=9000\n\n[ipv4]\n\
        address1=10.10.0.5/24\nmethod=manual\nnever-default=true\n\n[ipv6]\naddr-gen-mode=eui64\n\
        address1=2001:db8:10::5/64\nmethod=manual\nnever-default=true\n\n[proxy]\n";

    fn difference(from: &str, to: &str) -> Option<String> {
        assert!(PRINTED.contains(from), "{from}");
        let wanted = Interface {
            mtu: Some(9000.try_into().unwrap()),
            ..nic("fa:16:3e:aa:00:01", "multinic0", &["10.10.0.5/24", "2001:db8:10::5/64"])
        };
        Read::parse(&PRINTED.replace(from, to)).difference(&Read::of(&wanted))
    }

    #[test]
    fn whatever_is_not_as_wanted_is_named() {
        assert_eq!(difference("", ""), None);
        for (from, to, expected) in [
            ("mtu=9000\n", "", "no MTU"),
            ("mtu=9000", "mtu=1500", "the MTU 1500"),
            ("mac-address=FA:16:3E:AA:00:01\n", "", "another MAC address"),
            ("AA:00:01", "AA:00:02", "another MAC address"),
            ("interface-name=multinic0\n", "", "another interface-name"),
            ("type=ethernet", "type=bond", "another type"),
            ("autoconnect-priority=100", "autoconnect=false", "another autoconnect"),
            ("address1=10.10.0.5/24\n", "", "the addresses [2001:db8:10::5/64]"),
            ("10.10.0.5/24", "10.10.0.5/24,10.10.0.1", "ipv4.address1"),
            ("10.10.0.5/24\n", "10.10.0.5/24\nroute1=10.20.0.0/16,10.10.0.1\n", "ipv4.route1"),
            (
                "10.10.0.5/24\n",
                "10.10.0.5/24\nroute1=10.20.0.0/16,10.10.0.1,0\n",
                "the routes [10.20.0.0/16 via 10.10.0.1]",
            ),
            (
                "10.10.0.5/24\n",
                "10.10.0.5/24\nrouting-rule1=priority 5 from 10.10.0.5 table 254 suppress_prefixlength 0\n",
                "the rules [5: from 10.10.0.5 lookup 254 suppress_prefixlength 0]",
            ),
            ("[ipv6]\n", "[ipv6]\ngateway=fe80::1\n", "ipv6.gateway"),
        ] {
            assert_eq!(difference(from, to).as_deref(), Some(expected), "{to}");
        }
        for (from, to) in
            [("manual\nnever-default=true\n\n[ipv6]", "manual\n\n[ipv6]"), ("method=manual", "method=auto")]
        {
            assert!(difference(from, to).unwrap().starts_with("another ipv4.method"), "{to}");
        }
    }
}
