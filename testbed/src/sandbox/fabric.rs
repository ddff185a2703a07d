//! The isolated little world that one testbed lives in.
//!
//! ```text
//!  fabric: one network, mount and PID namespace
//!    API server, mariadbd, operator, test code (network only)
//!    fabric0 192.0.2.1/24 ──┬── uplink of node 1 (its own network namespace)
//!                           └── uplink of node 2
//!    lan0 (no address) ─────┴── whatever is plugged into the nodes
//! ```

use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use nix::sched::CloneFlags;

use crate::sandbox::spawner::{Namespace, Spawner};

/// The address of the fabric on the nodes' uplink network: their gateway, API server and database.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The bridge of the uplinks, see `fabric.sh`.
pub const UPLINKS: &str = "fabric0";
/// The bridge of all other NICs, see `fabric.sh`.
pub const LAN: &str = "lan0";

const SCRIPT: &str = include_str!("fabric.sh");

/// Namespaces and a directory that vanish together, also when this process is killed.
#[derive(Debug)]
pub(crate) struct Fabric {
    /// Dropped, that is joined, before the holder: its thread would keep the namespaces alive.
    spawner: Option<Spawner>,
    holder: Child,
    /// The process whose namespaces these are, in the outer PID namespace.
    pid: u32,
    directory: PathBuf,
}

impl Fabric {
    pub(crate) fn build() -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("multinic-testbed-{}-", std::process::id()))
            .tempdir()?
            .keep();
        // mariadbd runs as another user and must get through to its own directory.
        std::fs::set_permissions(&directory, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let mut holder = Command::new("sh")
            .args(["-c", SCRIPT, "fabric"])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for its owner; the holder only follows.
            .process_group(0)
            .spawn()
            .context("cannot run sh")?;
        let mut pid = String::new();
        BufReader::new(holder.stdout.take().context("standard output was not piped")?).read_line(&mut pid)?;
        let pid =
            pid.trim().parse().context("cannot create the testbed's namespaces; see the lines above")?;
        let mut fabric = Self { spawner: None, holder, pid, directory };
        fabric.spawner = Some(Spawner::enter(fabric.namespaces()?)?);
        Ok(fabric)
    }

    /// Starts processes that see all of the testbed.
    pub(crate) fn spawner(&self) -> Result<&Spawner> {
        self.spawner.as_ref().context("the testbed is being torn down")
    }

    /// A spawner like [`Self::spawner`], but in the network namespace of a node.
    pub(crate) fn spawner_in(&self, netns: &str) -> Result<Spawner> {
        let mut namespaces = self.namespaces()?;
        let path = self.inside(Path::new(&format!("/run/netns/{netns}")));
        namespaces.push(Namespace::open(&path.to_string_lossy(), CloneFlags::CLONE_NEWNET)?);
        Spawner::enter(namespaces)
    }

    /// Moves the calling thread's network, and that of the threads it starts later, into the fabric.
    pub(crate) fn enter_network(&self) -> Result<()> {
        let network = Namespace::open(&format!("/proc/{}/ns/net", self.pid), CloneFlags::CLONE_NEWNET)?;
        network.enter().context("cannot enter the testbed's network")
    }

    /// The testbed's directory. The path is the same inside and outside, but mounts in it show only inside.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The path by which this process reaches what is at `path` inside the fabric, mounts included.
    pub(crate) fn inside(&self, path: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.pid, path.display()))
    }

    /// What a person types before a command to run it inside.
    pub(crate) fn enter_command(&self) -> String {
        format!("nsenter -t {} -n -m -p", self.pid)
    }

    fn namespaces(&self) -> Result<Vec<Namespace>> {
        [
            ("net", CloneFlags::CLONE_NEWNET),
            ("pid", CloneFlags::CLONE_NEWPID),
            ("mnt", CloneFlags::CLONE_NEWNS),
        ]
        .into_iter()
        .map(|(name, kind)| Namespace::open(&format!("/proc/{}/ns/{name}", self.pid), kind))
        .collect()
    }
}

impl Drop for Fabric {
    fn drop(&mut self) {
        self.spawner = None;
        self.holder.stdin = None;
        // When it has ended, everything is gone; there is nobody to tell that it was not there to wait for.
        let _ = self.holder.wait();
    }
}
