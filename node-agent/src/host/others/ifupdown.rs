//! ifupdown's files, and those that they have read as well.

use std::collections::{BTreeSet, VecDeque};

use glob::Pattern;
use multinic_agent_core::parse::foreign::{self, Definition, Include, SourceFile, is_sourced};

use crate::host::{
    reading::{FileError, Found, list, read, unreadable},
    root::{HostRoot, Unread},
};

const MAIN: &str = "/etc/network/interfaces";
/// Read on its own as well: ifupdown2 is told elsewhere to do so.
const MORE: &str = "/etc/network/interfaces.d";
/// What cloud images put there at boot is for ifupdown, whoever has it read.
const AT_BOOT: &str = "/run/network/interfaces.d";
/// The directories of the host that the agent's pod mounts to read. What is missing in there is missing on the host.
const IN_SIGHT: [&str; 8] = [
    "/etc/network/",
    "/run/network/",
    "/etc/netplan/",
    "/run/netplan/",
    "/etc/systemd/",
    "/run/systemd/network/",
    "/usr/",
    "/lib/",
];
/// What a link is, also a directory's, that may lead to anything.
const OUT_OF_SIGHT: Result<String, Unread> = Err(Unread::OutOfSight);
/// More files than anybody has. Files that include each other would have no end.
const MOST: usize = 1000;
/// What the shell gives a meaning, beside the patterns of file names.
const SHELL: [char; 13] = ['$', '`', '~', '\\', '"', '\'', '{', '}', '(', ')', '&', ';', '|'];

/// The definitions in ifupdown's files.
pub(super) fn definitions(root: &HostRoot) -> Result<Vec<Definition>, FileError> {
    let main = read(root, MAIN)?.map(|text| (MAIN.to_owned(), text));
    let mut queue: VecDeque<Found> = main.into_iter().chain(list(root, MORE, "")?).collect();
    queue.extend(files(root, &Include::Directory(AT_BOOT.to_owned()))?.unwrap_or_default());
    let (mut definitions, mut known) = (Vec::new(), BTreeSet::new());
    while let Some((path, text)) = queue.pop_front() {
        if !known.insert(path.clone()) {
            continue;
        }
        if known.len() > MOST {
            definitions.push(Definition::unreadable(&path, "too many files have each other read"));
            break;
        }
        let text = match text {
            Ok(text) => text,
            Err(unread) => {
                definitions.push(unreadable(&path, &unread));
                continue;
            }
        };
        let found = foreign::ifupdown(&SourceFile { path: path.clone(), text });
        definitions.extend(found.definitions);
        for include in found.includes {
            match files(root, &include)? {
                Some(files) => queue.extend(files),
                None => definitions.push(not_mounted(&path, &include)),
            }
        }
    }
    Ok(definitions)
}

fn not_mounted(by: &str, include: &Include) -> Definition {
    let (Include::Files(path) | Include::Directory(path)) = include;
    Definition::unreadable(path, &format!("{by} has it read, and the agent cannot see it"))
}

/// The files that `include` stands for; none where only the host may see them.
fn files(root: &HostRoot, include: &Include) -> Result<Option<Vec<Found>>, FileError> {
    let (Include::Files(path) | Include::Directory(path)) = include;
    // The old name of the same directory.
    let path = path.strip_prefix("/var/run/").map_or_else(|| path.clone(), |rest| format!("/run/{rest}"));
    if path.contains(SHELL) || path.split('/').any(|part| part == "..") {
        return Ok(None);
    }
    let mut files = Vec::new();
    match include {
        Include::Files(_) => {
            let (directories, name) = path.rsplit_once('/').unwrap_or_default();
            for directory in matching(root, directories)? {
                files.extend(in_directory(root, &directory, name)?);
            }
        }
        Include::Directory(_) => {
            for directory in matching(root, path.trim_end_matches('/'))? {
                let all = list(root, &directory, "")?;
                files.extend(all.into_iter().filter(|(path, text)| {
                    text == &OUT_OF_SIGHT || is_sourced(path.rsplit('/').next().unwrap_or_default())
                }));
            }
        }
    }
    let in_sight = IN_SIGHT.iter().any(|directory| path.starts_with(directory));
    Ok((in_sight || !files.is_empty()).then_some(files))
}

/// The files in `directory` called `name`, which may be a pattern.
fn in_directory(root: &HostRoot, directory: &str, name: &str) -> Result<Vec<Found>, FileError> {
    if is_pattern(name) {
        let files = list(root, directory, "")?;
        return Ok(files
            .into_iter()
            .filter(|(path, text)| text == &OUT_OF_SIGHT || fits(name, path))
            .collect());
    }
    let path = format!("{directory}/{name}");
    Ok(read(root, &path)?.map(|text| (path, text)).into_iter().collect())
}

/// The paths of directories that `path` stands for, whose parts may be patterns.
fn matching(root: &HostRoot, path: &str) -> Result<Vec<String>, FileError> {
    let mut found = vec![String::new()];
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for directory in found {
            if !is_pattern(part) {
                next.push(format!("{directory}/{part}"));
                continue;
            }
            let names = root.names(&directory);
            let names = names.map_err(|source| FileError::of(&directory, source))?;
            next.extend(
                names.iter().filter(|name| fits(part, name)).map(|name| format!("{directory}/{name}")),
            );
        }
        found = next;
    }
    Ok(found)
}

fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// Whether the file at `path` may be meant by `pattern`. Sets of characters have too many forms to be told apart.
fn fits(pattern: &str, path: &str) -> bool {
    let stem = pattern.split_once('[').map_or_else(|| pattern.to_owned(), |(stem, _)| format!("{stem}*"));
    let name = path.rsplit('/').next().unwrap_or_default();
    Pattern::new(&stem).map_or(true, |pattern| pattern.matches(name))
}
