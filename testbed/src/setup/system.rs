//! What hosts nodes are made of, as data: a release, what configures the network on it, and how that is told of the
//! uplink.

use std::net::Ipv4Addr;

use crate::sandbox::fabric::GATEWAY;

/// One kind of host.
#[derive(Debug)]
pub struct System {
    /// What tests call it.
    pub name: &'static str,
    /// The release of the distribution, by its codename; this host's own where there is none.
    pub(crate) codename: Option<&'static str>,
    /// What is installed, beside what every node has.
    pub(crate) packages: &'static str,
    /// The units that are enabled.
    pub(crate) enabled: &'static [&'static str],
    /// The files that configure the uplink `eth0` with an address.
    pub(crate) uplink: fn(Ipv4Addr) -> Vec<File>,
}

/// A file on a node.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) mode: u32,
    pub(crate) text: String,
}

/// Every kind of host that the walk of the stories is taken on.
pub const SYSTEMS: [&System; 4] = [&BULLSEYE, &BOOKWORM, &TRIXIE, &NETWORKD];

/// netplan and networkd, of this host's own release.
pub static NETPLAN: System = netplan("netplan", None);
/// Debian 11: netplan 0.101.
pub static BULLSEYE: System = netplan("bullseye", Some("bullseye"));
/// Debian 12: netplan 0.106.
pub static BOOKWORM: System = netplan("bookworm", Some("bookworm"));
/// Debian 13: netplan 1.1.2.
pub static TRIXIE: System = netplan("trixie", Some("trixie"));
/// networkd alone.
pub static NETWORKD: System = System {
    name: "networkd",
    codename: None,
    packages: "",
    enabled: &["systemd-networkd"],
    uplink: |address| {
        let text = format!(
            "[Match]\nName=eth0\n\n[Network]\nAddress={address}/24\nGateway={GATEWAY}\nLinkLocalAddressing=no\n\
             IPv6AcceptRA=no\n"
        );
        vec![File { path: "etc/systemd/network/20-eth0.network", mode: 0o644, text }]
    },
};

const fn netplan(name: &'static str, codename: Option<&'static str>) -> System {
    System {
        name,
        codename,
        packages: "netplan.io",
        enabled: &["systemd-networkd"],
        // The file and its name are cloud-init's: for the agent they are foreign.
        uplink: |address| {
            let text = format!(
                "network:\n  version: 2\n  ethernets:\n    eth0:\n      match: {{name: eth0}}\n      \
                 addresses: [{address}/24]\n      routes: [{{to: 0.0.0.0/0, via: {GATEWAY}}}]\n      \
                 link-local: []\n      accept-ra: false\n"
            );
            vec![File { path: "etc/netplan/50-cloud-init.yaml", mode: 0o600, text }]
        },
    }
}
