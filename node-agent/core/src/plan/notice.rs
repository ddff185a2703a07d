//! What is told to a backend that remembers more of NICs than their files say.
//!
//! wicked, once it has brought up `multinic0`, gives whatever link is called so next the old addresses and the old MTU,
//! and brings an old address back when the carrier returns. So it is told to forget a name before another NIC may have
//! it, and to take up what a NIC has become.

use std::collections::BTreeSet;

use multinic_crds::InterfaceName;

/// One thing that the host is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The link of this name will be another one, or none.
    Forget(InterfaceName),
    /// The link of this name is now as its files say.
    Adopt(InterfaceName),
}

/// What the host is told before the kernel is changed, and after the files are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notices {
    /// Names to forget first.
    pub forget: BTreeSet<InterfaceName>,
    /// Names to take up in the end.
    pub adopt: BTreeSet<InterfaceName>,
}
