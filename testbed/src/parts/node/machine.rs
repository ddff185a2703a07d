//! What runs on a node while it is powered on.

use std::path::PathBuf;

use crate::sandbox::process::Process;
use crate::sandbox::spawner::Spawner;

/// The NIC that the node's own configuration owns. Nobody else may touch it.
pub const UPLINK: &str = "eth0";

/// What runs on a node while it is powered on.
pub(super) struct Machine {
    /// Starts processes as if on the node.
    pub(super) spawner: Spawner,
    /// Where a process on the node finds the host's root.
    pub(super) root_on_node: PathBuf,
    /// Where this process finds the same.
    pub(super) root_from_here: PathBuf,
    /// Where a process on the node finds what was put there from outside.
    pub(super) share_on_node: PathBuf,
    /// What a person types before a command to run it on the node.
    pub(super) enter: String,
    /// What ends the machine, where there is one.
    pub(super) power: Option<Power>,
}

/// A running machine, by its two ends.
pub(super) struct Power {
    /// Its control groups, one in each hierarchy.
    pub(super) groups: Vec<PathBuf>,
    /// Asked to end, it shuts the machine down in order.
    pub(super) nspawn: Process,
    /// Nothing in the machine outlives this process of it.
    pub(super) init: u32,
}
