//! What is told to a backend that remembers more of NICs than their files say.
//!
//! wicked, once it has brought up `multinic0`, gives whatever link is called so next the old addresses and the old MTU,
//! and brings an old address back when the carrier returns. So it is told to forget a name before another NIC may have
//! it, and to take up what a NIC has become. `NetworkManager` is told to leave a link alone before it is changed, and to
//! read a connection again that was written or removed.

use std::collections::BTreeSet;

use multinic_crds::InterfaceName;

/// One thing that the host is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The link that is called so now is about to change.
    Forget(String),
    /// The files of the NIC of this name are as they should be.
    Adopt(InterfaceName),
}

/// What the host is told before the kernel is changed, and after the files are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notices {
    /// Names of links to forget first.
    pub forget: BTreeSet<String>,
    /// Names of NICs to take up in the end.
    pub adopt: BTreeSet<InterfaceName>,
}
