//! What the agent tells, and whom: the object's status, the log, health, metrics.

mod follow;
mod health;
mod log;
mod publisher;
mod reporter;

pub use health::{ChangeLabels, Health, Metrics, ReadyLabels};
pub use publisher::{PublishError, Publisher};
pub use reporter::Reporter;
