//! How often is often enough.

use std::time::Duration;

/// Repairs of one NIC within [`CONTENTION_WINDOW`] that are taken for a fight.
pub(super) const CONTENTION_LIMIT: usize = 5;
pub(super) const CONTENTION_WINDOW: Duration = Duration::from_mins(10);
/// Attempts in a row that changed a link that the node lives by: no coincidence, and each disturbs that link.
pub(super) const FENCE_LIMIT: u32 = 3;
/// Attempts in a row that changed the NIC and were taken back. At the intervals of [`crate::retry::Backoff`] they take twelve
/// hours, so that what went wrong in the evening and is right by the morning ends well.
pub(super) const MOST_ATTEMPTS: u32 = 150;
/// For so long after an attempt, what its link shows may still be what the attempt did to it.
pub(super) const SETTLING: Duration = Duration::from_mins(1);
