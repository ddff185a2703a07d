//! When to look again, when to try again, and when to leave a NIC alone. Pure: the time is
//! an argument. (Where nodes must not act in step, chance has its part.)

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use multinic_crds::{Explanation, MacAddress, Reason};

/// A look without a cause, for what nobody announces: files, and announcements that were lost.
pub const FULL_CHECK: Duration = Duration::from_secs(10);

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(5);

/// Repairs of one NIC within [`CONTENTION_WINDOW`] that are taken for a fight.
const CONTENTION_LIMIT: usize = 5;
const CONTENTION_WINDOW: Duration = Duration::from_mins(10);
/// Attempts in a row that changed a link that the node lives by: no coincidence, and each disturbs that link.
const FENCE_LIMIT: u32 = 3;

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

/// Attempts at what all nodes may want at once: they do not come in step with those of others.
#[derive(Debug, Default)]
pub struct Retreat {
    delays: Option<ExponentialBackoff>,
    not_before: Option<Instant>,
}

impl Retreat {
    /// An attempt failed at `now`.
    pub fn failed(&mut self, now: Instant) {
        let delays = self.delays.get_or_insert_with(|| {
            ExponentialBuilder::default()
                .with_min_delay(FIRST_RETRY)
                // Jitter may double it.
                .with_max_delay(LAST_RETRY / 2)
                .with_jitter()
                .without_max_times()
                .build()
        });
        self.not_before = Some(now + delays.next().unwrap_or(LAST_RETRY));
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
}

/// So many at once, and from then on one each interval: what happens now and then happens at once.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    burst: u32,
    interval: Duration,
    /// When all of it is there again.
    whole_at: Option<Instant>,
}

impl Budget {
    /// A budget of which nothing is spent.
    #[must_use]
    pub const fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval, whole_at: None }
    }

    /// When the next one is allowed, from `now` on.
    #[must_use]
    pub fn next(&self, now: Instant) -> Instant {
        let slack = self.interval * self.burst.saturating_sub(1);
        self.whole_at.and_then(|whole| whole.checked_sub(slack)).map_or(now, |next| next.max(now))
    }

    /// One was spent at `now`.
    pub fn spend(&mut self, now: Instant) {
        self.whole_at = Some(self.whole_at.map_or(now, |whole| whole.max(now)) + self.interval);
    }
}

/// When the next pass is due, after one that lasted from `began` to `now`.
///
/// An attempt that was due before the pass had its chance in it. Where looking takes long, as with a program of the
/// host that hangs, more time is left between two looks.
#[must_use]
pub fn next_pass(began: Instant, now: Instant, attempts: impl IntoIterator<Item = Instant>) -> Instant {
    let regular = now + FULL_CHECK.max(now.saturating_duration_since(began) * 3);
    let missed = attempts.into_iter().filter(|due| *due > began);
    missed.map(|due| due.max(now)).fold(regular, Instant::min)
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
    failure: Option<Explanation>,
    /// It was as wanted by this generation, so a further change of it is a repair.
    proven: bool,
    /// When others made a repair or a new start necessary.
    disturbed: VecDeque<Instant>,
    /// Attempts in a row that were taken back because a link that the node lives by changed.
    fenced: u32,
}

impl History {
    /// `generation` is at hand.
    pub fn begin(&mut self, generation: i64) {
        if self.generation != generation {
            *self = Self { generation, nics: BTreeMap::new() };
        }
    }

    /// The NIC was found as wanted.
    pub fn right(&mut self, mac: MacAddress) {
        let past = self.nics.entry(mac).or_default();
        past.proven = true;
        past.settle();
    }

    /// Changing a NIC failed at `now`.
    pub fn failed(&mut self, mac: MacAddress, failure: Explanation, now: Instant) {
        let past = self.nics.entry(mac).or_default();
        past.backoff.failed(now);
        past.fenced = if failure.reason == Reason::FenceChanged { past.fenced + 1 } else { 0 };
        past.failure = Some(failure);
    }

    /// The NIC became as wanted at `now`, `changed` or only waited for. Whether that was a repair.
    pub fn succeeded(&mut self, mac: MacAddress, changed: bool, now: Instant) -> bool {
        let past = self.nics.entry(mac).or_default();
        let repair = changed && past.proven;
        past.proven = true;
        past.settle();
        if repair {
            past.disturbed.push_back(now);
        }
        repair
    }

    /// The NIC is not there at `now`. The next one with its MAC address starts anew, but not without end.
    pub fn away(&mut self, mac: MacAddress, now: Instant) {
        let Some(past) = self.nics.get_mut(&mac) else { return };
        if past.failure.is_some() {
            past.settle();
            past.disturbed.push_back(now);
        }
    }

    /// Whether a change of one of several NICs may be what changes the node's own links: which one is found out by
    /// changing one after the other.
    #[must_use]
    pub fn suspects_a_change(&self) -> bool {
        self.nics.values().any(|past| past.fenced > 0)
    }

    /// The NICs that are left alone at `now`, and why.
    pub fn blocked(&mut self, now: Instant) -> BTreeMap<MacAddress, Explanation> {
        self.nics.iter_mut().filter_map(|(mac, past)| Some((*mac, past.hold(now)?))).collect()
    }

    /// When the NICs that failed may be tried again.
    pub fn next_attempts(&self) -> impl Iterator<Item = Instant> {
        self.nics.values().filter_map(|past| past.backoff.not_before())
    }
}

impl Past {
    fn settle(&mut self) {
        self.backoff.succeeded();
        self.failure = None;
        self.fenced = 0;
    }

    fn hold(&mut self, now: Instant) -> Option<Explanation> {
        self.disturbed.retain(|when| now.saturating_duration_since(*when) < CONTENTION_WINDOW);
        if self.disturbed.len() >= CONTENTION_LIMIT {
            return Some(contended());
        }
        if self.fenced >= FENCE_LIMIT {
            return Some(self_fenced());
        }
        self.failure.clone().filter(|_| !self.backoff.is_due(now))
    }
}

fn contended() -> Explanation {
    Explanation::new(
        Reason::Contended,
        format!(
            "something else changed the NIC, or took it away, {CONTENTION_LIMIT} times within {} minutes, so it is left alone for now; find out what does that",
            CONTENTION_WINDOW.as_secs() / 60
        ),
    )
}

fn self_fenced() -> Explanation {
    Explanation::new(
        Reason::SelfFenced,
        format!(
            "a link that the node lives by changed in each of {FENCE_LIMIT} attempts to change this NIC; nothing was kept, and it is not tried again before its object changes or the agent restarts; {}",
            Reason::SelfFenced.remedy()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mac;

    const NIC: &str = "fa:16:3e:00:00:01";
    const OTHER: &str = "fa:16:3e:00:00:02";
    const THIRD: &str = "fa:16:3e:00:00:03";

    fn failure() -> Explanation {
        Explanation::new(Reason::ApplyFailed, "failed")
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
    fn nodes_that_lost_the_api_server_together_do_not_try_it_again_in_step() {
        let start = Instant::now();
        let waits = || {
            let mut retreat = Retreat::default();
            let mut wait = |_| {
                retreat.failed(start);
                (retreat.not_before().unwrap() - start).as_secs_f64()
            };
            (0..12).map(&mut wait).collect::<Vec<_>>()
        };
        let [one, other] = [waits(), waits()];
        assert_ne!(one, other);
        for (wait, least) in one.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 150.0, 150.0]) {
            assert!((least..2.0 * least).contains(wait), "{one:?}");
        }
    }

    #[test]
    fn a_budget_is_spent_at_once_and_comes_back_bit_by_bit() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut budget = Budget::new(3, 2 * second);
        let mut spend = |now: Instant| {
            let next = budget.next(now);
            budget.spend(next);
            (next - start).as_secs()
        };
        let busy: Vec<_> = (0..6).map(|_| spend(start)).collect();
        assert_eq!(busy, [0, 0, 0, 2, 4, 6]);
        assert_eq!([100, 100, 100, 100].map(|at| spend(start + at * second)), [100, 100, 100, 102]);
    }

    #[test]
    fn passes_never_come_back_to_back_however_long_one_takes() {
        let began = Instant::now();
        let [quick, slow] = [0, 40].map(|seconds| began + Duration::from_secs(seconds));
        assert_eq!(next_pass(began, quick, []), quick + FULL_CHECK);
        assert_eq!(next_pass(began, slow, []), slow + Duration::from_mins(2));
        let soon = slow + FIRST_RETRY;
        assert_eq!(next_pass(began, slow, [soon]), soon);
        assert_eq!(next_pass(began, slow, [began]), slow + Duration::from_mins(2), "it had its chance");
        assert_eq!(next_pass(began, slow, [began + FIRST_RETRY]), slow, "it was due in the meantime");
    }

    #[test]
    fn a_nic_that_failed_is_held_with_its_reason_and_no_other_is() {
        let start = Instant::now();
        let mut history = History::default();
        history.begin(1);
        history.failed(mac(NIC), failure(), start);
        assert_eq!(history.blocked(start), BTreeMap::from([(mac(NIC), failure())]));
        history.failed(mac(OTHER), failure(), start + FIRST_RETRY);
        let attempts: Vec<_> = history.next_attempts().collect();
        assert_eq!(attempts, [start + FIRST_RETRY, start + 2 * FIRST_RETRY]);
        history.away(mac(OTHER), start);
        assert_eq!(history.blocked(start + FIRST_RETRY), BTreeMap::new());
    }

    #[test]
    fn a_new_generation_and_a_nic_that_was_away_or_is_right_start_afresh() {
        let start = Instant::now();
        let mut history = History::default();
        history.begin(1);
        for address in [NIC, OTHER, THIRD] {
            history.failed(mac(address), failure(), start);
        }
        history.away(mac(OTHER), start);
        history.right(mac(THIRD));
        assert_eq!(history.blocked(start).into_keys().collect::<Vec<_>>(), [mac(NIC)]);
        history.begin(2);
        assert_eq!(history.blocked(start), BTreeMap::new());
    }

    /// How many rounds an opponent gets, of whom each is `round`, one after the other at the same moment.
    fn rounds(mut round: impl FnMut(&mut History, Instant)) -> usize {
        let start = Instant::now();
        let mut history = History::default();
        history.begin(1);
        history.succeeded(mac(NIC), true, start);
        for number in 0..100 {
            if history.blocked(start).get(&mac(NIC)) == Some(&contended()) {
                assert_eq!(history.blocked(start + CONTENTION_WINDOW), BTreeMap::new(), "not for ever");
                return number;
            }
            round(&mut history, start);
        }
        panic!("the fight goes on");
    }

    #[test]
    fn a_fight_over_one_nic_ends_after_a_few_rounds_whatever_the_rounds_are_like() {
        let repaired = rounds(|history, now| {
            assert!(history.succeeded(mac(NIC), true, now));
            history.succeeded(mac(OTHER), false, now);
        });
        let failing_in_between = rounds(|history, now| {
            history.failed(mac(NIC), failure(), now);
            history.succeeded(mac(NIC), true, now);
        });
        let taken_away = rounds(|history, now| {
            history.away(mac(NIC), now);
            history.succeeded(mac(NIC), true, now);
        });
        let taken_away_and_failing = rounds(|history, now| {
            history.failed(mac(NIC), failure(), now);
            history.away(mac(NIC), now);
        });
        assert_eq!([repaired, failing_in_between, taken_away, taken_away_and_failing], [CONTENTION_LIMIT; 4]);
    }

    #[test]
    fn a_nic_that_comes_and_goes_without_a_change_is_nobodys_fight() {
        let start = Instant::now();
        let mut history = History::default();
        history.begin(1);
        for _ in 0..100 {
            history.right(mac(NIC));
            history.away(mac(NIC), start);
            assert!(!history.succeeded(mac(NIC), false, start));
        }
        assert_eq!(history.blocked(start), BTreeMap::new());
    }

    #[test]
    fn a_change_that_disturbs_the_nodes_own_links_each_time_is_not_made_for_ever() {
        let start = Instant::now();
        let disturbing = || Explanation::new(Reason::FenceChanged, "changed");
        let mut history = History::default();
        history.begin(1);
        for _ in 1..FENCE_LIMIT {
            history.failed(mac(NIC), disturbing(), start);
            assert!(history.suspects_a_change());
            assert_eq!(history.blocked(start + LAST_RETRY), BTreeMap::new());
        }
        history.failed(mac(OTHER), disturbing(), start);
        history.succeeded(mac(OTHER), true, start);
        history.failed(mac(NIC), disturbing(), start);
        let years_later = start + 100_000 * LAST_RETRY;
        assert_eq!(history.blocked(years_later), BTreeMap::from([(mac(NIC), self_fenced())]));
        history.begin(2);
        assert_eq!(history.blocked(start), BTreeMap::new());
    }
}
