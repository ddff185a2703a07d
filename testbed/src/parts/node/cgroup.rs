//! A control group of its own for a machine, in every hierarchy that this host has.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Makes the group `name` below this process's own, in each hierarchy, and returns its directories. They are empty:
/// what a machine left there when its power was cut is gone, as with a real one.
///
/// The fabric's holder removes whatever has its testbed's name.
pub(super) fn create(name: &str) -> Result<Vec<PathBuf>> {
    let groups = fs::read_to_string("/proc/self/cgroup").context("cannot read /proc/self/cgroup")?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
    let mut created = Vec::new();
    for own in directories(&groups, &mounts) {
        let directory = own.join(name);
        if directory.exists() {
            remove(&directory)?;
        }
        fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
        inherit_cpus(&own, &directory)?;
        created.push(directory);
    }
    Ok(created)
}

/// A group can only be removed once it has no groups in it. Its files go with it.
fn remove(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(directory).with_context(|| format!("cannot remove {}", directory.display()))
}

/// A cpuset of version 1 starts out empty, and nothing can run in it.
fn inherit_cpus(parent: &Path, child: &Path) -> Result<()> {
    if !child.join("cgroup.clone_children").exists() || !child.join("cpuset.cpus").exists() {
        return Ok(());
    }
    for file in ["cpuset.cpus", "cpuset.mems"] {
        fs::write(child.join(file), fs::read(parent.join(file))?)?;
    }
    // What the machine makes below it inherits by itself.
    fs::write(child.join("cgroup.clone_children"), "1")?;
    Ok(())
}

/// This process's own directory in every mounted hierarchy.
fn directories(groups: &str, mounts: &str) -> Vec<PathBuf> {
    groups
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            let mount = mounts.lines().find_map(|mount| mount_point(mount, controllers))?;
            Some(Path::new(mount).join(path.trim_start_matches('/')))
        })
        .collect()
}

/// Where `mount` shows the hierarchy of `controllers`, if it does; without controllers, that of version 2.
fn mount_point<'mounts>(mount: &'mounts str, controllers: &str) -> Option<&'mounts str> {
    let (place, hierarchy) = mount.split_once(" - ")?;
    let mut hierarchy = hierarchy.split(' ');
    let (kind, options) = (hierarchy.next()?, hierarchy.nth(1)?);
    let shown = match controllers {
        "" => kind == "cgroup2",
        _ => {
            kind == "cgroup"
                && controllers.split(',').all(|one| options.split(',').any(|option| option == one))
        }
    };
    shown.then(|| place.split(' ').nth(4)).flatten()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::directories;

    const MOUNTS: &str = "\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn own_groups_are_found_in_both_versions() {
        let groups = "4:memory:/a/b\n2:cpu,cpuacct:/\n1:name=systemd:/user.slice\n0::/user.slice\n";
        assert_eq!(
            directories(groups, MOUNTS),
            [
                "/sys/fs/cgroup/memory/a/b",
                "/sys/fs/cgroup/cpu,cpuacct/",
                "/sys/fs/cgroup/systemd/user.slice",
                "/sys/fs/cgroup/unified/user.slice",
            ]
            .map(PathBuf::from)
        );
    }

    #[test]
    fn a_hierarchy_that_is_not_mounted_is_left_out() {
        assert_eq!(directories("7:pids:/a\n", MOUNTS), Vec::<PathBuf>::new());
    }
}
