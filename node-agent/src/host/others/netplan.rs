//! netplan's files, wherever they lie.

use multinic_agent_core::parse::{
    bootfile::{Owner, owner},
    foreign::{self, Definition, SourceFile},
};

use super::hiding::now_and_after_boot;
use crate::host::{
    reading::{FileError, Found, contents, read_as, text},
    root::HostRoot,
};

/// Where netplan reads from; a file in an earlier one hides its namesake in a later one.
pub(super) const DIRECTORIES: [&str; 3] = ["/run/netplan", "/etc/netplan", "/lib/netplan"];

/// The definitions in netplan's files.
pub(super) fn definitions(root: &HostRoot) -> Result<Vec<Definition>, FileError> {
    let mut files: Vec<Found> = Vec::new();
    for directory in DIRECTORIES {
        let found = contents(root, directory, ".yaml")?;
        files.extend(found.into_iter().map(|(path, content)| (path, text(content))));
    }
    let counting = now_and_after_boot(&files, &DIRECTORIES);
    Ok(counting.into_iter().flat_map(|found| read_as(found, of_others)).collect())
}

fn of_others(file: &SourceFile) -> Vec<Definition> {
    if owner(&file.text) == Owner::Others { foreign::netplan(file) } else { Vec::new() }
}
