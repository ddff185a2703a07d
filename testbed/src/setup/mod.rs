//! Everything that is built or installed once, before the first testbed: idempotent, shared between processes,
//! and never silent for long.

mod apt;
pub mod bare_root;
pub mod cache;
pub mod control_plane;
pub mod go;
mod ifquery;
pub mod node_image;
pub mod packages;
pub mod progress;
pub mod prometheus;
pub mod recipe;
pub mod system;
pub mod unpacked;

use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Result, anyhow, bail};

pub use system::{SYSTEMS, System};

/// What a finished setup offers. Cloning is cheap; nothing in it is ever written to again.
#[derive(Debug, Clone)]
pub struct Assets {
    /// Directory of `etcd`, `kube-apiserver`, `kubectl` and, unless foreign assets lack it, `kube-controller-manager`.
    pub control_plane: PathBuf,
    /// Root file system of a node, of the same distribution release as this host.
    pub node_image: PathBuf,
    /// ifupdown's reader of its files.
    pub ifquery: PathBuf,
}

/// What came of a setup, for all of this process: the threads of a test run must not all start apt at the same time.
pub type Once<T> = OnceLock<Result<T, String>>;

/// Installs, builds and caches whatever is missing; returns at once, and quietly, when nothing is.
///
/// Safe to call from several processes at the same time: the first builds, the others wait.
pub fn ensure() -> Result<Assets> {
    static ENSURED: Once<Assets> = Once::new();
    once(&ENSURED, || {
        packages::ensure(packages::TESTBED)?;
        Ok(Assets {
            control_plane: control_plane::ensure()?,
            node_image: node_image::ensure(&system::NETPLAN)?,
            ifquery: ifquery::ensure()?,
        })
    })
}

/// The root file system of a node of this kind.
pub fn ensure_system(system: &System) -> Result<PathBuf> {
    if let Some(obstacle) = system.obstacle() {
        bail!("{obstacle}");
    }
    packages::ensure(packages::TESTBED)?;
    node_image::ensure(system)
}

/// What `ensure` made, or why it could not, the first time that this process asked.
pub fn once<T: Clone>(ensured: &Once<T>, ensure: impl FnOnce() -> Result<T>) -> Result<T> {
    ensured
        .get_or_init(|| ensure().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|error| anyhow!("cannot set up the testbed: {error}"))
}

/// Says why there can be no browser here, or nothing when there can.
#[must_use]
pub fn browser_obstacle() -> Option<&'static str> {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let is_debian = release.lines().any(|line| line == "ID=debian");
    (!is_debian).then_some("needs Debian, whose packages have Chromium")
}

/// Says why testbeds cannot run here, or nothing when they can.
///
/// Missing packages are not a reason: [`ensure`] installs them.
#[must_use]
pub fn obstacle() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root: run it with sudo, or as root in a container with --privileged".to_owned());
    }
    if !packages::is_installed("apt-get") {
        return Some("needs Debian or Ubuntu: nodes are made from the host's own packages".to_owned());
    }
    let probe = std::process::Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "mount", "-t", "tmpfs", "none", "/mnt"])
        .output();
    match probe {
        Err(error) => Some(format!("cannot run unshare (package util-linux): {error}")),
        Ok(output) if !output.status.success() => Some(format!(
            "cannot create namespaces and mounts, as in an unprivileged container: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Ok(_) => None,
    }
}
