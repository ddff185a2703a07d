//! wicked on a host.

mod check;
mod notice;

pub(super) use check::WickedCheck;
pub(crate) use notice::tell;

use crate::host::{reading::FileError, root::HostRoot};

/// Where wicked keeps what it knows of interfaces while it runs.
const STATE: &str = "/run/wicked";

/// Whether wicked has run since the host booted.
pub(super) fn is_running(root: &HostRoot) -> Result<bool, FileError> {
    let names = root.names(STATE).map_err(|source| FileError::of(STATE, source))?;
    Ok(!names.is_empty())
}
