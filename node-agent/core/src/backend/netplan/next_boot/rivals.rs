//! Files of other definitions that would reach for a NIC of ours at the next boot.

use glob::Pattern;

use crate::backend::netplan::next_boot::Outputs;

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

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: &str = "fa:16:3e:00:00:01";

    /// Ours beside one file of another definition, as netplan 0.106 writes them.
    fn beside(name: &str, text: &str) -> Outputs {
        let ours = format!("[Match]\nPermanentMACAddress={MAC}\nName=multinic0\n\n[Network]\n");
        let directory = "run/systemd/network";
        Outputs(
            [
                (format!("{directory}/10-netplan-multinic0.network"), ours),
                (format!("{directory}/{name}"), text.to_owned()),
            ]
            .into(),
        )
    }

    #[test]
    fn only_what_names_our_nic_or_comes_before_its_file_reaches_for_it() {
        for (name, text, expected) in [
            ("10-netplan-eth1.link", "[Match]\nMACAddress=FA:16:3E:00:00:01\n\n[Link]\nName=eth1\n", true),
            ("10-netplan-zz.network", "[Match]\nPermanentMACAddress=fa:16:3e:00:00:01\n", true),
            ("10-netplan-x.link", "[Match]\nMACAddress=02:00:00:00:00:01\n\n[Link]\nName=multinic0\n", true),
            ("10-netplan-all.network", "[Match]\nName=*\n", true),
            ("10-netplan-any.network", "[Match]\nDriver=virtio_net\n", true),
            ("10-netplan-zz-all.network", "[Match]\nName=*\n", false),
            ("10-netplan-all.network", "[Match]\nName=en*\n", false),
            ("10-netplan-eth0.network", "[Match]\nMACAddress=fa:16:3e:00:00:ee\nName=eth0\n", false),
            ("10-netplan-bond0.netdev", "[NetDev]\nName=bond0\nMACAddress=fa:16:3e:00:00:01\n", false),
            (
                "10-netplan-eth0.link",
                "[Match]\nOriginalName=eth0\n\n[Link]\nMACAddress=fa:16:3e:00:00:01\n",
                false,
            ),
        ] {
            assert_eq!(rival(&beside(name, text), "multinic0", MAC).is_some(), expected, "{name}: {text}");
        }
    }
}
