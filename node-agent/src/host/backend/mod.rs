//! What configures this host's network at boot, and what it says of its next boot.
//!
//! One folder for each backend of [`multinic_agent_core::backend`]; nothing outside of here knows which there are.

mod bus;
mod check;
mod detect;
mod netplan;
mod network_manager;
mod networkd;
mod notice;
mod stage;
mod wicked;

pub use check::{HostCheck, Remembered};
pub use detect::detect;
pub(crate) use networkd::removes_rules;
pub(crate) use notice::tell;
pub(super) use stage::STAGE;
pub use stage::StageError;
