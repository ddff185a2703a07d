//! A node's root directory: the cached image, with what makes it this node.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::UPLINK;
use crate::Testbed;
use crate::fabric::GATEWAY;

/// Mounts a writable layer over the image `$1` at `$2`.
///
/// In memory: below a container the temporary directory is an overlay itself, which cannot hold another's layer.
const LAYER: &str = r#"
mount -t tmpfs -o mode=755 tmpfs "$2"
mkdir "$2/layer" "$2/work"
cd "$2"
mount -t overlay overlay -o "lowerdir=$1,upperdir=layer,workdir=work" "$2"
"#;

/// Directories of one node.
pub(super) struct Root {
    /// The merged root; only inside the fabric is anything there.
    pub(super) path: PathBuf,
    /// What is put on the node from outside, such as the agent's binary. Read-only there.
    pub(super) share: PathBuf,
}

impl Root {
    /// Lays a writable, empty layer over the image and gives it an identity and a configuration for its uplink.
    pub(super) fn clone_image(bed: &Testbed, name: &str, address: Ipv4Addr) -> Result<Self> {
        let directory = bed.part(&format!("node-{name}"))?;
        let root = Self { path: directory.join("root"), share: directory.join("share") };
        fs::create_dir(&root.path)?;
        fs::create_dir(&root.share)?;
        let image = bed.assets().node_image.to_string_lossy();
        bed.spawner()?.run(&["sh", "-ec", LAYER, "layer", &image, &root.path.to_string_lossy()])?;

        let inside = bed.inside(&root.path);
        identify(&inside, name)?;
        configure_uplink(&inside, address)?;
        Ok(root)
    }
}

fn identify(root: &Path, name: &str) -> Result<()> {
    // Nodes that share one get the same MAC addresses from udev.
    let identity = fs::read_to_string("/proc/sys/kernel/random/uuid")?.replace('-', "");
    fs::write(root.join("etc/machine-id"), identity)?;
    fs::write(root.join("etc/hostname"), format!("{name}\n"))?;
    Ok(())
}

/// The file and its name are cloud-init's: for the agent they are foreign.
fn configure_uplink(root: &Path, address: Ipv4Addr) -> Result<()> {
    let yaml = format!(
        "network:\n  version: 2\n  ethernets:\n    {UPLINK}:\n      match: {{name: {UPLINK}}}\n      \
         addresses: [{address}/24]\n      routes: [{{to: 0.0.0.0/0, via: {GATEWAY}}}]\n      \
         link-local: []\n      accept-ra: false\n"
    );
    let path = root.join("etc/netplan/50-cloud-init.yaml");
    fs::write(&path, yaml).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}
