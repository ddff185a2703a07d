//! The node agent: makes a node's additional NICs match its `NodeNetworkConfig`.
//!
//! ```text
//!  NodeNetworkConfig ──parse──▶ Desired ─┐
//!  netlink, files ─────look───▶ World ───┴─plan─▶ Plan ──execute──▶ kernel, files
//!                                                   └────report───▶ .status
//! ```
//!
//! Deciding ([`desired`], [`fence`], [`foreign`], [`plan`], [`converge`], [`status`])
//! is pure; doing ([`execute`], [`host`]) holds no policy; [`reconcile`] is one pass
//! and [`controller`] the loop around it.
//!
//! What never happens here, because it was measured to break the node's own uplink:
//! `netplan apply`, `netplan try`, generating into the live root, a daemon-reload.

pub mod bootfile;
pub mod cleanup;
pub mod config;
pub mod controller;
pub mod converge;
pub mod desired;
pub mod execute;
pub mod fence;
pub mod foreign;
pub mod health;
pub mod host;
pub mod ledger;
pub mod link;
pub mod pacing;
pub mod plan;
pub mod publish;
pub mod reconcile;
pub mod render;
pub mod status;

#[cfg(test)]
mod testing;
