//! Which backend a host has, by what is at work on it: never by what it is called, and never by what is only installed.

use super::{Backend, netplan::Netplan, networkd::Networkd, wicked::Wicked};

/// What was found on a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs {
    /// netplan's generator is installed, so that it makes files for whatever configures links.
    pub netplan: bool,
    /// systemd-networkd has run since the host booted.
    pub networkd: bool,
    /// wicked has run since the host booted.
    pub wicked: bool,
}

impl Signs {
    /// What configures the host's network at boot; or what is wrong with that, and what would help.
    pub fn backend(self) -> Result<&'static dyn Backend, String> {
        let at_work = [(self.networkd, "systemd-networkd"), (self.wicked, "wicked")];
        let at_work: Vec<_> =
            at_work.iter().filter(|(is_at_work, _)| *is_at_work).map(|(_, name)| *name).collect();
        match at_work.as_slice() {
            ["systemd-networkd"] if self.netplan => Ok(&Netplan),
            ["systemd-networkd"] => Ok(&Networkd),
            ["wicked"] => Ok(&Wicked),
            [] => {
                let netplan = if self.netplan { ", though netplan is installed" } else { "" };
                Err(format!(
                    "neither systemd-networkd nor wicked runs on it{netplan}; have one of them configure its network"
                ))
            }
            several => Err(format!(
                "{} run on it at once, and nobody can tell which of them configures a new NIC at the next boot; disable \
                 all but one, and restart the node",
                several.join(" and ")
            )),
        }
    }
}
