//! What a machine is given from outside, so that it can run containers.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::sandbox::testbed::Testbed;

/// Where the node finds the cluster's binaries.
const BINARIES: &str = "/opt/kubernetes";
/// Where the node's services write what a failed story shows.
const LOGS: &str = "/var/log/testbed";
/// Directories below `/var/lib` in which a layered root's files cannot be layered once more, or mounts are shared.
const STATE: [&str; 2] = ["containerd", "kubelet"];

/// Directories of one node's containers. They stay over a reboot.
pub(super) struct Containers {
    state: PathBuf,
    binaries: PathBuf,
    logs: PathBuf,
}

impl Containers {
    /// Makes them in `directory`, which is the node's own.
    pub(super) fn prepare(bed: &Testbed, directory: &Path, binaries: &Path) -> Result<Self> {
        let state = directory.join("state");
        fs::create_dir(&state)?;
        // In memory for the reason that the root's layer is.
        bed.spawner()?.run(&["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", &state.to_string_lossy()])?;
        for name in STATE {
            fs::create_dir(bed.inside(&state).join(name))?;
        }
        Ok(Self { state, binaries: binaries.to_owned(), logs: bed.logs() })
    }

    /// What systemd-nspawn is told on top of what every machine needs.
    pub(super) fn options(&self) -> Vec<OsString> {
        let mut options: Vec<OsString> = vec![
            // To read what the kernel says about memory.
            "--capability=CAP_SYSLOG".into(),
            // Every container gets a key ring of its own.
            "--system-call-filter=add_key keyctl".into(),
            format!("--bind-ro={}:{BINARIES}", self.binaries.display()).into(),
            format!("--bind={}:{LOGS}", self.logs.display()).into(),
        ];
        options.extend(
            STATE.map(|name| format!("--bind={}/{name}:/var/lib/{name}", self.state.display()).into()),
        );
        options
    }
}
