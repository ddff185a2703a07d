//! Configuration that others wrote: which links it speaks of.
//!
//! Each language is read as far as it is understood. Whatever is not, a key, a word or a whole file, is taken to
//! speak of every link: refusing a NIC is cheap, fighting its owner is not.

mod definition;
mod ifcfg;
mod ifupdown;
mod keyfile;
mod netplan;
mod networkd;
#[cfg(test)]
mod tests;
mod words;

pub use definition::{Definition, SourceFile};
pub use ifcfg::ifcfg;
pub use ifupdown::{Include, Interfaces, ifupdown, is_sourced};
pub use keyfile::keyfile;
pub use netplan::netplan;
pub use networkd::{OurNetworks, networkd, networkd_of_ours, networkd_setting, udev_link};
