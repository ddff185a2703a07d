//! Doing: everything that reaches out of this process to the node.

pub mod backend;
pub mod chroot;
pub mod error;
pub mod events;
pub mod facts;
pub mod files;
pub mod journal;
mod last_object;
pub mod leases;
pub mod lock;
pub mod machine;
pub mod memory;
pub mod mounts;
pub mod netlink;
mod others;
pub mod reading;
pub mod remains;
mod retries;
pub mod root;
pub mod standby;
#[cfg(test)]
mod testing;
pub mod udev;
pub mod underway;
pub mod wire;
