//! One agent acts on a node at a time, also while a roll-out runs two.

use std::{
    fs::{File, TryLockError},
    io,
    os::fd::{AsFd, BorrowedFd},
};

use crate::host::root::HostRoot;

/// Where the file is.
pub(super) const DIRECTORY: &str = "/run/multinic";
/// The file, which stays when the lock is given up: one that is taken away under somebody
/// who waits for it would be locked twice.
pub const PATH: &str = "/run/multinic/agent.lock";

/// The right to act on this node, for as long as it is held.
#[derive(Debug)]
pub struct NodeLock {
    file: File,
}

/// The lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// There is nothing to lock.
    #[error("failed to lock {PATH}: {0}")]
    Io(#[from] io::Error),
    /// Somebody else has it.
    #[error("another agent acts on this node")]
    Held,
}

impl NodeLock {
    /// Takes the lock, unless another agent holds it.
    pub fn take(root: &HostRoot) -> Result<Self, LockError> {
        root.make_directory(DIRECTORY)?;
        let file = root.open_or_create(PATH)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// Whoever has a duplicate of it holds the lock as well.
impl AsFd for NodeLock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_waits_for_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path().to_owned());
        let first = NodeLock::take(&root).unwrap();
        assert!(matches!(NodeLock::take(&root), Err(LockError::Held)));
        drop(first);
        NodeLock::take(&root).unwrap();
    }
}
