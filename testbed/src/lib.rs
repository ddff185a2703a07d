//! Real parts for tests, benches and the demo: nothing in here imitates anything, and nothing of it is ever shipped.
//!
//! ```text
//!  setup     packages, control plane and node image, made once and cached
//!    |
//!  Testbed   an isolated network; everything in it vanishes together
//!    |-- ControlPlane   etcd, API server, garbage collector; CRD and RBAC rules as the chart ships them
//!    |-- Database       mariadbd with the table in one of its shapes; Producer writes rows as OpenStack's does
//!    |-- Operator       the product's binary, with its own rights only
//!    |-- Cluster        a whole control plane without anything of multinic, and nodes that run pods
//!    '-- Node           a light or a full machine; NICs come and go; runs the agent; Monitor measures harm
//!
//!  Suite     tells stories in testbeds and counts them as tests
//! ```
//!
//! A story runs inside its testbed's network and waits for nothing but by [`eventually`].

mod admin;
mod ambush;
mod authority;
mod binaries;
mod cluster;
mod control_plane;
mod database;
mod eventually;
mod fabric;
mod harm;
mod harness;
mod node;
mod operator;
mod process;
pub mod setup;
mod spawner;
mod testbed;
mod world;

pub use admin::{Answer, get};
pub use ambush::Ambush;
pub use binaries::{Binaries, binaries, use_release_binaries};
pub use cluster::{CONTROL_PLANE_LABEL, Cluster, Finished, HostCommand, Registry, Runtime};
pub use control_plane::{ControlPlane, NAMESPACE, Write};
pub use database::{
    DATABASE, Database, OPERATOR_USER, OpenstackConfig, Port, Producer, Schema, Statements, Subnet,
};
pub use eventually::{SOON, eventually};
pub use fabric::GATEWAY;
pub use harm::{Harm, Monitor};
pub use harness::{Needs, Suite, full_node_obstacle, skip};
pub use node::{Kind, Link, Node, UPLINK};
pub use operator::{OPERATOR_HEALTH, Operator};
pub use process::Process;
pub use testbed::Testbed;
pub use world::World;
