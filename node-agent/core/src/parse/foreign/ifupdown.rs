//! interfaces(5) of ifupdown and of ifupdown2.

use super::{
    definition::{Definition, Matcher, SourceFile},
    words::Words,
};

/// What an ifupdown file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// The links that it configures.
    pub definitions: Vec<Definition>,
    /// What else it has read.
    pub includes: Vec<Include>,
}

/// Files that an ifupdown file has read as well; the paths may hold shell patterns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Include {
    /// `source`: the files at this path.
    Files(String),
    /// `source-directory`: the files in this directory, by [`is_sourced`].
    Directory(String),
}

/// Options by which a stanza takes other links than the one it is called after.
const TAKES_LINKS: [&str; 8] = [
    "bridge_ports",
    "bridge-ports",
    "bond-slaves",
    "bond_slaves",
    "slaves",
    "vlan-raw-device",
    "vlan_raw_device",
    "physdev",
];

/// Whether `source-directory` reads a file of this name.
#[must_use]
pub fn is_sourced(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Reads an ifupdown file.
#[must_use]
pub fn ifupdown(file: &SourceFile) -> Interfaces {
    let mut found = Interfaces::default();
    for line in lines(&file.text) {
        // As C's isspace() has it.
        let mut words = line.split([' ', '\t', '\r', '\u{b}', '\u{c}']).filter(|word| !word.is_empty());
        let Some(keyword) = words.next() else { continue };
        let names: Vec<&str> = match keyword {
            "source" => {
                found.includes.extend(words.map(|path| Include::Files(absolute(&file.path, path))));
                continue;
            }
            "source-directory" => {
                found.includes.extend(words.map(|path| Include::Directory(absolute(&file.path, path))));
                continue;
            }
            "iface" | "vlan" | "template" => words.take(1).collect(),
            "auto" | "mapping" | "rename" => words.collect(),
            _ if keyword.starts_with("allow-") => words.collect(),
            _ if TAKES_LINKS.contains(&keyword) => words.filter(|word| *word != "none").collect(),
            // The templates of ifupdown2 make stanzas of anything.
            _ if keyword.starts_with('%') || keyword.starts_with('$') => vec!["$"],
            _ => continue,
        };
        found.definitions.extend(names.into_iter().filter_map(|name| definition(&file.path, name)));
    }
    found
}

/// What is said of the link or links called `word`.
fn definition(path: &str, word: &str) -> Option<Definition> {
    // The word after it names a stanza, and no link.
    let name = word.split('=').next().unwrap_or_default();
    if name == "lo" {
        return None;
    }
    let mut definition = Definition::new(path, matchers(name)).called(name);
    definition.claimed_names = vec![name.to_owned()];
    Some(definition)
}

fn matchers(name: &str) -> Vec<Matcher> {
    if name.contains(['$', '{', '%']) || name == "all" || name == "regex" || name == "glob" {
        return vec![Matcher::default()];
    }
    let names = match name.split_once('/') {
        // By something else than the name, such as the driver.
        Some((variable, _)) if !variable.is_empty() => return vec![Matcher::default()],
        Some((_, pattern)) => pattern.split('/').next().unwrap_or_default(),
        None => name,
    };
    // A range of ifupdown2, such as swp[1-24], is no set of characters.
    let names = names.split_once('[').map_or_else(|| names.to_owned(), |(stem, _)| format!("{stem}*"));
    // An alias or a VLAN is the link's own as well.
    let parent = names.split([':', '.']).next().unwrap_or_default();
    let mut matchers = vec![Matcher::named(Words::one(&names))];
    if parent != names && !parent.is_empty() {
        matchers[0] = Matcher::named(Words::one(names.split(':').next().unwrap_or_default()));
        matchers.push(Matcher::named(Words::one(parent)));
    }
    matchers
}

fn absolute(file: &str, path: &str) -> String {
    let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") }
}

/// The lines that count, put together where one ends in a backslash.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut continued: Option<String> = None;
    for line in text.split('\n') {
        let line = line.trim_end_matches('\r');
        if continued.is_none() && line.trim_start().starts_with('#') {
            continue;
        }
        let mut line = continued.take().unwrap_or_default() + line;
        if line.ends_with('\\') {
            line.pop();
            continued = Some(line);
        } else {
            lines.push(line);
        }
    }
    lines.extend(continued);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::covered;

    fn read(text: &str) -> Interfaces {
        ifupdown(&SourceFile { path: "/etc/network/interfaces".to_owned(), text: text.to_owned() })
    }

    #[test]
    fn stanzas_cover_their_interface() {
        for (text, expected) in [
            ("auto eth1\niface eth1 inet dhcp\n", true),
            ("iface\teth1\tinet dhcp\n", true),
            ("  iface eth1 inet dhcp\n", true),
            ("iface \\\n  eth1 inet dhcp\n", true),
            ("\u{b}iface eth1 inet dhcp\n", true),
            ("iface eth1 inet dhcp", true),
            ("iface eth1 inet dhcp\r\n", true),
            ("allow-hotplug eth0 eth1\n", true),
            ("allow-hotplug /eth*\niface eth0 inet dhcp\n", true),
            ("auto /eth*=lan\niface lan inet dhcp\n", true),
            ("auto /*/1=lan\n", true),
            ("auto mac/fa:16:3e:00:00:01=lan\n", true),
            ("auto eth1=lan\niface lan inet dhcp\n", true),
            ("mapping eth*\n script /x\n", true),
            ("rename eth1=lan\n", true),
            ("iface eth1:0 inet static\n", true),
            ("iface eth1.100 inet dhcp\n", true),
            ("iface br0 inet dhcp\n  bridge_ports eth0 eth1\n", true),
            ("iface br0 inet dhcp\n  bridge-ports all\n", true),
            ("iface eth[0-3] inet dhcp\n", true),
            ("%for i in range(4):\niface eth${i} inet dhcp\n", true),
            ("iface ${nic} inet dhcp\n", true),
            ("iface eth2 inet dhcp\n", false),
            ("iface eth2 inet static inherits eth1\n", false),
            ("# iface eth1 inet dhcp\n", false),
            ("iface eth2 inet dhcp\n  up ip link set eth9 up\n", false),
            ("auto lo\niface lo inet loopback\n", false),
            ("auto /en*=lan\n", false),
            ("iface br0 inet dhcp\n  bridge_ports none\n", false),
        ] {
            assert_eq!(covered(&read(text).definitions, "eth1", "fa:16:3e:00:00:01"), expected, "{text:?}");
        }
    }

    #[test]
    fn files_that_are_read_as_well_are_told() {
        let found = read(
            "source-directory /run/network/interfaces.d\nsource /etc/network/site/*.conf more/*\nsource\t~/x\n",
        );
        assert_eq!(
            found.includes,
            [
                Include::Directory("/run/network/interfaces.d".to_owned()),
                Include::Files("/etc/network/site/*.conf".to_owned()),
                Include::Files("/etc/network/more/*".to_owned()),
                Include::Files("/etc/network/~/x".to_owned()),
            ]
        );
        assert!(is_sourced("eth1") && is_sourced("50-site_a") && !is_sourced("eth9.bak"));
    }
}
