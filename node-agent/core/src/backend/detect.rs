//! Which backend a host has, by what is at work on it: never by what it is called, and never by what is only installed.

use super::{Backend, netplan::Netplan, networkd::Networkd};

/// What was found on a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs {
    /// netplan's generator is installed, so that it makes files for whatever configures links.
    pub netplan: bool,
    /// systemd-networkd has run since the host booted.
    pub networkd: bool,
}

impl Signs {
    /// What configures the host's network at boot; or what is wrong with that, and what would help.
    pub fn backend(self) -> Result<&'static dyn Backend, String> {
        match self {
            Self { netplan: true, networkd: true } => Ok(&Netplan),
            Self { netplan: false, networkd: true } => Ok(&Networkd),
            Self { netplan: true, networkd: false } => {
                Err(unsupported("netplan is installed, but systemd-networkd is not running"))
            }
            Self { netplan: false, networkd: false } => Err(unsupported("systemd-networkd is not running")),
        }
    }
}

fn unsupported(found: &str) -> String {
    format!("{found}; NICs are managed on hosts with systemd-networkd, with netplan or without")
}
