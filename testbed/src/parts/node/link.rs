//! What the kernel says about a node's links, as plain facts for assertions.

use anyhow::{Context, Result};
use serde::Deserialize;

/// A network interface of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number; it stays the same over a rename.
    pub index: u32,
    /// The present name.
    pub name: String,
    /// Lower case, with colons.
    pub mac: String,
    /// Set up by somebody; says nothing about a carrier.
    pub up: bool,
    /// Bytes.
    pub mtu: u32,
    /// Such as `10.20.0.5/24`, in the kernel's order, without link-local ones.
    pub addresses: Vec<String>,
    /// Whether the kernel has not finished probing an address over it, link-local ones included.
    pub probing: bool,
}

impl Link {
    /// Whether it is up under this name, with this size, and with this address alone.
    #[must_use]
    pub fn is_up_as(&self, name: &str, mtu: u32, address: &str) -> bool {
        (self.name.as_str(), self.up, self.mtu) == (name, true, mtu) && self.addresses == [address]
    }

    /// Decodes what `ip -json address show` prints.
    pub fn parse(json: &str) -> Result<Vec<Self>> {
        let reported: Vec<Reported> = serde_json::from_str(json).context("cannot decode what ip says")?;
        Ok(reported.into_iter().filter(|link| link.link_type == "ether").map(Self::from).collect())
    }
}

#[derive(Deserialize)]
struct Reported {
    ifindex: u32,
    ifname: String,
    link_type: String,
    address: String,
    flags: Vec<String>,
    operstate: String,
    mtu: u32,
    addr_info: Vec<ReportedAddress>,
}

#[derive(Deserialize)]
struct ReportedAddress {
    local: String,
    prefixlen: u8,
    scope: String,
    #[serde(default)]
    tentative: bool,
    #[serde(default)]
    dadfailed: bool,
}

impl From<Reported> for Link {
    fn from(reported: Reported) -> Self {
        Self {
            index: reported.ifindex,
            name: reported.ifname,
            mac: reported.address,
            up: reported.flags.iter().any(|flag| flag == "UP"),
            mtu: reported.mtu,
            // Without a carrier it never ends.
            probing: reported.operstate == "UP"
                && reported.addr_info.iter().any(|address| address.tentative && !address.dadfailed),
            addresses: reported
                .addr_info
                .into_iter()
                .filter(|address| address.scope != "link")
                .map(|address| format!("{}/{}", address.local, address.prefixlen))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Link;

    #[test]
    fn loopback_and_link_local_addresses_are_left_out() {
        let json = r#"[
            {"ifindex":1,"ifname":"lo","link_type":"loopback","address":"00:00:00:00:00:00","flags":["UP"],
             "mtu":65536,"operstate":"UNKNOWN","addr_info":[{"local":"127.0.0.1","prefixlen":8,"scope":"host"}]},
            {"ifindex":3,"ifname":"eth1","link_type":"ether","address":"fa:16:3e:00:00:01","flags":["BROADCAST","UP"],
             "mtu":1450,"operstate":"UP","addr_info":[{"local":"10.0.0.5","prefixlen":24,"scope":"global"},
                                     {"local":"fe80::1","prefixlen":64,"scope":"link","tentative":true}]}]"#;
        assert_eq!(
            Link::parse(json).unwrap(),
            [Link {
                index: 3,
                name: "eth1".to_owned(),
                mac: "fa:16:3e:00:00:01".to_owned(),
                up: true,
                mtu: 1450,
                addresses: vec!["10.0.0.5/24".to_owned()],
                probing: true,
            }]
        );
    }
}
