//! What specs have that only the table can have told them.

use multinic_crds::Guarded;

use crate::cluster::{Index, Object};

/// The optional columns that NICs rely on. Objects outlive the operator, so they are its memory of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relied {
    /// Whether any NIC has an address.
    pub address: bool,
    /// Whether any NIC has an MTU.
    pub mtu: bool,
}

impl From<&Index<Object>> for Relied {
    fn from(objects: &Index<Object>) -> Self {
        let mut relied = Self::default();
        for (_, object) in objects.iter() {
            for interface in object.interfaces.iter().filter_map(Guarded::valid) {
                relied.address |= !interface.addresses.is_empty();
                relied.mtu |= interface.mtu.is_some();
            }
        }
        relied
    }
}
