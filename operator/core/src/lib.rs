//! What the operator decides, in the order of its law: parse, plan, report.
//!
//! ```text
//!  rows ───▶ table ─▶ Snapshot ─┐      (what others than a NIC's row say of it: routing)
//!  watches ▶ cluster ───────────┴─plan─▶ Plan ─▶ specs and the condition `Synced`
//!                               └─mirror───────▶ `netplan_success`
//!  what came of both ─transition─▶ Transition ─▶ the log, counters
//!  what agents say ──reports─────▶              the page, Events
//!  Nodes and objects ────────────────view─▶ View ─▶
//!
//!  objects ─status_table─▶ rows for OpenStack's side, where somebody wants them
//!  Nodes, objects ─explain─▶ Report: what is wrong and what to do, for people
//! ```
//!
//! Nothing in here reaches out of the process: no runtime, no clock, no database, no API server. Nothing is remembered
//! that a restart could not lose safely: what is missing is counted anew, slots are in the objects.

// Tests may look at the clock.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod addressing;
mod cidr;
pub mod cluster;
pub mod events;
pub mod explain;
pub mod few;
#[cfg(test)]
mod fixtures;
pub mod mirror;
pub mod outage;
pub mod pace;
pub mod plan;
pub mod reports;
pub mod routing;
pub mod status_table;
pub mod table;
mod text;
pub mod transition;
pub mod view;
