//! What the agent decides, in the order of its law: parse, plan, execute, report.
//!
//! ```text
//!  object, files ──parse──▶ Desired, Definitions ─┐
//!  kernel, ledger ────────▶ observed ─────────────┴─plan─▶ Plan ──execute──▶ kernel, files
//!                                                            └────report───▶ .status
//! ```
//!
//! Nothing in here reaches out of the process: no runtime, no clock, no file, no socket. What acts ([`execute`]) does
//! so through a trait that the agent implements for the real node, and the tests for one of plain data.

// Tests may look at the clock.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod arrivals;
pub mod asking;
pub mod attribute;
pub mod backend;
pub mod execute;
pub mod history;
pub mod last_object;
pub mod leases;
pub mod observed;
pub mod parse;
pub mod plan;
pub mod progress;
pub mod protected;
pub mod report;
pub mod retry;
pub mod wire;

#[cfg(test)]
mod testing;
