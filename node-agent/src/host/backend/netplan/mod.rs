//! netplan on a host.

mod check;
mod generator;

pub(super) use check::NetplanCheck;
use generator::HostGenerator;

use crate::host::root::HostRoot;

/// Whether netplan is installed.
pub(super) fn is_installed(root: &HostRoot) -> bool {
    HostGenerator::of(root).is_some()
}
