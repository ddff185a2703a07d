//! A kernel as before Linux 5.6, which does not know `openat2`. In a process of its own: once that call has failed, it is
//! not tried again.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, os::unix::fs::symlink};

use multinic_agent::host::root::{HostRoot, Unread};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

const OPENAT2: i64 = 437; // on every architecture, as all calls this young
const ENOSYS: u32 = 38;

#[test]
fn links_are_followed_within_the_hosts_root_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let root = HostRoot::new(directory.path().to_owned());
    let at = |path: &str| directory.path().join(path);
    fs::create_dir_all(at("opt/site")).unwrap();
    fs::create_dir_all(at("etc")).unwrap();
    symlink("/opt/site", at("etc/linked")).unwrap();
    symlink("/nowhere", at("opt/site/gone.yaml")).unwrap();
    forget_openat2();

    root.replace("/etc/linked/60.yaml", "ours", 0o600).unwrap();
    assert_eq!(root.text("/opt/site/60.yaml").unwrap().as_deref(), Some("ours"));
    let listed = root.list("/etc/linked", ".yaml").unwrap();
    let expected = [("60.yaml", Ok(b"ours".to_vec())), ("gone.yaml", Err(Unread::OutOfSight))];
    assert_eq!(listed, expected.map(|(name, content)| (name.to_owned(), content)).into());
}

fn forget_openat2() {
    let filter = SeccompFilter::new(
        [(OPENAT2, vec![])].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(ENOSYS),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    apply_filter(&BpfProgram::try_from(filter.unwrap()).unwrap()).unwrap();
}
