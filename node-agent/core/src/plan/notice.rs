//! What is told to a backend that remembers more of NICs than their files say.
//!
//! wicked, once it has brought up `multinic0`, gives whatever link is called so next the old addresses and the old MTU,
//! and brings an old address back when the carrier returns. So it is told to forget a name before another NIC may have
//! it, and to take up what a NIC has become. `NetworkManager` is told to leave a link alone before it is changed, and to
//! read a connection again that was written or removed.

use std::collections::BTreeSet;

use multinic_crds::InterfaceName;
use serde::{Deserialize, Serialize};

/// One thing that the host is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Notice {
    /// More is to come: an error where nobody listens.
    Ready,
    /// The NIC of ours that is called so now is about to change.
    Forget(String),
    /// No NIC of ours is called so any more. Whatever link is, is not touched.
    ForgetName(String),
    /// The files of the NIC of this name are as they should be.
    Adopt(InterfaceName),
}

/// What the host is told of a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notices {
    /// Links to forget first.
    pub forget: BTreeSet<String>,
    /// Names to forget first, which no link of the transaction has.
    pub forget_names: BTreeSet<String>,
    /// Names of NICs to take up in the end.
    pub adopt: BTreeSet<InterfaceName>,
    /// What makes all of that undone, once everything is as it was before.
    pub back: Vec<Notice>,
}

impl Notices {
    /// Whether nothing is told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forget.is_empty() && self.forget_names.is_empty() && self.adopt.is_empty()
    }
}
