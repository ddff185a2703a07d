//! What others configure, from the files that their tools read on the host.
//!
//! A file below `/run` hides its namesakes until the next boot only. So there are two answers to what counts, now and
//! after the next boot, and a link that is configured by either of them is somebody's.

use std::collections::{BTreeMap, BTreeSet};

use multinic_agent_core::{
    backend::netplan,
    parse::{
        bootfile::{Owner, owner},
        foreign::{self, Definition, SourceFile},
    },
};
use multinic_crds::InterfaceName;

use crate::host::{
    included,
    reading::{FileError, Found, list, read_as, unreadable},
    root::HostRoot,
};

/// Where netplan reads from; a file in an earlier one hides its namesake in a later one.
const NETPLAN: [&str; 3] = ["/run/netplan", netplan::DIRECTORY, "/lib/netplan"];
/// Where networkd reads from; a file in an earlier one hides its namesake in a later one.
pub(super) const NETWORKD: [&str; 5] = [
    "/etc/systemd/network",
    "/run/systemd/network",
    "/usr/local/lib/systemd/network",
    "/usr/lib/systemd/network",
    "/lib/systemd/network",
];
/// Where `NetworkManager` reads connections from, and how their names end there.
pub(super) const KEYFILES: [(&str, &str); 3] = [
    ("/etc/NetworkManager/system-connections", ""),
    ("/run/NetworkManager/system-connections", ".nmconnection"),
    ("/usr/lib/NetworkManager/system-connections", ".nmconnection"),
];
const RUN: &str = "/run/";

/// Everything that others define, where `netplan_files` are those in netplan's directories.
pub(super) fn definitions(root: &HostRoot, netplan_files: &[Found]) -> Result<Vec<Definition>, FileError> {
    let mut definitions = Vec::new();
    for found in now_and_after_boot(netplan_files, &NETPLAN) {
        definitions.extend(read_as(found, of_netplan));
    }
    definitions.extend(of_networkd(root)?);
    definitions.extend(included::interfaces(root)?);
    for (directory, suffix) in KEYFILES {
        for found in list(root, directory, suffix)? {
            definitions.extend(read_as(&found, foreign::keyfile));
        }
    }
    Ok(definitions)
}

fn of_netplan(file: &SourceFile) -> Vec<Definition> {
    if owner(&file.text) == Owner::Others { foreign::netplan(file) } else { Vec::new() }
}

fn of_networkd(root: &HostRoot) -> Result<Vec<Definition>, FileError> {
    let (mut files, mut drop_ins) = (Vec::new(), Vec::<Found>::new());
    for directory in NETWORKD {
        files.extend(list(root, directory, ".network")?);
        let names = root.names(directory);
        let names = names.map_err(|source| FileError::of(directory, source))?;
        for name in names.iter().filter(|name| name.ends_with(".network.d")) {
            drop_ins.extend(list(root, &format!("{directory}/{name}"), ".conf")?);
        }
    }
    let mut definitions = Vec::new();
    for order in [&NETWORKD[..], &without_run(&NETWORKD)] {
        for definition in networkd_in(&files, &drop_ins, order) {
            if !definitions.contains(&definition) {
                definitions.push(definition);
            }
        }
    }
    Ok(definitions)
}

/// What networkd makes of `files` and `drop_ins` where it reads from the directories in `order`.
fn networkd_in(files: &[Found], drop_ins: &[Found], order: &[&str]) -> Vec<Definition> {
    let drop_ins_of = |path: &str| {
        let directory = format!("/{}.d/", file_name(path));
        effective(drop_ins.iter().filter(|(path, _)| path.contains(&directory)), order)
    };
    let mut definitions = Vec::new();
    // What netplan makes of our own files says nothing about others, whatever is in it.
    let mut ours: BTreeSet<String> =
        InterfaceName::all().map(|name| netplan::generated(&name.to_string())[1].clone()).collect();
    let others = effective(files.iter(), order).into_iter().filter(|(path, _)| !ours.contains(path));
    for (path, text) in others.collect::<Vec<_>>() {
        ours.retain(|ours| file_name(ours) != file_name(path));
        let drop_ins = drop_ins_of(path);
        definitions.extend(unseen(&drop_ins));
        match text {
            Ok(text) => definitions.extend(foreign::networkd(&source(path, text), &seen(&drop_ins))),
            Err(unread) => definitions.push(unreadable(path, unread)),
        }
    }
    for path in ours {
        let drop_ins = drop_ins_of(&path);
        definitions.extend(unseen(&drop_ins));
        definitions.extend(foreign::networkd_of_ours(&path, &seen(&drop_ins)));
    }
    definitions
}

/// Those of `files` that count now, and those that will once what is below `/run` is gone.
fn now_and_after_boot<'a>(files: &'a [Found], order: &[&str]) -> Vec<&'a Found> {
    let mut found = effective(files.iter(), order);
    for file in effective(files.iter(), &without_run(order)) {
        if !found.contains(&file) {
            found.push(file);
        }
    }
    found
}

fn without_run<'a>(order: &[&'a str]) -> Vec<&'a str> {
    order.iter().copied().filter(|directory| !directory.starts_with(RUN)).collect()
}

/// Those of `files` that no namesake in a directory before theirs hides, by name.
fn effective<'a>(files: impl Iterator<Item = &'a Found>, order: &[&str]) -> Vec<&'a Found> {
    let mut by_name = BTreeMap::new();
    for found in files {
        let path = &found.0;
        let below = |directory: &&str| {
            path.strip_prefix(*directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let Some(rank) = order.iter().position(below) else { continue };
        // A directory out of sight hides nothing, and nothing hides it.
        let name = if order[rank] == path { path } else { file_name(path) };
        let best = by_name.entry(name.to_owned()).or_insert((rank, found));
        if rank < best.0 {
            *best = (rank, found);
        }
    }
    by_name.into_values().map(|(_, found)| found).collect()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn source(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

fn seen(files: &[&Found]) -> Vec<SourceFile> {
    files.iter().filter_map(|(path, text)| Some(source(path, text.as_ref().ok()?))).collect()
}

fn unseen(files: &[&Found]) -> Vec<Definition> {
    files.iter().filter_map(|(path, text)| Some(unreadable(path, text.as_ref().err()?))).collect()
}

#[cfg(test)]
mod tests;
