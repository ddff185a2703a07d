//! Clusters that run pods, for the tests of images and chart: a crate of its own, since nothing else needs what they
//! are made of.
//!
//! ```text
//!  setup     what a cluster needs on top of the testbed, made once and cached
//!    |
//!  Cluster   in a Testbed: a whole control plane without anything of multinic, and nodes that run pods
//!    |-- HostCommand   kubectl, helm, ssh and scripts, as an administrator runs them
//!    |-- Registry      of images, as a company has one
//!    '-- Visit         images and people come to a node
//! ```
//!
//! Everything else of a testbed, its nodes included, is in [`multinic_testbed`].

mod cluster;
mod command;
mod containers;
mod input;
mod member;
mod needs;
mod plane;
mod registry;
pub mod setup;
mod visit;

pub use cluster::Cluster;
pub use command::{Finished, HostCommand};
pub use member::{CONTROL_PLANE_LABEL, Runtime};
pub use needs::CLUSTER;
pub use registry::Registry;
pub use visit::Visit;
