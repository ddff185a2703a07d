//! Which backend a host has, from what is really active on it.

use multinic_agent_core::backend::{Backend, netplan::Netplan};
use multinic_crds::{Explanation, Reason};

use super::netplan;
use crate::host::{facts::os_image, root::HostRoot};

/// networkd writes it once it runs, and it stays until the next boot; its directory alone
/// comes with the package.
const NETWORKD_STATE: &str = "/run/systemd/netif/state";

/// What configures the host's network at boot; or why nothing does that this version knows.
pub fn detect(root: &HostRoot) -> Result<&'static dyn Backend, Explanation> {
    let networkd = root.is_file(NETWORKD_STATE);
    let missing = match netplan::is_installed(root) {
        true if networkd => return Ok(&Netplan),
        true => "systemd-networkd is not running",
        false => "netplan is not installed",
    };
    Err(Explanation::new(
        Reason::UnsupportedHost,
        format!(
            "{missing} on this node ({}); NICs are managed on hosts with netplan and systemd-networkd",
            os_image(root)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const GENERATORS: [&str; 3] =
        ["/usr/libexec/netplan/configure", "/usr/libexec/netplan/generate", "/lib/netplan/generate"];

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
        detect(&root).is_ok_and(|backend| backend.name() == "netplan")
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
}
