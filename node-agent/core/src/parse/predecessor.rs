//! Boot files of the Go agent that ran before: netplan's, one for each NIC, without a mark of whose they are.
//!
//! So one is known by its exact shape: where it lies, every key of it, and that what names the NIC says the same each time.
//! Whatever differs was written or changed by somebody else.

use std::collections::BTreeMap;

use ipnet::IpNet;
use multinic_crds::{InterfaceName, MacAddress};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    network: Network,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    version: u8,
    ethernets: BTreeMap<String, Ethernet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Ethernet {
    #[serde(rename = "match")]
    matching: Match,
    set_name: String,
    dhcp4: Option<bool>,
    addresses: Option<Vec<String>>,
    mtu: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    macaddress: String,
}

/// Where it wrote the file of the NIC called `name`.
fn path_of(name: InterfaceName) -> String {
    format!("/etc/netplan/9{}-{name}.yaml", name.slot())
}

/// The NIC that the file at `path` is for, if the Go agent wrote its `text`.
#[must_use]
pub fn nic(path: &str, text: &str) -> Option<MacAddress> {
    let name = InterfaceName::all().find(|name| path_of(*name) == path)?.to_string();
    let Document { network } = serde_saphyr::from_str(text).ok()?;
    let mut ethernets = network.ethernets.iter();
    let (Some((id, ethernet)), None) = (ethernets.next(), ethernets.next()) else { return None };
    let is_so = network.version == 2
        && [id, &ethernet.set_name] == [&name, &name]
        && ethernet.dhcp4 != Some(true)
        && ethernet.mtu != Some(0)
        && ethernet.addresses.as_ref().is_none_or(|addresses| is_one(addresses) && ethernet.dhcp4.is_some());
    // It wrote it as the table had it.
    ethernet.matching.macaddress.to_ascii_lowercase().parse().ok().filter(|_| is_so)
}

fn is_one(addresses: &[String]) -> bool {
    matches!(addresses, [one] if one.parse::<IpNet>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mac;

    const PATH: &str = "/etc/netplan/91-multinic1.yaml";
    const LINK: &str = "network:
    ethernets:
        multinic1:
            match:
                macaddress: fa:16:3e:00:00:01
            set-name: multinic1
    version: 2
";
    const STATIC: &str = "network:
    ethernets:
        multinic1:
            addresses:
                - 10.20.0.1/24
            dhcp4: false
            match:
                macaddress: fa:16:3e:00:00:01
            mtu: 1450
            set-name: multinic1
    version: 2
";

    #[test]
    fn each_shape_that_it_wrote_is_known() {
        let older = "# This is the network config written by 'multinic-agent'
network:
  ethernets:
    multinic1:
      dhcp4: false
      match:
        macaddress: FA:16:3E:00:00:01
      set-name: multinic1
      mtu: 1500
  version: 2";
        let quoted = STATIC.replace("fa:16:3e:00:00:01", "\"fa:16:3e:00:00:01\"");
        for text in [LINK, STATIC, &STATIC.replace("            mtu: 1450\n", ""), older, &quoted] {
            assert_eq!(nic(PATH, text), Some(mac("fa:16:3e:00:00:01")), "{text}");
        }
    }

    #[test]
    fn whatever_differs_is_somebody_elses() {
        for path in [
            "/etc/netplan/90-multinic1.yaml",
            "/etc/netplan/9-multinic1.yaml",
            "/etc/netplan/60-multinic-multinic1.yaml",
            "/run/netplan/91-multinic1.yaml",
            "/etc/netplan/91-multinic1.yaml.orig",
        ] {
            assert_eq!(nic(path, STATIC), None, "{path}");
        }
        for (from, to) in [
            ("version: 2", "version: 3"),
            ("    version: 2\n", ""),
            ("    version: 2\n", "    version: 2\n    renderer: networkd\n"),
            ("    version: 2\n", "    version: 2\n    bonds: {}\n"),
            ("    version: 2\n", "    version: 2\n---\nnetwork: {}\n"),
            ("    version: 2\n", "    version: 2\n    version: 2\n"),
            ("    version: 2\n", "    version: 2\nother: {}\n"),
            ("        multinic1:\n", "        multinic0:\n"),
            ("set-name: multinic1", "set-name: eth1"),
            ("            set-name: multinic1\n", ""),
            ("macaddress: fa:16:3e:00:00:01", "macaddress: fa:16:3e"),
            ("macaddress: fa:16:3e:00:00:01", "macaddress: fa:16:3e:00:00:01\n                name: eth1"),
            ("dhcp4: false", "dhcp4: true"),
            ("            dhcp4: false\n", ""),
            ("dhcp4: false", "dhcp4: false\n            dhcp6: false"),
            ("dhcp4: false", "dhcp4: false\n            gateway4: 10.20.0.254"),
            ("dhcp4: false", "dhcp4: false\n            routing-policy: []"),
            ("- 10.20.0.1/24", "- 10.20.0.1"),
            ("- 10.20.0.1/24", "- 10.20.0.1/24\n                - 10.20.0.2/24"),
            ("mtu: 1450", "mtu: 0"),
            ("mtu: 1450", "mtu: large"),
            ("network:", "network: ["),
        ] {
            let text = STATIC.replace(from, to);
            assert_ne!(text, STATIC);
            assert_eq!(nic(PATH, &text), None, "{text}");
        }
        let another = "        multinic1:\n            set-name: multinic1\n            match: {macaddress: 'fa:16:3e:00:00:01'}\n        ";
        let two = LINK.replacen("        multinic1", &format!("{another}multinic2"), 1);
        assert_eq!(nic(PATH, &two), None, "{two}");
    }
}
