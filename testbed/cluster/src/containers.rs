//! What a machine is given from outside, so that it can run containers.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::Result;
use multinic_testbed::Testbed;

/// Where the node finds the cluster's binaries.
const BINARIES: &str = "/opt/kubernetes";
/// Where the node's services write what a failed story shows.
const LOGS: &str = "/var/log/testbed";
/// Directories below `/var/lib` in which a layered root's files cannot be layered once more, or mounts are shared.
const STATE: [&str; 2] = ["containerd", "kubelet"];

/// Makes room for one node's containers in `directory`, which is the node's own, and says what systemd-nspawn is told
/// about it, on top of what every machine needs. It stays over a reboot.
pub(crate) fn prepare(bed: &Testbed, directory: &Path, binaries: &Path) -> Result<Vec<OsString>> {
    let state = directory.join("state");
    fs::create_dir(&state)?;
    // In memory for the reason that the root's layer is.
    bed.spawner()?.run(&["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", &state.to_string_lossy()])?;
    for name in STATE {
        fs::create_dir(bed.inside(&state).join(name))?;
    }
    let mut options: Vec<OsString> = vec![
        // To read what the kernel says about memory.
        "--capability=CAP_SYSLOG".into(),
        // Every container gets a key ring of its own.
        "--system-call-filter=add_key keyctl".into(),
        format!("--bind-ro={}:{BINARIES}", binaries.display()).into(),
        format!("--bind={}:{LOGS}", bed.logs().display()).into(),
    ];
    options.extend(STATE.map(|name| format!("--bind={}/{name}:/var/lib/{name}", state.display()).into()));
    Ok(options)
}
