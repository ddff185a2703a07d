//! A node's root directory: the cached image, with what makes it this node.

use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::sandbox::testbed::Testbed;
use crate::setup::system::{File, System};

/// Mounts a writable layer over the image `$1` at `$2`.
///
/// In memory: below a container the temporary directory is an overlay itself, which cannot hold another's layer.
const LAYER: &str = r#"
mount -t tmpfs -o mode=755 tmpfs "$2"
mkdir "$2/layer" "$2/work"
cd "$2"
mount -t overlay overlay -o "lowerdir=$1,upperdir=layer,workdir=work" "$2"
"#;

/// Unmounts what is below the directory `$1`, layer by layer, and removes it.
const DISCARD: &str = r#"
for mount in "$1"/*; do
    while mountpoint -q "$mount"; do
        umount "$mount"
    done
done
rm -r "$1"
"#;

/// Directories of one node.
pub(super) struct Root {
    pub(super) directory: PathBuf,
    /// The merged root; only inside the fabric is anything there.
    pub(super) path: PathBuf,
    /// What is put on the node from outside, such as the agent's binary. Read-only there.
    pub(super) share: PathBuf,
    /// What systemd-nspawn is told on top of what every machine needs.
    pub(super) options: Vec<OsString>,
}

impl Root {
    /// Lays a writable, empty layer over the image and gives it an identity and a configuration for its uplink.
    pub(super) fn clone_image(
        bed: &Testbed,
        name: &str,
        address: Ipv4Addr,
        image: &Path,
        system: &System,
    ) -> Result<Self> {
        let directory = bed.part(&format!("node-{name}"))?;
        let root = Self {
            path: directory.join("root"),
            share: directory.join("share"),
            options: Vec::new(),
            directory,
        };
        fs::create_dir(&root.path)?;
        fs::create_dir(&root.share)?;
        let (lower, merged) = (image.to_string_lossy(), root.path.to_string_lossy());
        bed.spawner()?.run(&["sh", "-ec", LAYER, "layer", &lower, &merged])?;

        let inside = bed.inside(&root.path);
        identify(&inside, name)?;
        configure_uplink(&inside, address, system)?;
        Ok(root)
    }

    /// Removes everything; the node must be off.
    pub(super) fn discard(self, bed: &Testbed) -> Result<()> {
        bed.spawner()?.run(&["sh", "-ec", DISCARD, "discard", &self.directory.to_string_lossy()])?;
        Ok(())
    }
}

fn identify(root: &Path, name: &str) -> Result<()> {
    // Nodes that share one get the same MAC addresses from udev.
    let identity = fs::read_to_string("/proc/sys/kernel/random/uuid")?.replace('-', "");
    fs::write(root.join("etc/machine-id"), identity)?;
    fs::write(root.join("etc/hostname"), format!("{name}\n"))?;
    Ok(())
}

pub(super) fn configure_uplink(root: &Path, address: Ipv4Addr, system: &System) -> Result<()> {
    for File { path, mode, text } in (system.uplink)(address) {
        let path = root.join(path);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}
