//! What came of carrying out a plan.

use crate::cluster::Name;

/// What came of carrying out a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Calls that changed an object, or should have.
    pub writes: u64,
    /// Specs that were changed.
    pub specs: u64,
    /// What failed, and why, for one Node each; it is planned again by the next sync.
    pub failed: Vec<(Name, String)>,
    /// Specs that were not written, since their objects are no longer as they were planned from.
    pub outdated: usize,
    /// Tasks that were not begun in time.
    pub postponed: usize,
}
