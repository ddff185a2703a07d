//! What the generator wrote: a link's own files, and those that it writes in common for all links.

use std::collections::{BTreeMap, BTreeSet};

/// Up to 0.105: what NetworkManager is to leave alone.
const NM_UNMANAGED: &str = "run/NetworkManager/conf.d/netplan.conf";
/// From 0.106: the same for udev.
const UDEV_UNMANAGED: &str = "run/udev/rules.d/90-netplan.rules";
/// From 1.0.1: which links a boot waits for. Since 1.2 it is among what systemd's generators write.
const WAIT_ONLINE: &str = "/systemd-networkd-wait-online.service.d/10-netplan.conf";
/// Written as soon as there is any definition (0.101), or always (0.104 and later). It names no link, and does
/// nothing where Open vSwitch is not installed.
const OVS_CLEANUP: &str = "netplan-ovs-cleanup.service";
/// From 1.2, once there is any definition: that networkd starts, which it does on every host that is managed by this.
const NETWORKD_STARTS: &str = "multi-user.target.wants/systemd-networkd.service";

/// The files that the generator wrote, by their path below the root. A link is the text `-> target`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outputs(pub BTreeMap<String, String>);

/// The words by which outputs speak of our NICs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ours {
    /// netplan's ids, which are the NICs' names.
    pub(super) ids: BTreeSet<String>,
    pub(super) macs: BTreeSet<String>,
}

impl Outputs {
    /// Everything that is there for others than `ours`, in a form that two runs can be compared by.
    pub(super) fn of_others(&self, ours: &Ours) -> BTreeMap<&str, String> {
        let others = self.0.iter().filter(|(path, _)| !ours.ids.iter().any(|id| is_of(path, id)));
        others.filter_map(|(path, text)| Some((path.as_str(), of_others(path, text, ours)?))).collect()
    }

    /// The link's own files.
    pub(super) fn of(&self, id: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(move |(path, _)| is_of(path, id))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The file by which networkd configures the link.
    pub(super) fn network(&self, id: &str) -> Option<&str> {
        self.0.get(&format!("run/systemd/network/10-netplan-{id}.network")).map(String::as_str)
    }

    /// Whether NetworkManager is to configure the link.
    pub(super) fn is_for_network_manager(&self, id: &str) -> bool {
        self.of(id).any(|(path, _)| path.ends_with(".nmconnection"))
    }

    /// Whether netplan decides which links a boot waits for.
    pub(super) fn decides_the_wait(&self) -> bool {
        self.0.keys().any(|path| path.ends_with(WAIT_ONLINE))
    }
}

/// Whether the file at `path` is the link's own, such as `10-netplan-ID.network`.
fn is_of(path: &str, id: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.contains(&format!("netplan-{id}."))
}

/// What a file says of others; none where it says nothing of them.
fn of_others(path: &str, text: &str, ours: &Ours) -> Option<String> {
    if path.ends_with(OVS_CLEANUP) || path.ends_with(NETWORKD_STARTS) {
        return None;
    }
    let words = || ours.macs.iter().chain(&ours.ids);
    let kept: Vec<&str> = match path {
        UDEV_UNMANAGED => {
            let names_ours = |line: &str| words().any(|word| line.contains(&format!("\"{word}\"")));
            // Comments name links too, and configure none.
            text.lines().filter(|line| !line.starts_with('#') && !names_ours(line)).collect()
        }
        NM_UNMANAGED => {
            let list = text.lines().filter_map(|line| line.strip_prefix("unmanaged-devices+="));
            let names_ours = |device: &str| {
                words().any(|word| device.strip_suffix(word.as_str()).is_some_and(|kind| kind.ends_with(':')))
            };
            let devices = list.flat_map(|list| list.split([',', ';'])).map(str::trim);
            sorted(devices.filter(|device| !device.is_empty() && !names_ours(device)))
        }
        _ if path.ends_with(WAIT_ONLINE) => {
            let commands = text.lines().filter(|line| line.starts_with("ExecStart="));
            // Hash tables order them.
            sorted(commands.flat_map(str::split_whitespace).filter(|word| *word != "ExecStart="))
        }
        _ => return Some(text.to_owned()),
    };
    (!kept.is_empty()).then(|| kept.join("\n"))
}

fn sorted<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut words: Vec<_> = words.collect();
    words.sort_unstable();
    words
}
