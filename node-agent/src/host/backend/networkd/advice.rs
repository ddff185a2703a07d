//! A setting of networkd that other software on the node suffers from, with multinic or without.

use std::collections::BTreeMap;

use multinic_agent_core::{
    backend::{Backend, netplan::Netplan, networkd::Networkd},
    parse::foreign::networkd_setting,
};

use crate::host::{
    reading::{FileError, list, read},
    root::HostRoot,
};

/// Read first, the earlier only where the later ones are not there.
const MAIN: [&str; 2] = ["/usr/lib/systemd/networkd.conf", "/etc/systemd/networkd.conf"];
/// A file in a later one hides its namesake in an earlier one.
const DROP_INS: [&str; 3] = [
    "/usr/lib/systemd/networkd.conf.d",
    "/usr/local/lib/systemd/networkd.conf.d",
    "/etc/systemd/networkd.conf.d",
];

/// Whether on a host with this `backend` networkd removes the routing rules of others, such as a CNI's, whenever it
/// configures a link.
pub(crate) fn removes_rules(root: &HostRoot, backend: &str) -> Result<bool, FileError> {
    if ![Netplan.name(), Networkd.name()].contains(&backend) {
        return Ok(false);
    }
    let mut files = Vec::new();
    for path in MAIN.iter().rev() {
        if let Some(Ok(text)) = read(root, path)? {
            files.push(text);
            break;
        }
    }
    let mut drop_ins = BTreeMap::new();
    for directory in DROP_INS {
        for (path, text) in list(root, directory, ".conf")? {
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            drop_ins.extend(text.ok().map(|text| (name, text)));
        }
    }
    files.extend(drop_ins.into_values());
    let value = networkd_setting(&files, "Network", "ManageForeignRoutingPolicyRules");
    let no = ["no", "n", "false", "f", "0", "off"];
    Ok(!value.is_some_and(|value| no.iter().any(|no| value.eq_ignore_ascii_case(no))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::host;

    #[test]
    fn rules_are_removed_unless_the_host_says_otherwise() {
        const NO: &str = "[Network]\nManageForeignRoutingPolicyRules=no\n";
        const YES: &str = "[Network]\nManageForeignRoutingPolicyRules=yes\n";
        for (files, removes) in [
            (&[][..], true),
            (&[("/etc/systemd/networkd.conf", NO)], false),
            (&[("/usr/lib/systemd/networkd.conf", NO), ("/etc/systemd/networkd.conf", "[Network]\n")], true),
            (&[("/etc/systemd/networkd.conf.d/10-cni.conf", NO)], false),
            (
                &[
                    ("/usr/lib/systemd/networkd.conf.d/10-cni.conf", NO),
                    ("/etc/systemd/networkd.conf.d/10-cni.conf", YES),
                ],
                true,
            ),
            (
                &[("/usr/lib/systemd/networkd.conf.d/10-cni.conf", NO), ("/etc/systemd/networkd.conf", YES)],
                false,
            ),
        ] {
            let (_directory, root) = host(files);
            assert_eq!(removes_rules(&root, "netplan").unwrap(), removes, "{files:?}");
            assert!(!removes_rules(&root, "wicked").unwrap());
        }
    }
}
