//! `ifcfg-*` files: wicked's, and those of the Red Hat family.

use multinic_agent_core::parse::{
    bootfile::{Owner, owner},
    foreign::{self, Definition, SourceFile},
};

use crate::host::{
    reading::{FileError, Found, contents, read_as, text},
    root::{Content, HostRoot, Unread},
};

/// Where they lie.
pub(super) const DIRECTORIES: [&str; 2] = ["/etc/sysconfig/network", "/etc/sysconfig/network-scripts"];

/// The definitions in them.
pub(super) fn definitions(root: &HostRoot) -> Result<Vec<Definition>, FileError> {
    let mut definitions = Vec::new();
    for directory in DIRECTORIES {
        // The directory itself stands for all that is in it, where that is out of sight.
        let is_one = |path: &str| path == directory || path.contains("/ifcfg-");
        let found = contents(root, directory, "")?.into_iter().filter(|(path, _)| is_one(path));
        definitions.extend(found.map(as_wicked_reads_it).flat_map(|found| read_as(&found, of_others)));
    }
    Ok(definitions)
}

/// A directory is an empty file for wicked.
fn as_wicked_reads_it((path, content): (String, Content)) -> Found {
    match content {
        Err(Unread::Directory) => (path, Ok(String::new())),
        content => (path, text(content)),
    }
}

fn of_others(file: &SourceFile) -> Option<Definition> {
    (owner(&file.text) == Owner::Others).then(|| foreign::ifcfg(file)).flatten()
}
