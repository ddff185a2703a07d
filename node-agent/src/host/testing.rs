//! A host's root for tests.

use std::fs;

use crate::host::root::HostRoot;

/// A root with these files, until the directory is dropped.
pub(crate) fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, HostRoot) {
    let directory = tempfile::tempdir().unwrap();
    let root = HostRoot::new(directory.path().to_owned());
    for (path, text) in files {
        let path = root.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (directory, root)
}
