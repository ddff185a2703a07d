//! Keyfiles of `NetworkManager`: one connection each.

use super::{
    definition::{Definition, Matcher, SourceFile},
    words::{Macs, Words},
};

/// Kinds of connection that make a link of their own, or are for no Ethernet device.
const OTHER_KINDS: [&str; 23] = [
    "802-11-olpc-mesh",
    "802-11-wireless",
    "bluetooth",
    "bond",
    "bridge",
    "cdma",
    "dummy",
    "gsm",
    "infiniband",
    "ip-tunnel",
    "loopback",
    "macvlan",
    "team",
    "tun",
    "veth",
    "vlan",
    "vpn",
    "vrf",
    "vxlan",
    "wifi",
    "wifi-p2p",
    "wimax",
    "wireguard",
];

/// The definition in a keyfile.
#[must_use]
pub fn keyfile(file: &SourceFile) -> Option<Definition> {
    // Masked, as by a link to /dev/null.
    if file.text.is_empty() || describes_only(file) {
        return None;
    }
    let (mut names, mut macs) = (Words::default(), Macs::default());
    let (mut id, mut kind, mut parent) = (None, None, None);
    let mut group = "";
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    for line in text.split('\n').map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            group = name;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim_start();
        match (group, key.trim_end()) {
            ("connection", "id") => id = Some(value),
            ("connection", "type") => kind = Some(value),
            // The last one counts, and an empty one says nothing.
            ("connection", "interface-name") => {
                names = if value.is_empty() { Words::default() } else { Words::one(value) };
            }
            ("ethernet" | "802-3-ethernet", "mac-address") => {
                macs = if value.is_empty() { Macs::default() } else { Macs::one(value) };
            }
            (_, "parent") => parent = Some(value),
            _ => {}
        }
    }
    let matcher = Matcher { names, macs: vec![macs], ..Matcher::default() };
    let made = kind.is_some_and(|kind| OTHER_KINDS.contains(&kind));
    let mut matchers = Vec::new();
    if !made || !matcher.names.is_empty() {
        matchers.push(matcher);
    }
    // By name, by MAC address or by the id of another connection.
    matchers.extend(parent.filter(|_| made).map(|parent| Matcher::named(Words::one(parent))));
    let mut definition = Definition::new(&file.path, matchers);
    definition.id = id.map(str::to_owned);
    Some(definition)
}

/// Whether `NetworkManager` wrote it, to have a name for what it found on a link that somebody else configured: it does
/// nothing to that link, and takes the file away with it.
fn describes_only(file: &SourceFile) -> bool {
    let is_told = |word: &str| {
        let (_, group) = file.text.rsplit_once("[.nmmeta]").unwrap_or_default();
        group.lines().any(|line| line.trim() == word)
    };
    file.path.starts_with("/run/")
        && (is_told("external=true") || (is_told("nm-generated=true") && is_told("volatile=true")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::covered;

    #[test]
    fn what_networkmanager_only_describes_is_configured_by_nobody() {
        let text = "[connection]\nid=multinic2\ntype=ethernet\ninterface-name=eth1\n\n[.nmmeta]\n";
        for (directory, meta, expected) in [
            ("/run", "nm-generated=true\nvolatile=true\nexternal=true\n", false),
            ("/run", "external=true\n", false),
            ("/run", "nm-generated=true\nvolatile=true\n", false),
            ("/run", "nm-generated=true\n", true),
            ("/run", "", true),
            ("/etc", "external=true\n", true),
        ] {
            let path = format!("{directory}/NetworkManager/system-connections/eth1.nmconnection");
            let file = SourceFile { path, text: format!("{text}{meta}") };
            let definitions: Vec<_> = keyfile(&file).into_iter().collect();
            assert_eq!(covered(&definitions, "eth1", "fa:16:3e:00:00:01"), expected, "{file:?}");
        }
    }

    #[test]
    fn connections_cover_the_ethernet_devices_that_they_may_take() {
        for (text, expected) in [
            ("[connection]\nid=x\ntype=ethernet\n", true),
            ("[connection]\ntype=ethernet\ninterface-name=eth1\n", true),
            ("[connection]\ntype=ethernet\ninterface-name=eth2\n", false),
            ("[connection]\ntype=802-3-ethernet\ninterface-name=\n", true),
            ("[connection]\ninterface-name=eth2\ninterface-name=eth1\n", true),
            ("[connection]\ntype=ethernet\n[ethernet]\nmac-address=FA:16:3E:00:00:01\n", true),
            ("[connection]\ntype=ethernet\n[ethernet]\nmac-address=FA:16:3E:00:00:02\n", false),
            ("[connection]\ntype=ethernet\n[802-3-ethernet]\nmac-address=250;22;62;0;0;1;\n", true),
            ("[connection]\ntype=ethernet\n[match]\ninterface-name=ens*;\n", true),
            ("[connection]\ntype=ethernet\ninterface-name=e\\th2\n", true),
            ("[connection]\ntype=ethernet\nautoconnect=false\ninterface-name=eth1\n", true),
            ("[connection]\ntype=pppoe\n", true),
            ("[connection]\ntype=something-new\n", true),
            ("", false),
            ("[connection]\ntype=wifi\n", false),
            ("[connection]\ntype=bridge\ninterface-name=br0\n", false),
            ("[connection]\ntype=vlan\ninterface-name=v7\n[vlan]\nparent=eth1\n", true),
            ("[connection]\ntype=vlan\ninterface-name=v7\n[vlan]\nparent=eth2\n", false),
            ("\u{feff}[connection]\n#interface-name=eth1\ntype=ethernet\r\ninterface-name=eth2\r\n", false),
        ] {
            let path = "/etc/NetworkManager/system-connections/x.nmconnection".to_owned();
            let definitions: Vec<_> =
                keyfile(&SourceFile { path, text: text.to_owned() }).into_iter().collect();
            assert_eq!(covered(&definitions, "eth1", "fa:16:3e:00:00:01"), expected, "{text:?}");
        }
    }
}
