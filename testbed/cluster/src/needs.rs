//! What stories on clusters need.

use std::path::Path;

use multinic_testbed::{More, Needs};

use crate::setup;

/// Machines that run pods.
pub const CLUSTER: Needs = Needs::More(More { obstacle, ensure: || setup::ensure().map(drop) });

/// Says why pods cannot run here, or nothing when they can.
fn obstacle() -> Option<&'static str> {
    // A kubelet's own groups would need controllers that nobody hands down to a machine in a container.
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists().then_some(
        "nodes run pods only on hosts with control groups of version 1 so far; this one has version 2",
    )
}
