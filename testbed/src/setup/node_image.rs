//! The root file system of a node: this host's own release, so that what is built here runs there; or another one, for
//! what only that has.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::progress::Progress;
use super::recipe::fingerprint;
use super::system::{self, System};
use super::{apt, cache};

const PACKAGES: &str = "systemd,systemd-sysv,dbus,udev,iproute2,iputils-ping";
const VETH_NAME: &str = include_str!("../../node-image/veth-name");
const VETH_NAME_RULE: &str = include_str!("../../node-image/99-zz-veth-name.rules");
/// The most NICs an object may have; so many names need the veth drop-in.
const NAMES: usize = 20;

/// The image's directory, bootstrapped first where it is not in the cache yet.
pub(super) fn ensure(system: &System) -> Result<PathBuf> {
    image("node-image", "node image", system, "", Nics::Veths)
}

/// The same with `more` packages than a node needs, as a list with commas: cached as `name`, and made in this `step`.
pub fn ensure_with(name: &str, step: &'static str, more: &str) -> Result<PathBuf> {
    image(name, step, &system::NETPLAN, more, Nics::Veths)
}

/// The same for a virtual machine of this kind, whose NICs need no help to be recognised.
pub fn ensure_for_real_nics(name: &str, step: &'static str, system: &System, more: &str) -> Result<PathBuf> {
    image(name, step, system, more, Nics::Real)
}

/// What the NICs of a node are to its udev.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nics {
    Veths,
    Real,
}

fn image(name: &str, step: &'static str, system: &System, more: &str, nics: Nics) -> Result<PathBuf> {
    let own = apt::codename()?;
    let codename = system.codename.unwrap_or(&own);
    let packages: Vec<_> =
        [PACKAGES, system.packages, more].into_iter().filter(|list| !list.is_empty()).collect();
    let packages = packages.join(",");
    let (units, files) = (format!("{:?}", (system.enabled, system.disabled)), format!("{:?}", system.files));
    let archive = system.archive.map(std::env::var).transpose()?.unwrap_or_default();
    let arch = std::env::consts::ARCH;
    let veths = match nics {
        Nics::Veths => [VETH_NAME, VETH_NAME_RULE, &drop_in(0)].concat(),
        Nics::Real => String::new(),
    };
    let recipe = fingerprint(&[codename, arch, &packages, &units, &files, &archive, &veths]);
    cache::ensure(name, &recipe, |root| {
        build(root, step, codename, &packages, system)?;
        if nics == Nics::Veths {
            name_veths_like_real_nics(root)?;
        }
        Ok(())
    })
}

fn build(root: &Path, step: &'static str, codename: &str, packages: &str, system: &System) -> Result<()> {
    let mut progress = Progress::start(step);
    let mut bootstrap = Command::new("mmdebstrap");
    bootstrap.args(["--mode=root", "--variant=minbase", "--include", packages]).arg(codename).arg(root);
    bootstrap.args(apt::sources(codename)?);
    progress.run(&mut bootstrap, |line| line.strip_prefix("I: ").map(str::to_owned))?;

    progress.at("making it a node");
    if let Some(variable) = system.archive {
        let archive = std::env::var(variable)?;
        let mut unpack = Command::new("tar");
        unpack.arg("-C").arg(root).args(["--keep-directory-symlink", "-xJf", &archive]);
        progress.run(&mut unpack, |_| None)?;
        progress.run(Command::new("chroot").arg(root).arg("ldconfig"), |_| None)?;
    }
    for (path, text) in system.files {
        fs::create_dir_all(root.join(path).parent().unwrap_or(root))?;
        // What is there may be a link to another file.
        let _ = fs::remove_file(root.join(path));
        fs::write(root.join(path), text)?;
    }
    for (verb, units) in [("disable", system.disabled), ("enable", system.enabled)] {
        if !units.is_empty() {
            progress.run(Command::new("chroot").arg(root).args(["systemctl", verb]).args(units), |_| None)?;
        }
    }
    // Nodes that share an identity get the same MAC addresses from udev.
    fs::write(root.join("etc/machine-id"), "")?;
    forget_host_keys(root)?;
    progress.finish();
    Ok(())
}

/// Installing an ssh server makes keys for it. Machines that share them could pass for each other.
fn forget_host_keys(root: &Path) -> Result<()> {
    let Ok(files) = fs::read_dir(root.join("etc/ssh")) else { return Ok(()) };
    for file in files {
        let file = file?;
        if file.file_name().to_string_lossy().starts_with("ssh_host_") {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

/// A veth has neither a permanent MAC nor a driver, so nothing that netplan generates would ever match it.
fn name_veths_like_real_nics(root: &Path) -> Result<()> {
    let script = root.join("usr/lib/udev/veth-name");
    // Debian 11 has udev's own in /lib.
    fs::create_dir_all(root.join("usr/lib/udev"))?;
    fs::write(&script, VETH_NAME)?;
    fs::set_permissions(&script, Permissions::from_mode(0o755))?;
    fs::write(root.join("etc/udev/rules.d/99-zz-veth-name.rules"), VETH_NAME_RULE)?;
    for slot in 0..NAMES {
        let directory = root.join(format!("etc/systemd/network/10-netplan-multinic{slot}.network.d"));
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("veth.conf"), drop_in(slot))?;
    }
    Ok(())
}

/// The empty assignment resets what netplan generated.
fn drop_in(slot: usize) -> String {
    format!("[Match]\nPermanentMACAddress=\nName=multinic{slot}\n")
}
