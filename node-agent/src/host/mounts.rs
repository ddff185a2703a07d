//! Whether the directories that a container has mounted are still those of the host.
//!
//! A mount goes on showing the directory that it was made of after that one was moved away, and another took its place.
//! The kernel tells where in its file system the mounted directory lies now.
//!
//! What cannot be seen from a container: a file system that the host mounts over such a directory later.

use std::{collections::BTreeMap, fs, os::fd::AsRawFd};

use multinic_agent_core::backend::ALL;

use crate::host::{files::STATE, lock, others, reading::FileError, root::HostRoot};

/// What each directory was mounted from when it was first looked at: the mount, and where in its file system that
/// begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mounts(BTreeMap<&'static str, (u64, String)>);

impl Mounts {
    /// An error where a directory is not any more the one that it was at the first look.
    pub fn check(&mut self, root: &HostRoot) -> Result<(), FileError> {
        for (directory, mount) in look(root)? {
            match self.0.get(directory) {
                Some((id, place)) if *id == mount.0 && *place != mount.1 => {
                    return Err(FileError::Replaced { path: directory.to_owned() });
                }
                _ => drop(self.0.insert(directory, mount)),
            }
        }
        Ok(())
    }
}

fn look(root: &HostRoot) -> Result<BTreeMap<&'static str, (u64, String)>, FileError> {
    let read = |path: String| fs::read_to_string(&path).map_err(|source| FileError::Read { path, source });
    let mounts = read("/proc/self/mountinfo".to_owned())?;
    let mut found = BTreeMap::new();
    for directory in surveyed() {
        let Some(opened) =
            root.directory_if_any(directory).map_err(|source| FileError::of(directory, source))?
        else {
            continue;
        };
        let description = read(format!("/proc/self/fdinfo/{}", opened.as_raw_fd()))?;
        let mount = mount_id(&description).and_then(|id| Some((id, place(&mounts, id)?)));
        found.extend(mount.map(|mount| (directory, mount)));
    }
    Ok(found)
}

/// Every directory that is looked into, and that a container may have mounted by itself.
fn surveyed() -> impl Iterator<Item = &'static str> {
    let written = ALL.places().map(|place| place.directory);
    others::directories().chain(written).chain([STATE, lock::DIRECTORY])
}

/// The mount that a descriptor is on, from its description by the kernel.
fn mount_id(description: &str) -> Option<u64> {
    description.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().parse().ok()
}

/// Where in its file system a mount of ours begins; none for one of another mount namespace.
fn place(mounts: &str, id: u64) -> Option<String> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let found: u64 = words.next()?.parse().ok()?;
        (found == id).then(|| words.nth(2).map(str::to_owned))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_found_by_its_number_and_begins_where_the_kernel_says() {
        let mounts = "22 28 0:20 / /proc rw - proc proc rw\n91 43 254:0 /etc/netplan.old /host/etc/netplan rw - ext4 /dev/vda rw\n";
        assert_eq!(place(mounts, 91).as_deref(), Some("/etc/netplan.old"));
        assert_eq!((place(mounts, 22).as_deref(), place(mounts, 9)), (Some("/"), None));
        assert_eq!(mount_id("pos:\t0\nflags:\t0200000\nmnt_id:\t91\nino:\t5\n"), Some(91));
        assert_eq!(mount_id("pos:\t0\n"), None);
    }
}
