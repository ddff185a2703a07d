//! What virtual machines need, built or installed once like the testbed's own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use multinic_testbed::setup::packages::{self, Tool};
use multinic_testbed::setup::progress::Progress;
use multinic_testbed::setup::recipe::fingerprint;
use multinic_testbed::setup::{cache, node_image};

use crate::guest::{Guest, NAME};

const TOOLS: &[Tool] = &[
    Tool { command: "qemu-system-x86_64", package: "qemu-system-x86" },
    Tool { command: "mke2fs", package: "e2fsprogs" },
];

/// The kernel that Debian makes for clouds, the agent by which commands get in, and what tells a permanent MAC address.
const PACKAGES: &str = "linux-image-cloud-amd64,qemu-guest-agent,ethtool";

/// What a machine does by itself and nobody waits for, which takes long under emulation.
const NEEDLESS: [&str; 5] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
];

/// What our page on log lines advises: otherwise networkd removes the routing rules of others whenever a NIC comes back,
/// with multinic or without.
const NETWORKD: (&str, &str) =
    ("etc/systemd/networkd.conf.d/10-foreign.conf", "[Network]\nManageForeignRoutingPolicyRules=no\n");

/// Label of the disk with the host's root.
pub(crate) const ROOT_LABEL: &str = "root";
/// Label of the disk with what is put on the machine from outside, and where that is mounted.
pub(crate) const SHARE_LABEL: &str = "multinic";
pub(crate) const SHARE: &str = "/opt/multinic";

/// What a machine boots from.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) root: PathBuf,
    pub(crate) kernel: PathBuf,
    pub(crate) initrd: PathBuf,
}

/// Makes whatever is missing for such a machine, outside of any testbed: in there is no way to the packages.
pub(crate) fn ensure(guest: &Guest) -> Result<()> {
    ensure_tools()?;
    disk(guest).map(drop)
}

pub(crate) fn ensure_tools() -> Result<()> {
    packages::ensure(TOOLS)
}

/// The disk of a machine, built first where it is not in the cache yet.
pub(crate) fn disk(guest: &Guest) -> Result<Disk> {
    let image = node_image::ensure_for_real_nics("vm-image", "image of the machine", guest.system, PACKAGES)?;
    let (uplink, needless) = (format!("{:?}", (guest.uplink)()), NEEDLESS.join(" "));
    let recipe = fingerprint(&[&image.to_string_lossy(), NAME, &uplink, &needless, NETWORKD.1, SHARE]);
    let built = cache::ensure("vm-disk", &recipe, |directory| build(&image, guest, directory))?;
    Ok(Disk { root: built.join("disk"), kernel: built.join("kernel"), initrd: built.join("initrd") })
}

fn build(image: &Path, guest: &Guest, directory: &Path) -> Result<()> {
    let mut progress = Progress::start("disk of the machine");
    let root = directory.join("root");
    progress.run(Command::new("cp").arg("--archive").arg(image).arg(&root), |_| None)?;
    fs::write(root.join("etc/hostname"), format!("{NAME}\n"))?;
    fs::write(
        root.join("etc/fstab"),
        format!("LABEL={ROOT_LABEL} / ext4 rw 0 1\nLABEL={SHARE_LABEL} {SHARE} ext4 ro 0 0\n"),
    )?;
    fs::create_dir(root.join(SHARE.trim_start_matches('/')))?;
    for (path, text) in (guest.uplink)() {
        fs::write(root.join(path), text).with_context(|| format!("cannot write {path}"))?;
        fs::set_permissions(
            root.join(path),
            Permissions::from_mode(if path.ends_with("yaml") { 0o600 } else { 0o644 }),
        )?;
    }
    let (path, text) = NETWORKD;
    fs::create_dir_all(root.join(path).parent().unwrap_or(&root))?;
    fs::write(root.join(path), text)?;
    progress.run(Command::new("chroot").arg(&root).args(["systemctl", "mask"]).args(NEEDLESS), |_| None)?;
    for (name, to) in [("vmlinuz-", "kernel"), ("initrd.img-", "initrd")] {
        fs::copy(newest(&root.join("boot"), name)?, directory.join(to))?;
    }
    make_disk(&mut progress, ROOT_LABEL, &root, &directory.join("disk"), "2G")?;
    fs::remove_dir_all(&root)?;
    progress.finish();
    Ok(())
}

/// A disk with all that is in `root`.
pub(crate) fn make_disk(
    progress: &mut Progress,
    label: &str,
    root: &Path,
    disk: &Path,
    size: &str,
) -> Result<()> {
    let mut make = Command::new("mke2fs");
    make.args(["-q", "-t", "ext4", "-L", label, "-d"]).arg(root).arg(disk).arg(size);
    progress.run(&mut make, |_| None)
}

/// The last file of `directory` whose name begins so.
fn newest(directory: &Path, prefix: &str) -> Result<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)));
    files.sort();
    files.pop().with_context(|| format!("no {prefix}* in {}", directory.display()))
}
