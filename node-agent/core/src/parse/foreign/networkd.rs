//! `.network` files of systemd-networkd with their drop-ins, line by line as systemd's own parser takes them.

use std::collections::BTreeMap;

use multinic_crds::InterfaceName;

use super::{
    definition::{Definition, Matcher, SourceFile},
    words::{BLANKS, Macs, Words},
};

/// The files by which networkd configures NICs of ours, by their paths.
#[derive(Debug, Clone)]
pub struct OurNetworks(pub BTreeMap<String, InterfaceName>);

impl OurNetworks {
    /// The NIC whose file a file of this name hides, as networkd takes only one of a name.
    fn hidden_by(&self, path: &str) -> Option<InterfaceName> {
        self.0.iter().find(|(ours, _)| file_name(ours) == file_name(path)).map(|(_, name)| *name)
    }

    /// Whether networkd looks at the file before it looks at those of ours. The first that matches a link is the
    /// only one.
    fn come_after(&self, path: &str) -> bool {
        self.0.keys().map(|ours| file_name(ours)).max() > Some(file_name(path))
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The definition in a `.network` file with its `drop_ins`, in their order, where it configures links, or keeps
/// networkd from configuring `ours`.
#[must_use]
pub fn networkd(file: &SourceFile, drop_ins: &[SourceFile], ours: &OurNetworks) -> Option<Definition> {
    let hidden = ours.hidden_by(&file.path).map(|name| name.to_string());
    // Masked, as by a link to /dev/null.
    if file.text.is_empty() {
        return hidden.map(|name| Definition::in_the_way(&file.path, &name));
    }
    let mut parser = Parser::default();
    for part in [file].into_iter().chain(drop_ins) {
        parser.read(&part.text);
    }
    let unmanaged = parser.unmanaged;
    if unmanaged && !ours.come_after(&file.path) {
        return None;
    }
    let mut definition = Definition::new(&file.path, vec![parser.matcher()]);
    definition.leaves_unmanaged = unmanaged;
    definition.claimed_names.extend(hidden);
    Some(definition)
}

/// What networkd is set to by its configuration `files`, in the order in which they are read: the last one counts.
#[must_use]
pub fn networkd_setting(files: &[String], section: &str, key: &str) -> Option<String> {
    let mut value = None;
    for file in files {
        let mut current = String::new();
        for line in lines(file) {
            let line = line.trim_matches(BLANKS);
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut current);
            } else if let Some((found, text)) = line.split_once('=')
                && current == section
                && found.trim_matches(BLANKS) == key
            {
                value = Some(text.trim_matches(BLANKS).to_owned());
            }
        }
    }
    value
}

/// The definition in a `.link` file with its `drop_ins`, by which udev names links. What a link is called before that is
/// not known, so that names exclude nothing.
#[must_use]
pub fn udev_link(file: &SourceFile, drop_ins: &[SourceFile]) -> Option<Definition> {
    // Masked, as by a link to /dev/null.
    if file.text.is_empty() {
        return None;
    }
    let mut parser = Parser::default();
    for part in [file].into_iter().chain(drop_ins) {
        parser.read(&part.text);
    }
    parser.names = Words::default();
    Some(Definition::new(&file.path, vec![parser.matcher()]))
}

/// What the `drop_ins` of our file for the NIC called `name` change: without it, networkd would configure our NIC.
#[must_use]
pub fn networkd_of_ours(name: InterfaceName, drop_ins: &[SourceFile]) -> Option<Definition> {
    let mut parser = Parser::default();
    for part in drop_ins {
        parser.read(&part.text);
    }
    let last = drop_ins.last()?;
    (parser.unmanaged).then(|| Definition::in_the_way(&last.path, &name.to_string()))
}

#[derive(Default)]
struct Parser {
    names: Words,
    types: Words,
    macs: Macs,
    permanent_macs: Macs,
    unmanaged: bool,
    /// Something that systemd rejects, or reads in another way than we do.
    unknown: bool,
}

impl Parser {
    fn read(&mut self, text: &str) {
        // A line that is no UTF-8 is ignored there, be it a value or the head of a section.
        self.unknown |= text.contains('\u{fffd}');
        let lines = lines(text);
        let mut section = "";
        for line in &lines {
            let line = line.trim_matches(BLANKS);
            if let Some(name) = line.strip_prefix('[') {
                self.unknown |= !name.ends_with(']');
                section = name.strip_suffix(']').unwrap_or_default();
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            self.assign(section, key.trim_matches(BLANKS), value.trim_matches(BLANKS));
        }
    }

    fn assign(&mut self, section: &str, key: &str, value: &str) {
        match (section, key) {
            ("Match", "Name") => extend(&mut self.names, value, Words::extend),
            ("Match", "Type") => extend(&mut self.types, value, Words::extend),
            ("Match", "MACAddress") => extend(&mut self.macs, value, Macs::extend),
            ("Match", "PermanentMACAddress") => extend(&mut self.permanent_macs, value, Macs::extend),
            // Whatever else a link, a host or a kernel must have, it may have.
            ("Link", "Unmanaged") => {
                let yes = ["yes", "y", "true", "t", "1", "on"];
                self.unmanaged = yes.iter().any(|yes| value.eq_ignore_ascii_case(yes));
            }
            _ => {}
        }
    }

    fn matcher(self) -> Matcher {
        if self.unknown {
            return Matcher::default();
        }
        Matcher { names: self.names, types: self.types, macs: vec![self.macs, self.permanent_macs] }
    }
}

/// An empty value takes back what the lines before it said.
fn extend<List: Default>(list: &mut List, value: &str, add: impl Fn(&mut List, &str)) {
    if value.is_empty() {
        *list = List::default();
    } else {
        add(list, value);
    }
}

/// The lines that count, put together where one ends in a backslash. A comment is skipped also between such ones.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut continued: Option<String> = None;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for line in physical_lines(text) {
        let line = line.trim_start_matches(BLANKS);
        if line.starts_with(['#', ';']) {
            continue;
        }
        let mut line = continued.take().unwrap_or_default() + line;
        // Where a backslash stands before each backslash, the last one escapes nothing.
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            line.pop();
            line.push(' ');
            continued = Some(line);
        } else {
            lines.push(line);
        }
    }
    lines.extend(continued);
    lines
}

/// What each end of a line divides: a line feed, a carriage return, both in either order, or a zero after any of these.
fn physical_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(['\n', '\r', '\0']) {
        lines.push(&rest[..end]);
        let mut seen = String::new();
        let part_of_end = |c: &char| {
            let goes_on = !seen.ends_with('\0') && !seen.contains(*c);
            seen.push(*c);
            matches!(c, '\n' | '\r' | '\0') && goes_on
        };
        let length = rest[end..].chars().take_while(part_of_end).count();
        rest = &rest[end + length..];
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backend::ALL,
        testing::{covered, link},
    };

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    fn ours() -> OurNetworks {
        OurNetworks(ALL.networks())
    }

    fn covers(text: &str, name: &str) -> bool {
        let definitions: Vec<_> =
            networkd(&file("/etc/systemd/network/50-site.network", text), &[], &ours()).into_iter().collect();
        covered(&definitions, name, "fa:16:3e:00:00:01")
    }

    #[test]
    fn files_cover_what_their_match_section_says() {
        for (text, expected) in [
            ("[Match]\nName=eth*\n[Network]\nDHCP=yes\n", true),
            ("[Match]\nName=!eth1 *\n", false),
            ("[Match]\nName=host0\nVirtualization=container\n", false),
            ("[Match]\nMACAddress=fa:16:3e:00:00:01 fa:16:3e:00:00:02\n", true),
            ("[Match]\nMACAddress=fa:16:3e:00:00:02\n", false),
            ("[Match]\nType=wlan\n", false),
            ("[Match]\nType=ether\n", true),
            ("[Match]\nType=!wlan\n", true),
            ("[Match]\nType=!ether\n", false),
            ("[Match]\nType=wlan ether\n", true),
            ("[Match]\nType=wlan\nType=ether\n", true),
            ("[Match]\nKind=!*\nType=!loopback\n[Network]\nDHCP=yes\n", true),
            ("[Match]\nName=*\nType=!loopback dummy bridge tunnel vxlan\n", true),
            ("[Match]\nName=!lo br0 wlan0\n", true),
            ("[Match]\nName=\"eth*\"\n", true),
            ("[Match]\nName=eth*\n[Link]\nUnmanaged=yes\n", false),
            ("[Network]\nDHCP=yes\n", true),
            ("[Match]\nDriver=virtio_net\nProperty=ID_NET=x\nHost=other\n", true),
        ] {
            assert_eq!(covers(text, "eth1"), expected, "{text}");
        }
    }

    #[test]
    fn lines_are_read_as_systemd_reads_them() {
        for (text, expected) in [
            ("\u{feff}[Match]\nName=eth9\n", false),
            ("[Match]\nName=eth9 \\\n# a comment\n  eth1\n", true),
            ("[Match]\nName=eth9 \\\\\nName=eth8\n", true),
            ("[Match]\r\nName=eth9\r\n", false),
            ("[Match]\rName=eth9\r", false),
            ("[Match]\r\nName=eth9 \\\r\n# a comment\r\neth1\r\n", true),
            ("[Match]\nName=eth9 \\\n\neth1\n", false),
            ("[Match]\nName=eth9\0Name=eth1\n", true),
            ("[Match]\nName=eth9\nName=\nName=eth1\n", true),
            ("[Match]\nName=eth1\nName=\nName=eth9\n", false),
            ("[Match]\nName=eth9\nName=eth1\n", true),
            ("[Match]\nName=eth9\n[Match]\nName=eth1\n", true),
            ("[Match]\nMACAddress=fa:16:3e:00:00:02\nMACAddress=\nName=eth1\n", true),
            (" [Match] \n\tName \t= eth9\n", false),
            ("[Match]\nname=eth9\n", true),
            ("[match]\nName=eth9\n", true),
            ("[ Match ]\nName=eth9\n", true),
            ("[Match\nName=eth9\n", true),
            ("[Match]]\nName=eth9\n", true),
            ("[Match]\nName=eth9\n[Oth\u{fffd}er]\nName=eth1\n", true),
            ("[Network]\nName=eth9\n", true),
            ("; Name=x\n[Match]\n#Name=eth1\nName=eth9\n", false),
            ("[Match]\nName=eth9\u{fffd}\n", true),
            ("[Match]\nPermanentMACAddress=fa:16:3e:00:00:02\nMACAddress=fa:16:3e:00:00:01\n", false),
        ] {
            assert_eq!(covers(text, "eth1"), expected, "{text:?}");
        }
    }

    #[test]
    fn the_last_file_that_says_something_about_a_setting_counts() {
        let setting = |files: &[&str]| {
            let files: Vec<_> = files.iter().map(|text| (*text).to_owned()).collect();
            networkd_setting(&files, "Network", "ManageForeignRoutes")
        };
        assert_eq!(setting(&["[Network]\n#ManageForeignRoutes=yes\n", ""]), None);
        assert_eq!(setting(&["[Other]\nManageForeignRoutes=no\n"]), None);
        assert_eq!(setting(&["[Network]\nManageForeignRoutes = no \n"]).as_deref(), Some("no"));
        let both = ["[Network]\nManageForeignRoutes=no\n", "[Network]\nManageForeignRoutes=yes\n"];
        assert_eq!(setting(&both).as_deref(), Some("yes"));
    }

    #[test]
    fn alternative_names_count_as_names_do() {
        let mut renamed = link(3, "multinic0", "fa:16:3e:00:00:01");
        renamed.alt_names.insert("ens7".to_owned());
        let covers = |text: &str| {
            networkd(&file("/etc/systemd/network/50-site.network", text), &[], &ours())
                .unwrap()
                .covers(&renamed)
        };
        assert!(covers("[Match]\nName=ens*\n"));
        // networkd takes a link of which any name passes.
        assert!(covers("[Match]\nName=!multinic0\n"));
        assert!(!covers("[Match]\nName=eth*\n"));
    }

    #[test]
    fn drop_ins_add_to_what_the_file_says() {
        let base = file("/etc/systemd/network/50-site.network", "[Match]\nName=eth9\n");
        let covers = |drop_ins: &[&str]| {
            let drop_ins: Vec<_> = drop_ins.iter().map(|text| file("/x.conf", text)).collect();
            networkd(&base, &drop_ins, &ours())
                .is_some_and(|d| d.covers(&link(3, "eth1", "fa:16:3e:00:00:01")))
        };
        assert!(!covers(&[]));
        assert!(covers(&["[Match]\nName=eth1\n"]));
        assert!(covers(&["[Match]\nName=\n", "[Match]\nMACAddress=fa:16:3e:00:00:01\n"]));
        assert!(!covers(&["Name=eth1\n"]), "a section does not go on in the next file");
    }

    #[test]
    fn what_keeps_networkd_from_our_nics_at_the_next_boot_is_in_the_way() {
        let eth1 = link(3, "eth1", "fa:16:3e:00:00:01");
        let text = "[Match]\nName=eth*\n[Link]\nUnmanaged=Yes\n";
        let at = |path: &str, text: &str| networkd(&file(path, text), &[], &ours());
        // The first file that matches a link counts.
        let first = at("/etc/systemd/network/05-free.network", text).unwrap();
        assert!(first.covers(&eth1) && first.leaves_unmanaged);
        assert_eq!(at("/etc/systemd/network/20-free.network", text), None);
        let managed = text.replace("Yes", "perhaps");
        assert!(at("/etc/systemd/network/20-free.network", &managed).unwrap().covers(&eth1));
        // A file of this name hides the one that netplan makes of ours.
        for text in ["", "[Match]\nName=other\n"] {
            let hiding = at("/etc/systemd/network/10-netplan-multinic0.network", text).unwrap();
            assert!(hiding.claims("multinic0") && !hiding.covers(&eth1), "{text}");
        }
        assert_eq!(at("/etc/systemd/network/50-masked.network", ""), None);

        let drop_in = file("/etc/systemd/network/10-netplan-multinic0.network.d/x.conf", text);
        let ours = "multinic0".parse().unwrap();
        assert!(networkd_of_ours(ours, &[drop_in]).unwrap().claims("multinic0"));
        let harmless = file("/x.conf", "[Match]\nPermanentMACAddress=\nName=multinic0\n");
        assert_eq!(networkd_of_ours(ours, &[harmless]), None);
    }
}
