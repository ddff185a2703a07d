//! Real parts for tests, benches and the demo: nothing in here imitates anything, and nothing of it is ever shipped.
//!
//! ```text
//!  setup     packages, control plane and node image, made once and cached
//!    |
//!  Testbed   an isolated network; everything in it vanishes together
//!    |-- ControlPlane   etcd, API server, garbage collector; CRD and RBAC rules as the chart ships them
//!    |-- Database       mariadbd with the table in one of its shapes; Producer writes rows as OpenStack's does
//!    |-- Router         advertises itself to NICs that did not ask
//!    |-- name server    knows the API server
//!    |-- DhcpServer     leases addresses to NICs that ask
//!    |-- Operator       the product's binary, with its own rights only
//!    |-- Prometheus     scrapes the operator and agents, and evaluates alerts
//!    |-- Browser        Chromium, without a screen
//!    |-- Site           a router and a client behind it, on the far side of the NICs
//!    '-- Node           a light or a full machine; NICs come and go; runs the agent; Monitor measures harm
//!
//!  Suite     tells stories in testbeds and counts them as tests
//! ```
//!
//! A story runs inside its testbed's network and waits for nothing but by [`eventually`]. Clusters with pods are a crate
//! of their own on top of this one, `multinic-testbed-cluster`, and so are virtual machines, `multinic-testbed-vm`.

mod parts;
mod sandbox;
pub mod setup;
mod story;

pub use parts::admin::{Answer, get};
pub use parts::ambush::{Ambush, Blow};
pub use parts::authority::{Authority, Credentials};
pub use parts::binaries::{Binaries, bare, binaries, bring_libraries, use_release_binaries};
pub use parts::browser::{Browser, Page, Screen};
pub use parts::control_plane::{ControlPlane, NAMESPACE, SERVER_NAME, Write};
pub use parts::database::{
    DATABASE, Database, OPERATOR_USER, OpenstackConfig, Port, Producer, STATUS_TABLE, Schema, Statements,
    Subnet,
};
pub use parts::dhcp::DhcpServer;
pub use parts::harm::{Harm, Monitor};
pub use parts::node::{Kind, Link, Node, UPLINK, kubernetes_node};
pub use parts::operator::{OPERATOR_HEALTH, OPERATOR_PAGE, Operator};
pub use parts::prometheus::Prometheus;
pub use parts::router::ADVERTISED;
pub use parts::site::Site;
pub use sandbox::eventually::{SOON, eventually};
pub use sandbox::fabric::{GATEWAY, LAN, UPLINKS};
pub use sandbox::process::Process;
pub use sandbox::skip::skip;
pub use sandbox::spawner::Spawner;
pub use sandbox::testbed::Testbed;
pub use setup::System;
pub use story::draw::Draw;
pub use story::harness::{More, Needs, Suite, at_length, full_node_obstacle, named};
pub use story::world::{Named, World};
