//! `ifcfg-*` files: wicked's, and those of the Red Hat family.

use multinic_agent_core::parse::{
    bootfile::{Owner, owner},
    foreign::{self, Definition, SourceFile},
};

use crate::host::{
    reading::{FileError, list, read_as},
    root::HostRoot,
};

/// Where they lie.
pub(super) const DIRECTORIES: [&str; 2] = ["/etc/sysconfig/network", "/etc/sysconfig/network-scripts"];

/// The definitions in them.
pub(super) fn definitions(root: &HostRoot) -> Result<Vec<Definition>, FileError> {
    let mut definitions = Vec::new();
    for directory in DIRECTORIES {
        for found in list(root, directory, "")?.iter().filter(|(path, _)| path.contains("/ifcfg-")) {
            definitions.extend(read_as(found, of_others));
        }
    }
    Ok(definitions)
}

fn of_others(file: &SourceFile) -> Option<Definition> {
    (owner(&file.text) == Owner::Others).then(|| foreign::ifcfg(file)).flatten()
}
