//! The only place that calls the Kubernetes API.

pub mod apply;
pub(crate) mod events;
pub mod leader;
mod list;
mod reflector;
mod watch;
mod watches;

pub(crate) use list::{Unanswered, list, within};
pub use reflector::Reflector;
pub(crate) use reflector::told;
pub use watch::{WatchLog, explain, watch};
pub(crate) use watches::Watches;
