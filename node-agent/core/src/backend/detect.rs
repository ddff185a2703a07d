//! Which backend a host has, by what is at work on it: never by what it is called, and never by what is only installed.

use std::{collections::BTreeSet, fmt};

use super::{Backend, netplan::Netplan, network_manager::NetworkManager, networkd::Networkd, wicked::Wicked};

/// What configures links while a host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manager {
    /// systemd-networkd.
    Networkd,
    /// `NetworkManager`.
    NetworkManager,
    /// wicked.
    Wicked,
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Networkd => "systemd-networkd",
            Self::NetworkManager => "NetworkManager",
            Self::Wicked => "wicked",
        })
    }
}

/// What configures a host's network at boot; or what is wrong with that, and what would help. `at_work` is what has run
/// since the host booted, and `has_netplan` says whether netplan makes files for it.
pub fn detect(mut at_work: BTreeSet<Manager>, has_netplan: bool) -> Result<&'static dyn Backend, String> {
    if has_netplan && at_work.contains(&Manager::Networkd) {
        // It is written down which links are networkd's, and NetworkManager leaves those alone.
        at_work.remove(&Manager::NetworkManager);
    }
    match at_work.iter().copied().collect::<Vec<_>>().as_slice() {
        [Manager::Networkd] if has_netplan => Ok(&Netplan),
        [Manager::Networkd] => Ok(&Networkd),
        [Manager::NetworkManager] => Ok(&NetworkManager),
        [Manager::Wicked] => Ok(&Wicked),
        [] => {
            let netplan = if has_netplan { ", though netplan is installed" } else { "" };
            Err(format!(
                "none of systemd-networkd, NetworkManager and wicked runs on it as far as the agent sees{netplan}; have one of \
                 them configure its network, and name it in the chart's value agent.backends"
            ))
        }
        several => Err(format!(
            "{} run on it at once, and nobody can tell which of them configures a new NIC at the next boot; disable all \
             but one, and restart the node",
            several.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
        )),
    }
}
