//! What is told of the operator's work: to the log, to Prometheus, to the health endpoint.

pub mod fleet;
pub(crate) mod log;
pub mod metrics;
