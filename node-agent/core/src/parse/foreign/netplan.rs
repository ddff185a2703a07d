//! netplan's files: keys that stand twice count as netplan counts them, and only the first document counts.

use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy};

use super::{
    definition::{Definition, Matcher, SourceFile},
    words::{Macs, Words},
};
use yaml::Node;

mod yaml;

/// Groups of links that may be matched by what they are; all others go by their name.
const PHYSICAL: [&str; 3] = ["ethernets", "wifis", "modems"];
/// Groups of links that netplan makes itself.
const VIRTUAL: [&str; 8] =
    ["bonds", "bridges", "vlans", "tunnels", "vrfs", "dummy-devices", "virtual-ethernets", "vxlans"];

/// The definitions of a netplan file.
#[must_use]
pub fn netplan(file: &SourceFile) -> Vec<Definition> {
    let document = match first_document(&file.text) {
        Ok(None) => return Vec::new(),
        Ok(Some(Node::Map(document))) => document,
        Ok(Some(_)) => return vec![Definition::unreadable(&file.path, "it is no mapping")],
        Err(trouble) => return vec![Definition::unreadable(&file.path, &trouble)],
    };
    let networks = document.into_iter().filter(|(key, _)| key == "network").map(|(_, value)| value);
    networks.flat_map(|network| in_network(&file.path, network)).collect()
}

fn in_network(path: &str, network: Node) -> Vec<Definition> {
    match network {
        Node::Map(groups) => {
            groups.into_iter().flat_map(|(key, group)| in_group(path, &key, group)).collect()
        }
        Node::Null => Vec::new(),
        _ => vec![Definition::unreadable(path, "its network is no mapping")],
    }
}

fn in_group(path: &str, key: &str, group: Node) -> Vec<Definition> {
    match (key, group) {
        // It takes every Ethernet device that nothing else is said about.
        ("renderer", Node::Text(renderer)) if renderer == "NetworkManager" => {
            let all = Definition::new(path, vec![Matcher::default()]).called("renderer: NetworkManager");
            vec![Definition { is_default: true, ..all }]
        }
        ("version" | "renderer" | "openvswitch", _) | (_, Node::Null) => Vec::new(),
        (_, Node::Map(links)) => links.iter().map(|(id, body)| definition(path, key, id, body)).collect(),
        _ => vec![Definition::unreadable(path, "a group of links is no mapping")],
    }
}

fn definition(path: &str, group: &str, id: &str, body: &Node) -> Definition {
    let set_name = body.last("set-name").and_then(Node::text);
    let mut matchers = vec![if PHYSICAL.contains(&group) {
        by_match(id, body)
    } else if VIRTUAL.contains(&group) {
        Matcher::named(Words::list(id))
    } else {
        Matcher::default()
    }];
    // Once it is renamed, its file goes by that name.
    matchers.extend(set_name.map(|name| Matcher::named(Words::list(name))));
    let mut definition = Definition::new(path, matchers).called(id);
    definition.claimed_names = [id].into_iter().chain(set_name).map(str::to_owned).collect();
    definition
}

/// Without a rule, the id is the name. Every rule of a link adds to the same one.
fn by_match(id: &str, body: &Node) -> Matcher {
    let rules: Vec<&Node> = body.all("match").collect();
    if rules.is_empty() {
        // What an alias brings in may be a rule.
        return if body.last("<<").is_some() { Matcher::default() } else { Matcher::named(Words::list(id)) };
    }
    let last = |key| rules.iter().rev().find_map(|rule| rule.last(key));
    let names =
        last("name").map_or_else(Words::default, |name| name.text().map_or_else(Words::unknown, Words::list));
    let macs =
        last("macaddress").map_or_else(Macs::default, |mac| mac.text().map_or_else(Macs::unknown, Macs::one));
    Matcher { names, macs: vec![macs], ..Matcher::default() }
}

/// What netplan reads of the text, which is no more than the first document.
fn first_document(text: &str) -> Result<Option<Node>, String> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
    };
    let mut bytes = text.as_bytes();
    let first = serde_saphyr::read_with_options(&mut bytes, options).next();
    first.transpose().map_err(|error| {
        let place =
            error.location().map_or_else(String::new, |place| format!(" from line {} on", place.line()));
        format!("it is no YAML{place}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::covered;

    fn read(text: &str) -> Vec<Definition> {
        netplan(&SourceFile { path: "/etc/netplan/50-cloud-init.yaml".to_owned(), text: text.to_owned() })
    }

    fn covers(text: &str, name: &str) -> bool {
        covered(&read(text), name, "fa:16:3e:00:00:01")
    }

    #[test]
    fn definitions_cover_by_id_name_or_mac() {
        let definitions = read(
            "network:\n  version: 2\n  ethernets:\n    eth0: {dhcp4: true}\n    all-en: {match: {name: 'en*'}, dhcp4: true}\n    \
             up: {match: {macaddress: 'FA:16:3E:00:00:09'}, set-name: uplink}\n  vlans:\n    v7: {id: 7, link: eth0}\n",
        );
        for (name, mac, expected) in [
            ("eth0", "fa:16:3e:00:00:01", true),
            ("ens7", "fa:16:3e:00:00:01", true),
            ("eth5", "fa:16:3e:00:00:09", true),
            ("uplink", "fa:16:3e:00:00:01", true),
            ("v7", "fa:16:3e:00:00:01", true),
            ("eth1", "fa:16:3e:00:00:01", false),
        ] {
            assert_eq!(covered(&definitions, name, mac), expected, "{name} {mac}");
        }
        assert!(definitions.iter().any(|definition| definition.claims("uplink")));
    }

    #[test]
    fn rules_mean_what_networkd_makes_of_them() {
        let rule = |rule: &str| format!("network: {{ethernets: {{any: {{match: {rule}, dhcp4: true}}}}}}\n");
        for (text, expected) in [
            ("{driver: virtio*}", true),
            ("{driver: [a, b], name: 'ens*'}", false),
            ("{}", true),
            ("{name: '!ens3'}", true),
            ("{name: '!eth1'}", false),
            ("{name: 'ens3 eth1'}", true),
            ("{name: ''}", true),
            ("{name: 7}", true),
            ("{name: [ens3]}", true),
            ("{name: 'ens3', name: 'eth*'}", true),
            ("{name: 'eth*', name: 'ens3'}", false),
            ("{macaddress: 'fa:16:3e:00:00:01', name: 'ens3'}", false),
            ("{macaddress: 'fa:16:3e:00:00:01', name: 'eth1'}", true),
            ("{macaddress: fa:16:3e:00:00:01}", true),
            ("{macaddress: fa:16:3e:00:00:02}", false),
            ("{macaddress: 'not one'}", true),
            ("{name: 'ens3'}, match: {name: 'eth*'}", true),
        ] {
            assert_eq!(covers(&rule(text), "eth1"), expected, "{text}");
        }
    }

    #[test]
    fn keys_that_stand_twice_and_further_documents_count_as_in_netplan() {
        let twice = "network:\n  version: 2\n  ethernets:\n    ens3: {dhcp4: true}\n  ethernets:\n    ens4: {dhcp4: true}\n";
        assert!(covers(twice, "ens3") && covers(twice, "ens4") && !covers(twice, "eth1"));
        let key = "network:\n  version: 2\n  ethernets:\n    ens3:\n      dhcp4: false\n      dhcp4: true\n";
        assert!(covers(key, "ens3") && !covers(key, "eth1"));
        let networks = "network: {ethernets: {ens3: {}}}\nnetwork: {ethernets: {ens4: {}}}\n";
        assert!(covers(networks, "ens3") && covers(networks, "ens4") && !covers(networks, "eth1"));
        let first = "network:\n  ethernets:\n    ens3: {dhcp4: true}\n---\n";
        for further in ["", "network:\n  ethernets:\n    ens4: {dhcp4: true}\n", "network: [\n", "\t:\n"] {
            let text = format!("---\n{first}{further}");
            assert!(covers(&text, "ens3") && !covers(&text, "ens4") && !covers(&text, "eth1"), "{text}");
        }
    }

    #[test]
    fn files_without_links_cover_none() {
        for text in [
            "",
            "# nothing\n",
            "---\n",
            "network: {}\n",
            "network:\n",
            "network: {version: 2, ethernets: }\n",
        ] {
            assert_eq!(read(text), [], "{text:?}");
        }
    }

    #[test]
    fn what_is_not_understood_covers_everything() {
        for text in [
            "network: [\n",
            "network: 7\n",
            "just a text\n",
            "- network\n",
            "network: {ethernets: [eth9]}\n",
            "network:\n\tethernets:\n\t\teth9: {}\n",
            "network: {renderer: NetworkManager}\n",
            "network: {nm-devices: {NM-1: {renderer: NetworkManager}}}\n",
            "network: {something-new: {eth9: {}}}\n",
            "network: {ethernets: {eth9: &x {match: {name: 'eth*'}}, eth8: *x}}\n",
            "x: &x {match: {name: 'eth*'}}\nnetwork: {ethernets: {eth9: {<<: *x}}}\n",
            "\u{fffd}\u{fffd}n\0e\0t\0",
        ] {
            assert!(covers(text, "eth1"), "{text:?}");
        }
        assert!(!covers("\u{feff}network: {ethernets: {eth9: {}}}\n", "eth1"));
        assert!(!covers("network: {ethernets: {eth9: {renderer: NetworkManager}}}\n", "eth1"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_and_not_quoted() {
        let definitions = read("network:\n  wifis: {w: {auth: {password: hunter2]\n");
        assert!(
            definitions[0].source.starts_with("/etc/netplan/50-cloud-init.yaml (unreadable: it is no YAML")
        );
        assert!(!definitions[0].source.contains("hunter2"), "{}", definitions[0].source);
    }
}
