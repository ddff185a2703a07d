//! The node agent: makes a node's additional NICs match its `NodeNetworkConfig`.
//!
//! What is decided is [`multinic_agent_core`]'s; in here is what acts: [`host`] reaches the kernel and the files, [`node`]
//! is one node of both, [`pass`] is one round of looking, deciding, doing and saying, and [`controller`] the loop
//! around it. [`voice`] says it.
//!
//! What never happens here, because it was measured to break the node's own uplink:
//! `netplan apply`, `netplan try`, generating into the live root, a daemon-reload.

mod api_server;
pub mod cleanup;
pub mod config;
pub mod controller;
pub mod health;
pub mod host;
pub mod node;
pub mod pass;
pub mod publish;
pub mod voice;
