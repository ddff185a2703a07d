//! A time in which the table cannot be read: when to try again, and when to say so.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use multinic_crds::Reason;

use crate::transition::Transition;

const FIRST_DELAY: Duration = Duration::from_secs(1);
/// However rarely the table is read, it is noticed by then that it can be read again.
const LONGEST_DELAY: Duration = Duration::from_mins(1);
/// However rarely the table is read, the objects say by then that it cannot be.
const LONGEST_PATIENCE: Duration = Duration::from_mins(2);

/// The failed readings since the last good one.
#[derive(Debug)]
pub struct Outage {
    failures: u32,
    began: Instant,
    /// How long it lasts before the objects say so: a restart of the server is over by then, and writing all of them
    /// twice is no small thing.
    patience: Duration,
    failed: Instant,
    delays: ExponentialBackoff,
    delay: Duration,
    longest: Duration,
    /// Why the last reading failed.
    error: Option<String>,
}

impl Outage {
    /// An outage that begins `now`, where readings are `interval` apart.
    #[must_use]
    pub fn new(interval: Duration, now: Instant) -> Self {
        let longest = interval.min(LONGEST_DELAY);
        let delays = ExponentialBuilder::default()
            .with_min_delay(FIRST_DELAY.min(longest))
            .with_max_delay(longest)
            .with_jitter()
            .without_max_times()
            .build();
        let patience = interval.min(LONGEST_PATIENCE);
        Self { failures: 0, began: now, patience, failed: now, delays, delay: longest, longest, error: None }
    }

    /// Another reading failed `now`, which is news if the cause is another than before.
    pub fn fail(&mut self, reason: Reason, error: String, now: Instant) -> Option<Transition> {
        self.failed = now;
        self.failures = self.failures.saturating_add(1);
        // Jitter is added to the delay, the longest included.
        self.delay = self.delays.next().map_or(self.longest, |delay| delay.min(self.longest));
        let is_news = self.error.as_ref() != Some(&error);
        is_news.then(|| {
            self.error = Some(error.clone());
            Transition::DatabaseLost { reason, error }
        })
    }

    /// A reading succeeded.
    #[must_use]
    pub const fn end(&self) -> Transition {
        Transition::DatabaseFound { failures: self.failures }
    }

    /// How long after the last attempt to make the next.
    #[must_use]
    pub const fn delay(&self) -> Duration {
        self.delay
    }

    /// Whether it has lasted long enough to be told to everybody.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.failed.saturating_duration_since(self.began) >= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    fn fail(outage: &mut Outage, error: &str, now: Instant) -> Option<Transition> {
        outage.fail(Reason::DatabaseUnavailable, error.to_owned(), now)
    }

    #[test]
    fn retries_slow_down_to_the_normal_pace_or_to_one_in_a_minute() {
        for (interval, longest) in [(30, 30), (3600, 60)] {
            let start = Instant::now();
            let mut outage = Outage::new(Duration::from_secs(interval), start);
            let mut delays = vec![];
            for _ in 0..50 {
                fail(&mut outage, "", start);
                delays.push(outage.delay());
            }
            assert!(delays[0] < Duration::from_secs(3), "{delays:?}");
            assert!(delays[10..].iter().all(|delay| *delay == Duration::from_secs(longest)), "{delays:?}");
        }
    }

    #[test]
    fn what_is_shorter_than_an_interval_is_not_told_to_everybody_however_often_it_fails() {
        let start = Instant::now();
        let mut outage = Outage::new(Duration::from_secs(30), start);
        for second in [0, 2, 5, 10, 29] {
            fail(&mut outage, "timeout", at(start, second));
            assert!(!outage.is_confirmed(), "after {second} s");
        }
        fail(&mut outage, "timeout", at(start, 30));
        assert!(outage.is_confirmed());

        let mut rare = Outage::new(Duration::from_hours(1), start);
        fail(&mut rare, "timeout", at(start, 120));
        assert!(rare.is_confirmed(), "an hour is too long to wait");
    }

    #[test]
    fn one_cause_is_news_once() {
        let start = Instant::now();
        let mut outage = Outage::new(Duration::from_secs(30), start);
        let lost = |error: &str| {
            Some(Transition::DatabaseLost { reason: Reason::DatabaseUnavailable, error: error.to_owned() })
        };
        assert_eq!(fail(&mut outage, "timeout", start), lost("timeout"));
        assert_eq!(fail(&mut outage, "timeout", start), None);
        assert_eq!(fail(&mut outage, "access denied", start), lost("access denied"));
        assert_eq!(outage.end(), Transition::DatabaseFound { failures: 3 });
    }
}
