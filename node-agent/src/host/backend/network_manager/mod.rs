//! `NetworkManager` on a host.

mod notice;

pub(crate) use notice::tell;

use crate::host::root::HostRoot;

/// Where it keeps what it knows of links while it runs.
const STATE: &str = "/run/NetworkManager/devices";

/// Whether it has managed links since the host booted.
pub(super) fn is_running(root: &HostRoot) -> bool {
    root.names(STATE).is_ok_and(|names| !names.is_empty())
}
