//! `ifcfg-*` files, which are read as shells read them: wicked's (SUSE), and those of the Red Hat family, which
//! `NetworkManager` still reads where its plugin is there.
//!
//! Each of the two has keys that the other one does not know, and new releases get new ones. So a link is meant by
//! whatever value has its name in it.

use super::{
    definition::{Definition, Matcher, SourceFile},
    words::{Macs, Words},
};

/// What every reader takes for no configuration.
const IGNORED: [&str; 4] = ["~", ".bak", ".orig", ".rpmnew"];
/// What wicked ignores beside that, and `NetworkManager` does not.
const IGNORED_BY_WICKED: [&str; 4] = [".old", ".scpmbackup", ".rpmsave", ".rpmorig"];
const WICKED: &str = "/etc/sysconfig/network/";
/// The beginnings of keys whose values name links: they may name any where a shell might make something else of them.
const LINKS: [&str; 16] = [
    "BONDING_SLAVE",
    "BRIDGE_PORTS",
    "DEVICE",
    "ETHERDEVICE",
    "HWADDR",
    "IPOIB_DEVICE",
    "IPVLAN_DEVICE",
    "IPVTAP_DEVICE",
    "MACVLAN_DEVICE",
    "MACVTAP_DEVICE",
    "MASTER",
    "OVS_BRIDGE",
    "PHYSDEV",
    "TEAM_PORT_DEVICE",
    "TUNNEL_DEVICE",
    "VXLAN_DEVICE",
];
/// What people call a configuration.
const LABEL: &str = "NAME";

/// The definition in an `ifcfg-*` file: of the link that it is called after, or that it names in any way.
///
/// An empty one configures its link too, and so does one that is masked by a link to `/dev/null`.
#[must_use]
pub fn ifcfg(file: &SourceFile) -> Option<Definition> {
    let name = file.path.rsplit('/').next()?.strip_prefix("ifcfg-")?;
    let of_wicked = file.path.starts_with(WICKED);
    let ignored = IGNORED.into_iter().chain(IGNORED_BY_WICKED.into_iter().filter(|_| of_wicked));
    if name.is_empty() || ignored.into_iter().any(|ending| name.ends_with(ending)) {
        return None;
    }
    let Some(assignments) = assignments(&file.text) else {
        return Some(Definition::new(&file.path, vec![Matcher::default()]));
    };
    let values = assignments.iter().filter(|(key, _)| *key != LABEL).map(|(_, value)| value.as_str());
    let named = [name].into_iter().chain(values).flat_map(names);
    let mut matchers = vec![Matcher::named(Words::exactly(named))];
    if let Some((_, mac)) =
        assignments.iter().rev().find(|(key, value)| *key == "HWADDR" && !value.is_empty())
    {
        matchers.push(Matcher { macs: vec![Macs::one(mac)], ..Matcher::default() });
    }
    let mut definition = Definition::new(&file.path, matchers);
    definition.claimed_names.extend([name.to_owned()]);
    Some(definition)
}

/// All that may be the name of a link in `value`. One called `eth1.5` is made of `eth1`, with nothing that says so.
fn names(value: &str) -> impl Iterator<Item = &str> {
    let odd = |c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c);
    let words = value.split_whitespace().chain(value.split(odd)).filter(|word| !word.is_empty());
    words.flat_map(|word| [word].into_iter().chain(word.split_once('.').map(|(lower, _)| lower)))
}

/// Every `KEY=value`; none where a shell might make another one of the text that names a link.
fn assignments(text: &str) -> Option<Vec<(&str, String)>> {
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let (key, value) = line.split_once('=')?;
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
        let names = LINKS.iter().any(|link| key.starts_with(link));
        match plain(value) {
            Some(value) => found.push((key, value)),
            None if names => return None,
            None => found.push((key, value.to_owned())),
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
            (OWN, "", true),
            (OTHER, "STARTMODE=auto\n", false),
            (OTHER, "BRIDGE='yes'\nBRIDGE_PORTS='eth0 eth1'\n", true),
            (OTHER, "BRIDGE='yes'\nBRIDGE_PORTS='eth0 eth2'\n", false),
            (OTHER, "BONDING_SLAVE_0=\"eth1\" # the first\n", true),
            (OTHER, "ETHERDEVICE=eth1\n", true),
            (OTHER, "ETHERDEVICE=$LOWER\n", true),
            (OTHER, "NAME='it''s mine'\nETHERDEVICE=eth2\n", false),
            (OTHER, ". /etc/other\n", true),
            (OTHER, "export ETHERDEVICE=eth1\r\n", true),
            (OTHER, "MACVTAP_DEVICE=eth1\n", true),
            (OTHER, "IPVLAN=yes\nIPVLAN_DEVICE='eth1'\n", true),
            (OTHER, "SOMETHING_NEW=\"eth0,eth1\"\n", true),
            (OTHER, "BONDING_MODULE_OPTS='mode=1 primary=eth1'\n", true),
            (OTHER, "BRIDGE_PORTS='!eth2 eth1'\n", true),
            (OTHER, "BRIDGE_PORTS='!eth2 e*'\n", false),
            (OTHER, "NAME='eth1 of old'\nVLAN_ID=5\nMTU=9000\nIPADDR='10.0.0.1/24'\n", false),
            ("/etc/sysconfig/network/ifcfg-eth1.8001", "IPOIB_MODE=connected\n", true),
            (OWN, "DEVICE=eth0\n", true),
            ("/etc/sysconfig/network-scripts/ifcfg-Wired", "DEVICE=eth1\nONBOOT=yes\n", true),
            ("/etc/sysconfig/network-scripts/ifcfg-vlan", "VLAN=yes\nDEVICE=eth1.5\n", true),
            ("/etc/sysconfig/network-scripts/ifcfg-eth1.rpmsave", "DEVICE=eth1\n", true),
            ("/etc/sysconfig/network-scripts/ifcfg-eth1.bak", "DEVICE=eth1\n", false),
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
