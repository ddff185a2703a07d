//! `NetworkManager`'s connections, wherever they lie.

use multinic_agent_core::parse::{
    bootfile::{Owner, owner},
    foreign::{self, Definition, SourceFile},
};

use crate::host::{
    reading::{FileError, list, read_as},
    root::HostRoot,
};

/// Where `NetworkManager` reads connections from, and how their names end there.
const PLACES: [(&str, &str); 3] =
    [(DIRECTORIES[0], ""), (DIRECTORIES[1], ".nmconnection"), (DIRECTORIES[2], ".nmconnection")];
pub(super) const DIRECTORIES: [&str; 3] = [
    "/etc/NetworkManager/system-connections",
    "/run/NetworkManager/system-connections",
    "/usr/lib/NetworkManager/system-connections",
];

/// The definitions in connections.
pub(super) fn definitions(root: &HostRoot) -> Result<Vec<Definition>, FileError> {
    let mut definitions = Vec::new();
    for (directory, ending) in PLACES {
        let files = list(root, directory, ending)?;
        definitions.extend(files.iter().flat_map(|found| read_as(found, of_others)));
    }
    Ok(definitions)
}

fn of_others(file: &SourceFile) -> Option<Definition> {
    (owner(&file.text) == Owner::Others).then(|| foreign::keyfile(file)).flatten()
}
