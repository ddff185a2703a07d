//! `NetworkManager` on a host.

mod check;
mod notice;

pub(super) use check::ConnectionCheck;
pub(crate) use notice::tell;

use crate::host::{reading::FileError, root::HostRoot};

/// Where it keeps what it knows of links while it runs.
const STATE: &str = "/run/NetworkManager/devices";

/// Whether it has managed links since the host booted.
pub(super) fn is_running(root: &HostRoot) -> Result<bool, FileError> {
    let names = root.names(STATE).map_err(|source| FileError::of(STATE, source))?;
    Ok(!names.is_empty())
}
