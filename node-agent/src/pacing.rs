//! When to look again, when to try again, and when to leave a NIC alone. Pure: the time is
//! an argument.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use multinic_crds::{MacAddress, Reason};

use crate::plan::Refusal;

/// A look without a cause, for what nobody announces: files, and announcements that were lost.
pub const FULL_CHECK: Duration = Duration::from_secs(10);

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(5);

/// Repairs of one NIC within [`CONTENTION_WINDOW`] that are taken for a fight.
const CONTENTION_LIMIT: usize = 5;
const CONTENTION_WINDOW: Duration = Duration::from_mins(10);

/// Attempts that grow further apart while they fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    not_before: Option<Instant>,
}

impl Backoff {
    /// An attempt failed at `now`.
    pub fn failed(&mut self, now: Instant) {
        let wait = FIRST_RETRY.saturating_mul(1 << self.failures.min(10)).min(LAST_RETRY);
        *self = Self { failures: self.failures.saturating_add(1), not_before: Some(now + wait) };
    }

    /// An attempt succeeded.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// When the next attempt may be made, where one failed.
    #[must_use]
    pub const fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// Whether an attempt may be made at `now`.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|not_before| now >= not_before)
    }
}

/// What became of each NIC in one generation of the object. A new one is a new start.
#[derive(Debug, Clone, Default)]
pub struct History {
    generation: i64,
    nics: BTreeMap<MacAddress, Past>,
}

#[derive(Debug, Clone, Default)]
struct Past {
    backoff: Backoff,
    failure: Option<Refusal>,
    repairs: VecDeque<Instant>,
}

impl History {
    /// `generation` is at hand.
    pub fn begin(&mut self, generation: i64) {
        if self.generation != generation {
            *self = Self { generation, nics: BTreeMap::new() };
        }
    }

    /// Changing a NIC failed at `now`.
    pub fn failed(&mut self, mac: MacAddress, failure: Refusal, now: Instant) {
        let past = self.nics.entry(mac).or_default();
        past.backoff.failed(now);
        past.failure = Some(failure);
    }

    /// Changing a NIC succeeded at `now`; where it was right before, that was a `repair`.
    pub fn succeeded(&mut self, mac: MacAddress, repair: bool, now: Instant) {
        let past = self.nics.entry(mac).or_default();
        past.backoff.succeeded();
        past.failure = None;
        if repair {
            past.repairs.push_back(now);
        }
    }

    /// The NIC is not there: whatever it did, the next one with its MAC address starts anew.
    pub fn forget(&mut self, mac: MacAddress) {
        self.nics.remove(&mac);
    }

    /// The NICs that are left alone at `now`, and why.
    pub fn blocked(&mut self, now: Instant) -> BTreeMap<MacAddress, Refusal> {
        self.nics.iter_mut().filter_map(|(mac, past)| Some((*mac, past.hold(now)?))).collect()
    }

    /// When the first of them may be tried again, after `now`.
    #[must_use]
    pub fn next_attempt(&self, now: Instant) -> Option<Instant> {
        self.nics.values().filter_map(|past| past.backoff.not_before()).filter(|due| *due > now).min()
    }
}

impl Past {
    fn hold(&mut self, now: Instant) -> Option<Refusal> {
        self.repairs.retain(|repair| now.saturating_duration_since(*repair) < CONTENTION_WINDOW);
        if self.repairs.len() >= CONTENTION_LIMIT {
            return Some(contended());
        }
        self.failure.clone().filter(|_| !self.backoff.is_due(now))
    }
}

fn contended() -> Refusal {
    Refusal::new(
        Reason::Contended,
        format!(
            "something else undid {CONTENTION_LIMIT} repairs within {} minutes, so the NIC is left alone for now; find out what changes it",
            CONTENTION_WINDOW.as_secs() / 60
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mac;

    const NIC: &str = "fa:16:3e:00:00:01";
    const OTHER: &str = "fa:16:3e:00:00:02";

    fn failure() -> Refusal {
        Refusal::new(Reason::ApplyFailed, "failed")
    }

    #[test]
    fn failures_are_retried_further_and_further_apart_until_one_succeeds() {
        let start = Instant::now();
        let mut backoff = Backoff::default();
        let mut wait = || {
            backoff.failed(start);
            (backoff.not_before().unwrap() - start).as_secs()
        };
        let waits: Vec<_> = (0..11).map(|_| wait()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        backoff.succeeded();
        assert!(backoff.is_due(start));
    }

    #[test]
    fn a_nic_that_failed_is_held_with_its_reason_and_no_other_is() {
        let start = Instant::now();
        let mut history = History::default();
        history.begin(1);
        history.failed(mac(NIC), failure(), start);
        assert_eq!(history.blocked(start), BTreeMap::from([(mac(NIC), failure())]));
        history.failed(mac(OTHER), failure(), start + FIRST_RETRY);
        assert_eq!(history.next_attempt(start), Some(start + FIRST_RETRY));
        assert_eq!(history.next_attempt(start + FIRST_RETRY), Some(start + 2 * FIRST_RETRY));
        history.forget(mac(OTHER));
        assert_eq!(history.blocked(start + FIRST_RETRY), BTreeMap::new());
    }

    #[test]
    fn a_new_generation_and_a_nic_that_was_away_start_afresh() {
        let start = Instant::now();
        let mut history = History::default();
        history.begin(1);
        history.failed(mac(NIC), failure(), start);
        history.failed(mac(OTHER), failure(), start);
        history.forget(mac(OTHER));
        assert_eq!(history.blocked(start).into_keys().collect::<Vec<_>>(), [mac(NIC)]);
        history.begin(2);
        assert_eq!(history.blocked(start), BTreeMap::new());
    }

    #[test]
    fn a_fight_over_one_nic_ends_after_a_few_repairs_and_not_for_ever() {
        let start = Instant::now();
        let mut history = History::default();
        history.begin(1);
        for _ in 0..CONTENTION_LIMIT {
            assert_eq!(history.blocked(start), BTreeMap::new());
            history.succeeded(mac(NIC), true, start);
            history.succeeded(mac(OTHER), false, start);
        }
        assert_eq!(history.blocked(start), BTreeMap::from([(mac(NIC), contended())]));
        assert_eq!(history.blocked(start + CONTENTION_WINDOW), BTreeMap::new());
    }
}
