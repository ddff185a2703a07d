//! Configuration that others wrote: which links it speaks of.
//!
//! Wherever a file cannot be understood, it is taken to speak of every link:
//! refusing a NIC is cheap, fighting its owner is not.

use glob::Pattern;
use multinic_crds::MacAddress;
use serde_json::Value;

use crate::link::{Link, LinkKind};

/// A file, by its path on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it lies on the host.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// One definition of a link in somebody else's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The file.
    pub source: String,
    /// The names that it gives to links, or goes by.
    claimed_names: Vec<String>,
    matcher: Matcher,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Matcher {
    /// Any of these, where there is one.
    names: Vec<Pattern>,
    /// None of these.
    not_names: Vec<Pattern>,
    /// Any of these, where there is one.
    macs: Vec<String>,
    ethernet: Option<bool>,
}

impl Definition {
    /// Whether this may configure `link`.
    #[must_use]
    pub fn covers(&self, link: &Link) -> bool {
        self.matcher.matches(link)
    }

    /// Whether this defines a link called `name`, there or not.
    #[must_use]
    pub fn claims(&self, name: &str) -> bool {
        self.claimed_names.iter().any(|claimed| claimed == name)
    }

    /// A file of which nothing is known, so that it may define anything.
    #[must_use]
    pub fn unreadable(path: &str, error: &str) -> Self {
        Self {
            source: format!("{path} (unreadable: {error})"),
            claimed_names: Vec::new(),
            matcher: Matcher::default(),
        }
    }
}

impl Matcher {
    fn named(name: &str) -> Self {
        Self { names: patterns([name]), ..Self::default() }
    }

    fn matches(&self, link: &Link) -> bool {
        let named = |pattern: &Pattern| pattern.matches(&link.name);
        let is = |mac: &MacAddress| self.macs.iter().any(|text| text.parse() == Ok(*mac));
        let any_name = self.names.is_empty() || self.names.iter().any(named);
        let any_mac = self.macs.is_empty() || link.mac.iter().chain(&link.permanent_mac).any(is);
        let type_fits = self.ethernet.is_none_or(|ethernet| ethernet == (link.kind != LinkKind::NotEthernet));
        any_name && any_mac && type_fits && !self.not_names.iter().any(named)
    }
}

/// An empty list stands for "any name", also where a pattern is not well-formed.
fn patterns<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Pattern> {
    texts.into_iter().map(Pattern::new).collect::<Result<_, _>>().unwrap_or_default()
}

/// The definitions of a netplan file.
#[must_use]
pub fn netplan(file: &SourceFile) -> Vec<Definition> {
    let document: Value = match serde_saphyr::from_str(&file.text) {
        Ok(document) => document,
        Err(error) => return vec![Definition::unreadable(&file.path, &first_line(&error.to_string()))],
    };
    let Some(network) = document.get("network").and_then(Value::as_object) else { return Vec::new() };
    let groups = network.values().filter_map(Value::as_object);
    groups.flatten().map(|(id, body)| netplan_definition(&file.path, id, body)).collect()
}

fn netplan_definition(path: &str, id: &str, body: &Value) -> Definition {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let set_name = body.get("set-name").and_then(text);
    let matcher = match body.get("match") {
        None => Matcher::named(id),
        Some(rule) => Matcher {
            names: patterns(rule.get("name").and_then(Value::as_str)),
            macs: rule.get("macaddress").and_then(text).into_iter().collect(),
            ..Matcher::default()
        },
    };
    let claimed_names = [id.to_owned()].into_iter().chain(set_name).collect();
    Definition { source: path.to_owned(), claimed_names, matcher }
}

/// The definition in a `.network` file of systemd-networkd, unless it leaves its links unmanaged.
#[must_use]
pub fn networkd(file: &SourceFile) -> Option<Definition> {
    // Masked, as by a link to /dev/null.
    if file.text.trim().is_empty() {
        return None;
    }
    let mut matcher = Matcher::default();
    let mut section = "";
    for line in file.text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let words = value.split_whitespace();
        match (section, key.trim()) {
            ("Match", "Name") => {
                let (without, with): (Vec<_>, Vec<_>) = words.partition(|word| word.starts_with('!'));
                matcher.names.extend(patterns(with));
                matcher.not_names.extend(patterns(without.into_iter().map(|word| &word[1..])));
            }
            ("Match", "MACAddress" | "PermanentMACAddress") => matcher.macs.extend(words.map(str::to_owned)),
            ("Match", "Type") => matcher.ethernet = Some(words.into_iter().any(|word| word == "ether")),
            ("Link", "Unmanaged") if matches!(value.trim(), "yes" | "true" | "1" | "on") => return None,
            _ => {}
        }
    }
    Some(Definition { source: file.path.clone(), claimed_names: Vec::new(), matcher })
}

/// The definitions of an ifupdown file.
#[must_use]
pub fn ifupdown(file: &SourceFile) -> Vec<Definition> {
    let stanzas = file.text.lines().filter_map(|line| line.trim().strip_prefix("iface "));
    let names = stanzas.filter_map(|rest| rest.split_whitespace().next());
    names
        .map(|name| Definition {
            source: file.path.clone(),
            claimed_names: vec![name.to_owned()],
            matcher: Matcher::named(name),
        })
        .collect()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::link;

    fn file(text: &str) -> SourceFile {
        SourceFile { path: "/etc/netplan/50-cloud-init.yaml".to_owned(), text: text.to_owned() }
    }

    fn covered(definitions: &[Definition], name: &str, mac: &str) -> bool {
        let link = link(2, name, mac);
        definitions.iter().any(|definition| definition.covers(&link))
    }

    #[test]
    fn netplan_definitions_cover_by_id_name_or_mac() {
        let definitions = netplan(&file(
            "network:\n  version: 2\n  ethernets:\n    eth0: {dhcp4: true}\n    all-en: {match: {name: 'en*'}, dhcp4: true}\n    \
             up: {match: {macaddress: 'FA:16:3E:00:00:09'}, set-name: uplink}\n  vlans:\n    v7: {id: 7, link: eth0}\n",
        ));
        for (name, mac, expected) in [
            ("eth0", "fa:16:3e:00:00:01", true),
            ("ens7", "fa:16:3e:00:00:01", true),
            ("eth5", "fa:16:3e:00:00:09", true),
            ("eth1", "fa:16:3e:00:00:01", false),
        ] {
            assert_eq!(covered(&definitions, name, mac), expected, "{name} {mac}");
        }
        assert!(definitions.iter().any(|definition| definition.claims("uplink")));
    }

    #[test]
    fn a_match_by_driver_alone_may_cover_everything() {
        let definitions =
            netplan(&file("network:\n  ethernets:\n    any: {match: {driver: virtio*}, dhcp4: true}\n"));
        assert!(covered(&definitions, "eth1", "fa:16:3e:00:00:01"));
    }

    #[test]
    fn what_cannot_be_read_covers_everything_and_says_which_file_it_is() {
        let definitions = netplan(&file("network: [\n"));
        assert!(covered(&definitions, "eth1", "fa:16:3e:00:00:01"));
        assert!(definitions[0].source.starts_with("/etc/netplan/50-cloud-init.yaml (unreadable:"));
    }

    #[test]
    fn networkd_files_cover_what_their_match_section_says() {
        for (text, expected) in [
            ("[Match]\nName=eth*\n[Network]\nDHCP=yes\n", true),
            ("[Match]\nName=!eth1 *\n", false),
            ("[Match]\nName=host0\nVirtualization=container\n", false),
            ("[Match]\nMACAddress=fa:16:3e:00:00:01 fa:16:3e:00:00:02\n", true),
            ("[Match]\nType=wlan\n", false),
            ("[Match]\nType=ether\n", true),
            ("[Match]\nName=eth*\n[Link]\nUnmanaged=yes\n", false),
            ("[Network]\nDHCP=yes\n", true),
        ] {
            let definitions: Vec<_> = networkd(&file(text)).into_iter().collect();
            assert_eq!(covered(&definitions, "eth1", "fa:16:3e:00:00:01"), expected, "{text}");
        }
    }

    #[test]
    fn ifupdown_stanzas_cover_their_interface() {
        let definitions = ifupdown(&file("auto eth1\niface eth1 inet dhcp\n"));
        assert!(covered(&definitions, "eth1", "fa:16:3e:00:00:01"));
        assert!(!covered(&definitions, "eth2", "fa:16:3e:00:00:01"));
    }
}
