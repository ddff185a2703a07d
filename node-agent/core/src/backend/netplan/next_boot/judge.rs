//! Whether a change of our files leaves the next boot as it should be.

use std::collections::{BTreeMap, BTreeSet};

use multinic_crds::{Explanation, Reason};

use crate::{
    backend::netplan,
    backend::netplan::next_boot::{Answer, Boot, Complaint, Files, Outputs, outputs::Ours, rivals::rival},
    observed::files::FileChange,
    parse::bootfile::{Owner, owner},
};

/// Lines that put another link on top of ours, which stays as it is; the last one (0.102 to 0.105) is there so that a
/// VLAN, which has the MAC address of the link below it, is not taken for that.
const STACKED: [&str; 9] = [
    "VLAN=",
    "MACVLAN=",
    "MACVTAP=",
    "IPVLAN=",
    "IPVTAP=",
    "VXLAN=",
    "Tunnel=",
    "Xfrm=",
    "Type=!vlan bond bridge",
];
/// Lines that make ours a part of another link.
const ENSLAVED: [&str; 4] = ["Bond=", "Bridge=", "VRF=", "BatmanAdvanced="];

/// What happens to files that netplan reads.
pub(super) struct Change<'a> {
    boot: &'a Boot,
    /// What is written.
    pub(super) written: Files,
    removed: BTreeSet<&'a str>,
    /// Whose files these are.
    ours: Ours,
}

impl<'a> Change<'a> {
    /// What `changes` do, all of them together.
    pub(super) fn new(boot: &'a Boot, changes: impl Iterator<Item = &'a FileChange>) -> Self {
        let mut change =
            Self { boot, written: Files::new(), removed: BTreeSet::new(), ours: Ours::default() };
        for FileChange { path, from, to } in changes.filter(|change| is_source(change)) {
            for text in from.iter().chain(to) {
                change.ours.learn(path, text);
            }
            match to {
                Some(text) => {
                    change.written.insert(path.clone(), text.clone());
                }
                None => {
                    change.removed.insert(path);
                }
            }
        }
        change
    }

    /// The host's files afterwards.
    pub(super) fn files(&self) -> Files {
        let mut files = self.boot.files.clone();
        files.retain(|path, _| !self.removed.contains(path.as_str()));
        files.extend(self.written.clone());
        files
    }

    fn names(&self) -> String {
        self.ours.ids.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// The file of others that speaks of one of these NICs, and the NIC.
    fn mention(&self) -> Option<(&str, &str)> {
        self.ours.ids.iter().find_map(|id| Some((self.boot.mention(id)?, id.as_str())))
    }
}

impl Ours {
    /// Takes in the NIC that a file of ours is for.
    pub(super) fn learn(&mut self, path: &str, text: &str) {
        let ids = netplan::ids(text).unwrap_or_default();
        self.ids.extend(ids.into_iter().chain(netplan::name(path).map(str::to_owned)));
        if let Owner::Us(mac) | Owner::Edited(mac) = owner(text) {
            self.macs.insert(mac.to_string());
        }
    }
}

/// Whether netplan reads the file that changes; others are what it made of those.
pub(super) fn is_source(change: &FileChange) -> bool {
    change.path.contains("/netplan/")
}

/// Whether the host is right `after` the change, as it was `before`. `alone` is the answer to the files that are
/// written, without any other.
pub(super) fn judge(
    before: &Answer,
    after: &Answer,
    alone: Option<&Answer>,
    change: &Change<'_>,
) -> Result<(), Explanation> {
    if let Some(Answer::Refuses(complaint)) = alone {
        return Err(Explanation::new(
            Reason::InvalidBootConfig,
            format!("netplan does not take the NIC's boot file: {complaint}"),
        ));
    }
    match (before, after) {
        (Answer::Refuses(complaint), Answer::Refuses(_)) => beside_invalid(complaint, change),
        (Answer::Makes(_), Answer::Refuses(complaint)) => Err(breaks(complaint, change)),
        (before, Answer::Makes(after)) => {
            if let Answer::Makes(before) = before {
                same_for_others(before, after, change)?;
            }
            let Some(Answer::Makes(alone)) = alone else { return Ok(()) };
            change.written.iter().try_for_each(|(path, text)| as_alone(path, text, alone, after, change.boot))
        }
    }
}

/// Where netplan takes nothing anyway, nothing is added; and what goes must not be spoken of by anybody, since netplan
/// tells only its first error.
fn beside_invalid(complaint: &Complaint, change: &Change<'_>) -> Result<(), Explanation> {
    if !change.written.is_empty() {
        return Err(host_invalid(complaint));
    }
    let Some((path, name)) = change.mention() else { return Ok(()) };
    Err(Explanation::new(
        Reason::HostNetplanInvalid,
        format!(
            "{path} speaks of {name}, and nobody can tell whether it needs it while the node's own netplan files are invalid: {complaint}"
        ),
    ))
}

pub(super) fn host_invalid(complaint: &Complaint) -> Explanation {
    Explanation::new(
        Reason::HostNetplanInvalid,
        format!(
            "netplan does not take the node's own files, so at the next boot it may configure nothing: {complaint}"
        ),
    )
}

fn breaks(complaint: &Complaint, change: &Change<'_>) -> Explanation {
    let names = change.names();
    let message = if change.written.is_empty() {
        format!(
            "without the boot file of {names} netplan would take none of the node's files: {complaint}; take {names} out of that file first"
        )
    } else {
        format!(
            "with this change of the boot file of {names} netplan would take none of the node's files: {complaint}"
        )
    };
    Explanation::new(Reason::MergeConflict, message)
}

fn same_for_others(before: &Outputs, after: &Outputs, change: &Change<'_>) -> Result<(), Explanation> {
    let mut ours = change.ours.clone();
    // An id that others define as well is not ours alone. What goes with this change, as a file of the Go agent, defines
    // nothing any more.
    let stays = change.boot.without(&change.removed);
    ours.ids.retain(|id| stays.claimant(id).is_none());
    let (was, is) = (before.of_others(&ours), after.of_others(&ours));
    let differs = |path: &&&str| was.get(**path) != is.get(**path);
    if let Some(path) = was.keys().chain(is.keys()).find(differs) {
        let cause = change
            .mention()
            .map_or_else(String::new, |(file, name)| format!("; {file} speaks of {name}: take it out there"));
        return Err(Explanation::new(
            Reason::MergeConflict,
            format!(
                "with this change of the boot file of {} netplan would write {path} differently at the next boot, which is not ours{cause}",
                change.names()
            ),
        ));
    }
    if change.boot.waits_online && after.decides_the_wait() && !before.decides_the_wait() {
        return Err(Explanation::new(
            Reason::MergeConflict,
            "netplan defines no other link on this node, so with this file the boot would no longer wait for the \
             node's other links (systemd-networkd-wait-online); define the node's uplink in netplan, or disable that service",
        ));
    }
    Ok(())
}

/// Whether netplan makes of our file what it makes of it alone, and nothing else of its NIC.
pub(super) fn as_alone(
    path: &str,
    text: &str,
    alone: &Outputs,
    after: &Outputs,
    boot: &Boot,
) -> Result<(), Explanation> {
    let Some(id) = netplan::name(path) else { return Ok(()) };
    if after.is_for_network_manager(id) {
        return Err(for_network_manager(id, boot));
    }
    if alone.network(id).is_none() {
        return Err(Explanation::new(
            Reason::InvalidBootConfig,
            format!("netplan generates nothing for {id} from its boot file"),
        ));
    }
    let lines = |outputs: &Outputs| -> BTreeMap<String, Vec<String>> {
        outputs.of(id).map(|(path, text)| (path.to_owned(), unstacked(text))).collect()
    };
    if lines(alone) != lines(after) {
        return Err(defined_elsewhere(id, after, boot));
    }
    let Owner::Us(mac) = owner(text) else { return Ok(()) };
    rival(after, id, &mac.to_string()).map_or(Ok(()), |rival| {
        let message =
            format!("{} defines {rival}, which is the same NIC; take it out there", boot.source(rival));
        Err(Explanation::new(Reason::ForeignConfiguration, message))
    })
}

/// The lines of a file, without those that only put other links on top.
fn unstacked(text: &str) -> Vec<String> {
    let stacked = |line: &&str| STACKED.iter().any(|key| line.starts_with(key));
    text.lines().filter(|line| !stacked(line)).map(str::to_owned).collect()
}

fn for_network_manager(id: &str, boot: &Boot) -> Explanation {
    let by = boot.mention("NetworkManager").map_or_else(String::new, |path| format!(" ({path})"));
    Explanation::new(
        Reason::UnsupportedHost,
        format!(
            "netplan's renderer on this node is NetworkManager{by}, which would configure {id} at the next boot; NICs are managed \
             where netplan's renderer is networkd"
        ),
    )
}

fn defined_elsewhere(id: &str, after: &Outputs, boot: &Boot) -> Explanation {
    let file = boot.source(id);
    let enslaved = |line: &&str| ENSLAVED.iter().any(|key| line.starts_with(key));
    let master = after.network(id).and_then(|text| text.lines().find(enslaved)?.split_once('='));
    let message = master.map_or_else(
        || format!("{file} changes what netplan makes of {id} at the next boot; take {id} out of it"),
        |(_, master)| format!("{file} makes {id} a part of {master} at the next boot; take {id} out of it"),
    );
    Explanation::new(Reason::ForeignConfiguration, message)
}
