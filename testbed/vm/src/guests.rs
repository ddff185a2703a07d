//! The virtual machines that there are, and what stories on each of them need.

use std::path::Path;
use std::sync::OnceLock;

use anyhow::Result;
use multinic_testbed::setup::system::{BOOKWORM, NETWORKD, TRIXIE};
use multinic_testbed::{GATEWAY, More, Needs, UPLINK};

use crate::board::Board;
use crate::guest::{ADDRESS, Guest, UPLINK_MAC};
use crate::setup;

/// Every kind of machine that the walk is taken on, and what that needs.
pub const GUESTS: [(&Guest, Needs); 3] = [
    (&DEBIAN_12, needs(|| setup::ensure(&DEBIAN_12))),
    (&DEBIAN_13, needs(|| setup::ensure(&DEBIAN_13))),
    (&DEBIAN_NETWORKD, needs(|| setup::ensure(&DEBIAN_NETWORKD))),
];

static DEBIAN_12: Guest = Guest {
    name: "debian_12_netplan",
    matched_by: "PermanentMACAddress",
    system: &BOOKWORM,
    board: Board::Pc,
    uplink: netplan,
};
static DEBIAN_13: Guest = Guest {
    name: "debian_13_netplan",
    matched_by: "PermanentMACAddress",
    system: &TRIXIE,
    board: Board::Q35,
    uplink: netplan,
};
static DEBIAN_NETWORKD: Guest = Guest {
    name: "networkd",
    matched_by: "MACAddress",
    system: &NETWORKD,
    board: Board::Pc,
    uplink: networkd,
};

const fn needs(ensure: fn() -> Result<()>) -> Needs {
    Needs::More(More { obstacle, ensure })
}

/// Says why virtual machines cannot run here, or nothing when they can.
fn obstacle() -> Option<&'static str> {
    static OBSTACLE: OnceLock<Option<String>> = OnceLock::new();
    OBSTACLE.get_or_init(find_obstacle).as_deref()
}

fn find_obstacle() -> Option<String> {
    if std::env::consts::ARCH != "x86_64" {
        return Some(
            "virtual machines are of x86_64, and run the agent that is built on this host".to_owned(),
        );
    }
    if !Path::new("/dev/net/tun").exists() {
        return Some("/dev/net/tun is missing: NICs of virtual machines are tap devices here".to_owned());
    }
    setup::ensure_tools().err().map(|error| format!("QEMU cannot be had here: {error:#}"))
}

/// As cloud-init writes it: for the agent it is foreign.
fn netplan() -> Vec<(&'static str, String)> {
    let text = format!(
        "network:\n  version: 2\n  ethernets:\n    {UPLINK}:\n      match: {{macaddress: \"{UPLINK_MAC}\"}}\n      \
         set-name: {UPLINK}\n      addresses: [{ADDRESS}/24]\n      \
         routes: [{{to: 0.0.0.0/0, via: {GATEWAY}}}]\n      link-local: []\n      accept-ra: false\n"
    );
    vec![("etc/netplan/50-cloud-init.yaml", text)]
}

fn networkd() -> Vec<(&'static str, String)> {
    let link = format!("[Match]\nPermanentMACAddress={UPLINK_MAC}\n\n[Link]\nName={UPLINK}\n");
    let network = format!(
        "[Match]\nPermanentMACAddress={UPLINK_MAC}\n\n[Network]\nAddress={ADDRESS}/24\nGateway={GATEWAY}\n\
         LinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    );
    vec![("etc/systemd/network/20-uplink.link", link), ("etc/systemd/network/20-uplink.network", network)]
}
