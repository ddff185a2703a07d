//! Which backend a host has, from what is really active on it.

use multinic_agent_core::backend::{Backend, Signs};
use multinic_crds::{Explanation, Reason};

use super::{netplan, networkd, wicked};
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
    let signs = Signs {
        netplan: netplan::is_installed(root),
        networkd: networkd::is_running(root),
        wicked: wicked::is_running(root),
    };
    signs.backend().map_err(unsupported)
}

#[cfg(test)]
mod tests;
