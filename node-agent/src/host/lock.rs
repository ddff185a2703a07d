//! One agent acts on a node at a time, also while a roll-out runs two.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
};

use crate::host::root::HostRoot;

const PATH: &str = "/run/multinic/agent.lock";

/// The right to act on this node, for as long as it is held.
#[derive(Debug)]
pub struct NodeLock {
    _file: File,
}

impl NodeLock {
    /// Takes the lock; `None` while another agent holds it.
    pub fn try_take(root: &HostRoot) -> io::Result<Option<Self>> {
        let path = root.at(PATH);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_waits_for_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path().to_owned());
        let first = NodeLock::try_take(&root).unwrap();
        assert!(first.is_some());
        assert!(NodeLock::try_take(&root).unwrap().is_none());
        drop(first);
        assert!(NodeLock::try_take(&root).unwrap().is_some());
    }
}
