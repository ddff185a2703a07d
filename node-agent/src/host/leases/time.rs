//! The clock that leases go by, and how long servers are waited for.

use std::time::Duration;

use multinic_agent_core::observed::lease::Lease;
use rustix::time::{ClockId, clock_gettime};

/// How long a server that says nothing is asked, before that is said.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);
/// Between attempts at a server that says nothing: at first, and at most.
pub(super) const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(1));

/// Seconds since the node booted, also while it slept: a clock that nobody sets.
#[must_use]
pub fn now() -> u64 {
    u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or_default()
}

/// When a lease of so many `seconds` from now on ends.
pub(super) fn end(seconds: u32) -> u64 {
    if seconds == u32::MAX { Lease::FOR_EVER } else { now() + u64::from(seconds) }
}
