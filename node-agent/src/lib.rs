//! The node agent: makes a node's additional NICs match its `NodeNetworkConfig`.
//!
//! What is decided is [`multinic_agent_core`]'s; in here is what acts: [`host`] reaches the kernel and the files,
//! [`reconcile`] is one round of observing, planning, executing and reporting, [`wire`] is what goes on beside that with the
//! networks of NICs, [`run`] is the loop around both, and [`report`] tells everybody.
//!
//! What never happens here, because it was measured to break the node's own uplink:
//! `netplan apply`, `netplan try`, generating into the live root, a daemon-reload.

mod api_server;
pub mod cleanup;
pub mod config;
pub mod host;
mod object;
pub mod reconcile;
pub mod report;
pub mod restore;
pub mod run;
pub mod wire;
