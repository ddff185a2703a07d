//! networkd's files with their drop-ins, wherever they lie.

use multinic_agent_core::{
    backend::ALL,
    parse::foreign::{self, Definition, OurNetworks, SourceFile},
};

use super::hiding::{effective, file_name, without_run};
use crate::host::{
    reading::{FileError, Found, list, unreadable},
    root::HostRoot,
};

/// Where networkd reads from; a file in an earlier one hides its namesake in a later one.
pub(super) const DIRECTORIES: [&str; 5] = [
    "/etc/systemd/network",
    "/run/systemd/network",
    "/usr/local/lib/systemd/network",
    "/usr/lib/systemd/network",
    "/lib/systemd/network",
];

/// The definitions in networkd's files.
pub(super) fn definitions(root: &HostRoot) -> Result<Vec<Definition>, FileError> {
    let (mut files, mut drop_ins) = (Vec::new(), Vec::<Found>::new());
    for directory in DIRECTORIES {
        files.extend(list(root, directory, ".network")?);
        let names = root.names(directory);
        let names = names.map_err(|source| FileError::of(directory, source))?;
        for name in names.iter().filter(|name| name.ends_with(".network.d")) {
            drop_ins.extend(list(root, &format!("{directory}/{name}"), ".conf")?);
        }
    }
    let mut definitions = Vec::new();
    for order in [&DIRECTORIES[..], &without_run(&DIRECTORIES)] {
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
    // What is ours, or made of ours, says nothing about others, whatever is in it.
    let all = OurNetworks(ALL.networks());
    let mut ours = all.0.clone();
    let others = effective(files.iter(), order).into_iter().filter(|(path, _)| !all.0.contains_key(path));
    for (path, text) in others {
        ours.retain(|ours, _| file_name(ours) != file_name(path));
        let drop_ins = drop_ins_of(path);
        definitions.extend(unseen(&drop_ins));
        match text {
            Ok(text) => definitions.extend(foreign::networkd(&source(path, text), &seen(&drop_ins), &all)),
            Err(unread) => definitions.push(unreadable(path, unread)),
        }
    }
    for (path, name) in ours {
        let drop_ins = drop_ins_of(&path);
        definitions.extend(unseen(&drop_ins));
        definitions.extend(foreign::networkd_of_ours(name, &seen(&drop_ins)));
    }
    definitions
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
