//! What is told of the operator's work.
//!
//! ```text
//!  sync ─▶ reporter ─┬─ what changed: Transition ─▶ each sink: log, Events, metrics (counters), dashboard
//!                 └─ how things stand: Fleet ──▶ board ─▶ GET /, metrics (gauges), dashboard
//! ```

pub(crate) mod events;
pub mod fleet;
mod log;
pub mod metrics;
pub(crate) mod reporter;
pub(crate) mod sink;
