//! The node agent: makes a node's additional NICs match its `NodeNetworkConfig`.
//!
//! ```text
//!  NodeNetworkConfig ──parse──▶ Desired ─┐
//!  netlink, files ─────look───▶ World ───┴─plan─▶ Plan ──execute──▶ kernel, files
//!                                                   └────report───▶ .status
//! ```
//!
//! Deciding ([`desired`], [`fence`], [`foreign`], [`plan`], [`next_boot`],
//! [`converge`], [`status`])
//! is pure; doing ([`execute`], [`host`], [`node`]) holds no policy; [`voice`] says
//! it; [`mod@decide`] is deciding with the host's own netplan asked; [`pass`] is one round of all this, and [`controller`] the loop around it.
//!
//! What never happens here, because it was measured to break the node's own uplink:
//! `netplan apply`, `netplan try`, generating into the live root, a daemon-reload.

mod api_server;
pub mod arrivals;
pub mod bootfile;
pub mod cleanup;
pub mod config;
pub mod controller;
pub mod converge;
pub mod decide;
pub mod desired;
pub mod execute;
pub mod fence;
pub mod foreign;
pub mod health;
pub mod host;
pub mod ledger;
mod lifeline;
pub mod link;
pub mod next_boot;
pub mod node;
pub mod pacing;
pub mod pass;
pub mod plan;
pub mod publish;
pub mod render;
pub mod route;
pub mod status;
pub mod undo;
pub mod voice;

#[cfg(test)]
mod testing;
