//! What is decided for one NIC.

use multinic_crds::Explanation;

use crate::plan::transaction::Member;

/// What was decided for one NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Wanted, and as it should be.
    Right,
    /// Wanted, and to be changed.
    Change,
    /// Wanted, but the node has no such NIC.
    Missing,
    /// Wanted, but not to be touched.
    Refuse(Explanation),
    /// Wanted, but what would be done for it was found wrong.
    Unfit(Explanation),
    /// Wanted, but left alone for a while because of what became of earlier attempts.
    Held(Explanation),
    /// No longer wanted, and to be given back.
    Remove,
    /// No longer wanted, but not to be touched.
    Keep(Explanation),
}

/// One NIC and what was decided for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The name that it should have, or has from us.
    pub name: String,
    /// The Neutron port, where it is wanted.
    pub port_id: String,
    /// The link, where there is exactly one.
    pub index: Option<u32>,
    /// What was decided.
    pub verdict: Verdict,
    /// What it still lacks once that is done: an address from its network.
    pub awaited: Option<Explanation>,
}

/// What was decided for one NIC, and its part in a transaction if it has one.
pub(super) struct Judged {
    pub(super) decision: Decision,
    pub(super) member: Option<Member>,
}
