//! What kind of host this is, from what is really active on it.

use std::path::Path;

use crate::{
    host::{
        files::{self, FileError},
        root::HostRoot,
    },
    plan::Refusal,
    status::HostFacts,
};

/// netplan's generators, newest layout first: 1.2, 0.106 to 1.1, older.
const GENERATORS: [&str; 3] =
    ["/usr/libexec/netplan/configure", "/usr/libexec/netplan/generate", "/lib/netplan/generate"];
/// networkd writes it once it runs, and it stays until the next boot; its directory alone
/// comes with the package.
const NETWORKD_STATE: &str = "/run/systemd/netif/state";

/// How the host configures its network at boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// netplan, rendering for systemd-networkd.
    Netplan {
        /// Its generator binary, on the host.
        generator: &'static str,
    },
    /// Nothing that this version configures, and why.
    Unsupported(Refusal),
}

impl Backend {
    /// The backend that is active on the host.
    #[must_use]
    pub fn detect(root: &HostRoot, os_image: &str) -> Self {
        let generator = GENERATORS.into_iter().find(|path| root.is_file(path));
        let networkd = root.is_file(NETWORKD_STATE);
        match generator {
            Some(generator) if networkd => Self::Netplan { generator },
            found => {
                let missing = if found.is_none() {
                    "netplan is not installed"
                } else {
                    "systemd-networkd is not running"
                };
                Self::Unsupported(Refusal::new(
                    "UnsupportedHost",
                    format!(
                        "{missing} on this node ({os_image}); NICs are managed on hosts with netplan and systemd-networkd"
                    ),
                ))
            }
        }
    }

    /// The word in status.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Netplan { .. } => "netplan",
            Self::Unsupported(_) => "",
        }
    }
}

/// What never changes while the agent runs, and the backend.
pub fn survey(root: &HostRoot) -> Result<(HostFacts, Backend), FileError> {
    let os_image = match files::read(root, "/etc/os-release")? {
        Some(text) => pretty_name(&text),
        None => "unknown operating system".to_owned(),
    };
    let backend = Backend::detect(root, &os_image);
    let facts = HostFacts { backend: backend.name().to_owned(), os_image, boot_id: boot_id() };
    Ok((facts, backend))
}

fn pretty_name(os_release: &str) -> String {
    let value = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    value.map_or_else(
        || "unknown operating system".to_owned(),
        |text| text.trim_matches(['"', '\'']).to_owned(),
    )
}

/// The kernel's boot id; empty where it cannot be read.
fn boot_id() -> String {
    let text = std::fs::read_to_string(Path::new("/proc/sys/kernel/random/boot_id"));
    text.map(|id| id.trim().to_owned()).unwrap_or_default()
}
