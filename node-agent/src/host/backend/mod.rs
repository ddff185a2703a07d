//! What configures this host's network at boot, and what it says of its next boot.
//!
//! One folder for each backend of [`multinic_agent_core::backend`]; nothing outside of here knows which there are.

mod check;
mod detect;
mod netplan;
mod networkd;
mod stage;
mod wicked;

pub use check::{HostCheck, Remembered};
pub use detect::detect;
pub(super) use stage::STAGE;
pub use stage::StageError;
pub(crate) use wicked::tell;
