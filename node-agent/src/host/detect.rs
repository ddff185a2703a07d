//! What kind of host this is, from what is really active on it.

use multinic_agent_core::report::HostFacts;
use multinic_crds::{Explanation, Reason};

use crate::host::root::HostRoot;

/// netplan's generators, newest layout first: 1.2, 0.106 to 1.1, older.
const GENERATORS: [&str; 3] =
    ["/usr/libexec/netplan/configure", "/usr/libexec/netplan/generate", "/lib/netplan/generate"];
/// Where a host says what it is, in the order of os-release(5).
const OS_RELEASES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
/// networkd writes it once it runs, and it stays until the next boot; its directory alone
/// comes with the package.
const NETWORKD_STATE: &str = "/run/systemd/netif/state";
/// Another one after every boot.
pub const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// How the host configures its network at boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// netplan, rendering for systemd-networkd.
    Netplan,
    /// Nothing that this version configures, and why.
    Unsupported(Explanation),
}

impl Backend {
    /// The backend that is active on the host.
    #[must_use]
    pub fn detect(root: &HostRoot, os_image: &str) -> Self {
        let generator = generator(root);
        let networkd = root.is_file(NETWORKD_STATE);
        match generator {
            Some(_) if networkd => Self::Netplan,
            found => {
                let missing = if found.is_none() {
                    "netplan is not installed"
                } else {
                    "systemd-networkd is not running"
                };
                Self::Unsupported(Explanation::new(
                    Reason::UnsupportedHost,
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
            Self::Netplan => "netplan",
            Self::Unsupported(_) => "",
        }
    }
}

/// netplan's generator on this host, as it is now: an upgrade may move it.
#[must_use]
pub fn generator(root: &HostRoot) -> Option<&'static str> {
    GENERATORS.into_iter().find(|path| root.is_file(path))
}

/// What never changes while the agent runs.
#[must_use]
pub fn facts(root: &HostRoot) -> HostFacts {
    // A host that does not tell its name gets an agent all the same.
    let name = |path| pretty_name(&String::from_utf8_lossy(&root.read(path).ok()??.ok()?));
    let os_image = OS_RELEASES.into_iter().find_map(name);
    HostFacts {
        os_image: os_image.unwrap_or_else(|| "unknown operating system".to_owned()),
        boot_id: boot_id(root),
        agent_version: multinic_runtime::VERSION,
    }
}

fn pretty_name(os_release: &str) -> Option<String> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    value.map(|text| text.trim_matches(['"', '\'']).to_owned())
}

/// The boot that the node is in, as its kubelet calls it; empty where it cannot be read.
///
/// Not as our own `/proc` has it: on a node that is a container itself that tells the boot of the machine around it.
#[must_use]
pub fn boot_id(root: &HostRoot) -> String {
    root.text(BOOT_ID).ok().flatten().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Every directory that the agent's pod mounts from its host: the runtime makes those that are missing.
    const MOUNTS: [&str; 11] = [
        "/etc/netplan",
        "/etc/network",
        "/run/network",
        "/etc/NetworkManager/system-connections",
        "/run/NetworkManager/system-connections",
        "/run/netplan",
        "/run/systemd/netif",
        "/run/systemd/network",
        "/run/multinic",
        "/var/lib/multinic",
        "/proc/sys/net",
    ];

    fn is_supported(files: &[&str], mounts: &[&str]) -> bool {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path().to_owned());
        for path in files {
            fs::create_dir_all(root.at(path).parent().unwrap()).unwrap();
            fs::write(root.at(path), "").unwrap();
        }
        for path in mounts {
            fs::create_dir_all(root.at(path)).unwrap();
        }
        matches!(Backend::detect(&root, "Test"), Backend::Netplan)
    }

    #[test]
    fn empty_directories_of_our_mounts_decide_nothing() {
        for generator in GENERATORS {
            let debian = [generator, NETWORKD_STATE];
            assert!(is_supported(&debian, &[]) && is_supported(&debian, &MOUNTS), "{generator}");
            assert!(!is_supported(&debian[..1], &MOUNTS), "networkd does not run");
        }
        assert!(!is_supported(&[NETWORKD_STATE], &MOUNTS), "netplan is not installed");
        let sles = ["/etc/sysconfig/network/ifcfg-eth0", "/usr/sbin/wicked"];
        assert!(!is_supported(&sles, &[]) && !is_supported(&sles, &MOUNTS));
    }

    #[test]
    fn directories_where_the_signs_would_be_are_no_signs() {
        assert!(!is_supported(&[], &[GENERATORS[0], GENERATORS[1], GENERATORS[2], NETWORKD_STATE]));
    }

    #[test]
    fn a_host_is_called_what_its_os_release_says_wherever_that_is() {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path().to_owned());
        let os_image = || facts(&root).os_image;
        assert_eq!(os_image(), "unknown operating system");
        for (path, name) in [("/usr/lib/os-release", "Debian 12"), ("/etc/os-release", "Ours")] {
            fs::create_dir_all(root.at(path).parent().unwrap()).unwrap();
            fs::write(root.at(path), format!("ID=debian\nPRETTY_NAME=\"{name}\"\n")).unwrap();
            assert_eq!(os_image(), name);
        }
    }
}
