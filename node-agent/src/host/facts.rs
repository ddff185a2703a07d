//! What a host says of itself.

use multinic_agent_core::report::HostFacts;

use crate::host::root::HostRoot;

/// Where a host says what it is, in the order of os-release(5).
const OS_RELEASES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
/// Another one after every boot.
pub const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What never changes while the agent runs.
#[must_use]
pub fn facts(root: &HostRoot) -> HostFacts {
    HostFacts { os_image: os_image(root), boot_id: boot_id(root), agent_version: multinic_runtime::VERSION }
}

/// The name of the host's operating system. A host that does not tell it gets an agent all the same.
pub(super) fn os_image(root: &HostRoot) -> String {
    let name = |path| pretty_name(&String::from_utf8_lossy(&root.read(path).ok()??.ok()?));
    OS_RELEASES.into_iter().find_map(name).unwrap_or_else(|| "unknown operating system".to_owned())
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

    #[test]
    fn a_host_is_called_what_its_os_release_says_wherever_that_is() {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path().to_owned());
        assert_eq!(os_image(&root), "unknown operating system");
        for (path, name) in [("/usr/lib/os-release", "Debian 12"), ("/etc/os-release", "Ours")] {
            fs::create_dir_all(root.at(path).parent().unwrap()).unwrap();
            fs::write(root.at(path), format!("ID=debian\nPRETTY_NAME=\"{name}\"\n")).unwrap();
            assert_eq!(os_image(&root), name);
        }
    }
}
