//! What configures a host's network at its next boot: one folder for each, behind one contract.
//!
//! [`Backend`] says what is written for a NIC and how that is recognised; it is pure. [`BootCheck`] asks the host what its
//! next boot would make of it. What is at work now is always changed by netlink, whatever the backend.

mod boot_check;
mod contract;
mod known;
pub mod netplan;

pub use boot_check::BootCheck;
pub use contract::{Backend, Place};
pub use known::{ALL, Backends};
