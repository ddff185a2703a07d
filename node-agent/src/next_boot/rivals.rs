//! Files of other definitions that would reach for a NIC of ours at the next boot.

use glob::Pattern;

use crate::next_boot::Outputs;

/// The definition whose files would name or configure the NIC called `id` as well.
pub(super) fn rival<'a>(outputs: &'a Outputs, id: &str, mac: &str) -> Option<&'a str> {
    let own = format!("10-netplan-{id}.");
    let others = outputs.0.iter().filter_map(|(path, text)| {
        let name = path.strip_prefix("run/systemd/network/").filter(|name| !name.starts_with(&own))?;
        let (other, kind) = name.strip_prefix("10-netplan-")?.rsplit_once('.')?;
        Some((other, kind, text.as_str()))
    });
    let reaches = |(other, kind, text): &(&str, &str, &str)| match *kind {
        "link" => matches_mac(text, mac) == Some(true) || values(text, "Link", "Name").any(|name| name == id),
        // networkd takes the first file that matches, in the order of their names.
        "network" => match matches_mac(text, mac) {
            Some(is_ours) => is_ours,
            None => format!("10-netplan-{other}.network") < format!("{own}network") && matches_name(text, id),
        },
        _ => false,
    };
    others.filter(reaches).map(|(other, _, _)| other).next()
}

/// Whether the file is for links with this MAC address; none where it is for any.
fn matches_mac(text: &str, mac: &str) -> Option<bool> {
    let macs = values(text, "Match", "PermanentMACAddress").chain(values(text, "Match", "MACAddress"));
    let mut macs = macs.flat_map(str::split_whitespace).peekable();
    macs.peek()?;
    Some(macs.any(|found| found.eq_ignore_ascii_case(mac)))
}

/// Whether the file may be for a link of this name.
fn matches_name(text: &str, id: &str) -> bool {
    let mut names = values(text, "Match", "Name").flat_map(str::split_whitespace).peekable();
    let matches = |name: &str| Pattern::new(name).is_ok_and(|pattern| pattern.matches(id));
    names.peek().is_none() || names.any(matches)
}

/// What the lines `key=` of one section say.
fn values<'a>(text: &'a str, section: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let mut current = "";
    text.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            current = name;
        }
        line.split_once('=').filter(|(found, _)| current == section && *found == key).map(|(_, value)| value)
    })
}
