//! Doing: everything that reaches out of this process to the node.

pub mod chroot;
pub mod detect;
pub mod events;
pub mod files;
pub mod generator;
pub mod lock;
pub mod netlink;
pub mod remains;
pub mod root;
mod routes;
