//! netplan, rendering for systemd-networkd.

mod file;
pub mod next_boot;

pub use file::{DIRECTORY, addresses, generated, ids, name, path, render};
