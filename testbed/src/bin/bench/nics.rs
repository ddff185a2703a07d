//! The NICs that are plugged in.

/// How many a node gets.
pub(crate) const NICS: usize = 10;

/// The MAC address of the NIC with this number.
pub(crate) fn mac(nic: usize) -> String {
    format!("fa:16:3e:{:02x}:{:02x}:{:02x}", (nic >> 16) & 0xff, (nic >> 8) & 0xff, nic & 0xff)
}
