//! What configures a host's network at its next boot: one folder for each, behind one contract.
//!
//! [`Backend`] says what is written for a NIC and how that is recognised. What the host's next boot would make of it is
//! asked through [`crate::plan::BootCheck`]. What is at work now is always changed by netlink, whatever the backend.

mod asked;
mod contract;
mod detect;
mod known;
mod listed;
pub mod netplan;
pub mod network_manager;
pub mod networkd;
mod trial;
pub mod wicked;

pub use contract::{Backend, Memory, Place};
pub use detect::{Manager, detect};
pub use known::{ALL, Backends};
