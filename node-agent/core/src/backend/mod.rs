//! What configures a host's network at its next boot, one folder for each.

pub mod netplan;
