//! Which backend a host has, from what is really active on it.

use multinic_agent_core::backend::{self, Backend, Manager};
use multinic_crds::{Explanation, Reason};

use super::{netplan, network_manager, networkd, wicked};
use crate::host::{facts::os_image, root::HostRoot};

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
    let managers = [
        (Manager::Networkd, networkd::is_running(root)),
        (Manager::NetworkManager, network_manager::is_running(root)),
        (Manager::Wicked, wicked::is_running(root)),
    ];
    let at_work = managers.into_iter().filter(|(_, runs)| *runs).map(|(manager, _)| manager);
    backend::detect(at_work.collect(), netplan::is_installed(root)).map_err(unsupported)
}

#[cfg(test)]
mod tests;
