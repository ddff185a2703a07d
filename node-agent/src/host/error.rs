//! What keeps a node from being looked at, or changed, at all.

use multinic_agent_core::execute::NodeError;
use multinic_crds::Reason;

use crate::host::{backend::StageError, lock::LockError, netlink::NetlinkError, reading::FileError};

/// Nothing is known of the node, or nothing could be done to it.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The right to act on the node.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The host's files.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is about to be done could not be recorded, so nothing was begun.
    #[error(transparent)]
    Unrecorded(NodeError),
    /// The kernel.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The kernel, after something was done.
    #[error("the kernel cannot be read: {0}")]
    Unreadable(NodeError),
    /// The staging root.
    #[error(transparent)]
    Stage(#[from] StageError),
}

impl HostError {
    /// The word in status and log.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Lock(_) => Reason::LockUnavailable,
            Self::File(FileError::Ledger(_)) => Reason::LedgerUnreadable,
            Self::File(FileError::Journal(_)) => Reason::JournalUnreadable,
            Self::File(FileError::Read { .. } | FileError::Replaced { .. })
            | Self::Stage(StageError::File(_)) => Reason::HostFilesUnreadable,
            Self::File(FileError::Write { .. } | FileError::Edited { .. }) | Self::Unrecorded(_) => {
                Reason::HostFilesUnwritable
            }
            Self::Netlink(_) | Self::Unreadable(_) => Reason::KernelUnreadable,
            Self::Stage(StageError::Command(_) | StageError::Broken { .. } | StageError::Io(_)) => {
                Reason::ValidationUnavailable
            }
        }
    }

    /// For people, with the remedy.
    #[must_use]
    pub fn explain(&self) -> String {
        format!("{self}; {}", self.reason().remedy())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn whatever_stops_a_reconcile_is_an_obstacle_to_everybody_who_reads_the_status() {
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let file = || "/etc/netplan".to_owned();
        let errors = [
            HostError::from(LockError::Held),
            HostError::from(LockError::Io(gone())),
            HostError::from(FileError::Read { path: file(), source: gone() }),
            HostError::from(FileError::Write { path: file(), source: gone() }),
            HostError::from(FileError::Replaced { path: file() }),
            HostError::from(FileError::Edited { path: file() }),
            HostError::from(FileError::Ledger(serde_json::from_str::<u8>("").unwrap_err())),
            HostError::from(FileError::Journal(serde_json::from_str::<u8>("").unwrap_err())),
            HostError::Unrecorded(NodeError(String::new())),
            HostError::Unreadable(NodeError(String::new())),
            HostError::from(StageError::Io(gone())),
            HostError::from(StageError::File(FileError::Replaced { path: file() })),
        ];
        for error in errors {
            assert!(error.reason().is_obstacle(), "{} is none", error.reason());
        }
    }
}
