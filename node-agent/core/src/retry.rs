//! When to try again: what failed, what all nodes may want at once, and what happens too often.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// A look without a cause, for what nobody announces: files, and announcements that were lost.
pub const FULL_CHECK: Duration = Duration::from_secs(10);
pub(crate) const FIRST_RETRY: Duration = Duration::from_secs(1);
pub(crate) const LAST_RETRY: Duration = Duration::from_mins(5);

/// Attempts that grow further apart while they fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    not_before: Option<Instant>,
}

impl Backoff {
    /// So many attempts failed, nobody knows when.
    #[must_use]
    pub const fn after(failures: u32) -> Self {
        Self { failures, not_before: None }
    }

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

/// The kernel announces a change in several messages; a look in between sees half of it, and what is repaired then is
/// broken once more. What a restart of networkd takes from NICs is gone within 50 ms.
const LULL: Duration = Duration::from_millis(125);
/// Where announcements do not end, it is looked in between.
const LONGEST_LULL: Duration = Duration::from_millis(300);

/// Announcements that are looked into together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Announcements {
    first: Option<Instant>,
}

impl Announcements {
    /// One was heard at `now`; when to look, unless another one is heard before.
    pub fn heard(&mut self, now: Instant) -> Instant {
        let first = *self.first.get_or_insert(now);
        (now + LULL).min(first + LONGEST_LULL)
    }

    /// It was looked: the next one is the first again.
    pub fn looked(&mut self) {
        *self = Self::default();
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

/// When the next reconcile is due, after one that lasted from `began` to `now`.
///
/// An attempt that was due before the reconcile had its chance in it. Where looking takes long, as with a program of the
/// host that hangs, more time is left between two looks.
#[must_use]
pub fn next_pass(began: Instant, now: Instant, attempts: impl IntoIterator<Item = Instant>) -> Instant {
    let regular = now + FULL_CHECK.max(now.saturating_duration_since(began) * 3);
    let missed = attempts.into_iter().filter(|due| *due > began);
    missed.map(|due| due.max(now)).fold(regular, Instant::min)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn it_is_looked_soon_after_the_last_announcement_and_at_the_latest_a_while_after_the_first() {
        let start = Instant::now();
        let mut announcements = Announcements::default();
        let mut hear = |milliseconds| {
            let look = announcements.heard(start + Duration::from_millis(milliseconds));
            (look - start).as_millis()
        };
        let looks = [0, 40, 80, 120, 160, 200, 240, 280].map(&mut hear);
        assert_eq!(looks, [125, 165, 205, 245, 285, 300, 300, 300]);
        announcements.looked();
        let later = start + Duration::from_millis(310);
        assert_eq!(announcements.heard(later), later + LULL, "nothing of before counts");
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
}
