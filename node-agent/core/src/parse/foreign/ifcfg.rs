//! `ifcfg-*` files, which are read as shells read them: wicked's (SUSE), and those of the Red Hat family, which
//! `NetworkManager` still reads where its plugin is there.

use super::{
    definition::{Definition, Matcher, SourceFile},
    words::{Macs, Words},
};

/// What wicked and the Red Hat family's scripts take for no configuration.
const IGNORED: [&str; 8] = ["~", ".old", ".bak", ".orig", ".scpmbackup", ".rpmnew", ".rpmsave", ".rpmorig"];
/// Keys by which an interface is made of others, which are named in the value.
const OTHERS: [&str; 11] = [
    "BONDING_SLAVE",
    "BRIDGE_PORTS",
    "ETHERDEVICE",
    "MACVLAN_DEVICE",
    "MASTER",
    "OVS_BRIDGE_PORT_DEVICE",
    "PHYSDEV",
    "TEAM_PORT_DEVICE",
    "TUNNEL_DEVICE",
    "VLAN_DEVICE",
    "VXLAN_DEVICE",
];

/// The definition in an `ifcfg-*` file: of the link that it is called after, or that it names by `DEVICE` or `HWADDR`,
/// and of those that are made part of it.
#[must_use]
pub fn ifcfg(file: &SourceFile) -> Option<Definition> {
    let name = file.path.rsplit('/').next()?.strip_prefix("ifcfg-")?;
    if IGNORED.iter().any(|ending| name.ends_with(ending)) || file.text.is_empty() {
        return None;
    }
    let Some(assignments) = assignments(&file.text) else {
        return Some(Definition::new(&file.path, vec![Matcher::default()]));
    };
    let value = |key: &str| {
        let found = assignments.iter().rev().find(|(found, _)| *found == key)?;
        Some(found.1.as_str()).filter(|value| !value.is_empty())
    };
    let mut matchers = Vec::new();
    if let Some(mac) = value("HWADDR") {
        matchers.push(Matcher { macs: vec![Macs::one(mac)], ..Matcher::default() });
    }
    // The link has the name of the file, where nothing else is said.
    matchers.push(Matcher::named(Words::one(value("DEVICE").unwrap_or(name))));
    for (key, value) in &assignments {
        if OTHERS.iter().any(|other| key.starts_with(other)) {
            matchers.push(Matcher::named(Words::list(value)));
        }
    }
    let mut definition = Definition::new(&file.path, matchers);
    definition.claimed_names.extend([name.to_owned()]);
    Some(definition)
}

/// Every `KEY=value`; none where a shell might make anything else of the text.
fn assignments(text: &str) -> Option<Vec<(&str, String)>> {
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let (key, value) = line.split_once('=')?;
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
        // Whatever it stands for, it names a link in no other key than these.
        let names = OTHERS.iter().any(|other| key.starts_with(other)) || matches!(key, "DEVICE" | "HWADDR");
        match plain(value) {
            Some(value) => found.push((key, value)),
            None if names => return None,
            None => {}
        }
    }
    Some(found)
}

/// The value without its quotes; none where it is more than a plain word or a quoted text.
fn plain(value: &str) -> Option<String> {
    let value = value.trim_start();
    let text = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let (text, rest) = value[1..].split_once(quote)?;
            let rest = rest.trim_start();
            (rest.is_empty() || rest.starts_with('#')).then_some(text)?
        }
        _ => value.split_once(" #").map_or(value, |(text, _)| text).trim_end(),
    };
    (!text.contains(['$', '`', '\\', '"', '\''])).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::covered;

    fn definition(path: &str, text: &str) -> Vec<Definition> {
        ifcfg(&SourceFile { path: path.to_owned(), text: text.to_owned() }).into_iter().collect()
    }

    #[test]
    fn a_file_covers_the_link_that_it_is_called_after_and_those_that_it_is_made_of() {
        const OWN: &str = "/etc/sysconfig/network/ifcfg-eth1";
        const OTHER: &str = "/etc/sysconfig/network/ifcfg-br0";
        for (path, text, expected) in [
            (OWN, "STARTMODE='auto'\nBOOTPROTO='dhcp'\n", true),
            (OWN, "# nothing\n", true),
            (OWN, "", false),
            (OTHER, "STARTMODE=auto\n", false),
            (OTHER, "BRIDGE='yes'\nBRIDGE_PORTS='eth0 eth1'\n", true),
            (OTHER, "BRIDGE='yes'\nBRIDGE_PORTS='eth0 eth2'\n", false),
            (OTHER, "BONDING_SLAVE_0=\"eth1\" # the first\n", true),
            (OTHER, "ETHERDEVICE=eth1\n", true),
            (OTHER, "ETHERDEVICE=$LOWER\n", true),
            (OTHER, "NAME='it''s mine'\nETHERDEVICE=eth2\n", false),
            (OTHER, ". /etc/other\n", true),
            (OTHER, "export ETHERDEVICE=eth1\r\n", true),
            ("/etc/sysconfig/network-scripts/ifcfg-Wired", "DEVICE=eth1\nONBOOT=yes\n", true),
            ("/etc/sysconfig/network-scripts/ifcfg-eth1", "DEVICE=eth0\n", false),
            ("/etc/sysconfig/network-scripts/ifcfg-Wired", "HWADDR=FA:16:3E:00:00:01\n", true),
            ("/etc/sysconfig/network-scripts/ifcfg-Wired", "HWADDR=FA:16:3E:00:00:02\n", false),
            ("/etc/sysconfig/network/ifcfg-eth1.rpmsave", "STARTMODE=auto\n", false),
            ("/etc/sysconfig/network/ifroute-eth1", "default 10.0.0.1\n", false),
        ] {
            let found = covered(&definition(path, text), "eth1", "fa:16:3e:00:00:01");
            assert_eq!(found, expected, "{path} {text:?}");
        }
    }

    #[test]
    fn a_file_for_a_name_of_ours_claims_it() {
        assert!(
            definition("/etc/sysconfig/network/ifcfg-multinic3", "STARTMODE=auto\n")[0].claims("multinic3")
        );
    }
}
