//! An isolated network and the processes in it: nothing of Kubernetes, OpenStack or multinic.

mod ended;
pub(crate) mod eventually;
pub(crate) mod fabric;
pub(crate) mod process;
pub(crate) mod skip;
pub(crate) mod spawner;
pub(crate) mod testbed;
