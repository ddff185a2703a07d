//! What is told of the operator's work.
//!
//! ```text
//!  sync ─▶ reporter ─┬─ what changed: Transition ─▶ each sink: log, Events, metrics (counters)
//!                 └─ how things stand: Fleet ──▶ board ─▶ GET /, metrics (gauges)
//! ```

pub(crate) mod events;
pub mod fleet;
mod log;
pub mod metrics;
pub(crate) mod reporter;
mod sink;
