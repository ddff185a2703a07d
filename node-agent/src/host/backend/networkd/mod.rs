//! systemd-networkd without netplan, on a host.

mod advice;
mod check;

pub(crate) use advice::removes_rules;
pub(super) use check::NetworkdCheck;

use crate::host::root::HostRoot;

/// networkd writes it once it runs, and it stays until the next boot; its directory alone
/// comes with the package.
const STATE: &str = "/run/systemd/netif/state";

/// Whether networkd has run since the host booted.
pub(super) fn is_running(root: &HostRoot) -> bool {
    root.is_file(STATE)
}
