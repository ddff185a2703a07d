//! Which backend a host has, from what is really active on it.

use std::collections::BTreeSet;

use multinic_agent_core::backend::{self, Backend, Manager, Memory, netplan::Netplan};
use multinic_crds::{Explanation, InterfaceName, Reason};

use super::{bus::BUS, netplan, network_manager, networkd, wicked};
use crate::host::{facts::os_image, reading::FileError, root::HostRoot};

/// What configures the host's network at boot; or why nothing does that this version knows.
pub fn detect(root: &HostRoot) -> Result<&'static dyn Backend, Explanation> {
    let unsupported = |what: String| {
        let message = format!("this node ({}) cannot be managed: {what}", os_image(root));
        Explanation::new(Reason::UnsupportedHost, message)
    };
    // Else every program would seem not to be installed.
    if !root.is_directory("/usr") {
        return Err(unsupported("the agent does not see its /usr; mount that, as the chart does".to_owned()));
    }
    let at_work = at_work(root).map_err(|error| unsupported(error.to_string()))?;
    let backend = backend::detect(at_work, netplan::is_installed(root));
    backend.and_then(|backend| reachable(root, backend)).map_err(unsupported)
}

/// What has run since the host booted.
fn at_work(root: &HostRoot) -> Result<BTreeSet<Manager>, FileError> {
    let managers = [
        (Manager::Networkd, networkd::is_running(root)),
        (Manager::NetworkManager, network_manager::is_running(root)?),
        (Manager::Wicked, wicked::is_running(root)?),
    ];
    Ok(managers.into_iter().filter(|(_, runs)| *runs).map(|(manager, _)| manager).collect())
}

/// Whether the agent can do for this backend what has to be done; what netplan needs is told NIC by NIC.
fn reachable(root: &HostRoot, backend: &'static dyn Backend) -> Result<&'static dyn Backend, String> {
    if backend.name() == Netplan.name() {
        return Ok(backend);
    }
    let remedy = |obstacle: &str| {
        let value = backend.name().to_lowercase();
        format!(
            "{} configures its network, and {obstacle}; add {value} to the chart's value agent.backends",
            backend.name()
        )
    };
    if backend.memory() != Memory::None && !root.is_socket(BUS) {
        return Err(remedy("the agent does not see the bus over which that is told of changes"));
    }
    for path in InterfaceName::all().take(1).flat_map(|name| backend.paths(name)) {
        if let Err(error) = root.may_write(&path) {
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            let read_only = "where the node itself has it read-only, this node is not supported";
            return Err(format!(
                "{}; {read_only}",
                remedy(&format!("the agent cannot write {directory} ({error})"))
            ));
        }
    }
    Ok(backend)
}

#[cfg(test)]
mod hosts;
#[cfg(test)]
mod tests;
