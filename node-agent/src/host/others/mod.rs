//! What others configure, from the files that their tools read on the host: one file for each language.

mod hiding;
mod ifcfg;
mod ifupdown;
mod keyfile;
mod netplan;
pub(super) mod networkd;

use multinic_agent_core::parse::foreign::Definition;

use crate::host::{reading::FileError, root::HostRoot};

/// Everything that others define.
pub(super) fn definitions(root: &HostRoot) -> Result<Vec<Definition>, FileError> {
    let languages = [
        netplan::definitions,
        networkd::definitions,
        ifupdown::definitions,
        keyfile::definitions,
        ifcfg::definitions,
    ];
    let definitions: Result<Vec<_>, _> = languages.into_iter().map(|read| read(root)).collect();
    Ok(definitions?.concat())
}

/// The directories of configuration that are mounted one by one into the agent's pod.
pub(super) fn directories() -> impl Iterator<Item = &'static str> {
    let whole = ["/etc/network", "/run/network", "/etc/sysconfig"];
    netplan::DIRECTORIES.into_iter().chain(networkd::DIRECTORIES).chain(keyfile::DIRECTORIES).chain(whole)
}

#[cfg(test)]
mod tests;
