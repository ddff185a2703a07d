//! A time in which the table cannot be read: when to try again, and when to say so.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

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
    cause: Option<String>,
}

impl Outage {
    /// An outage that begins `now`, where readings are `interval` apart.
    pub fn new(interval: Duration, now: Instant) -> Self {
        let longest = interval.min(LONGEST_DELAY);
        let delays = ExponentialBuilder::default()
            .with_min_delay(FIRST_DELAY.min(longest))
            .with_max_delay(longest)
            .with_jitter()
            .without_max_times()
            .build();
        let patience = interval.min(LONGEST_PATIENCE);
        Self { failures: 0, began: now, patience, failed: now, delays, delay: longest, longest, cause: None }
    }

    /// Another reading failed `now`; tells whether the cause is another than before.
    pub fn fail(&mut self, cause: String, now: Instant) -> bool {
        self.failed = now;
        self.failures = self.failures.saturating_add(1);
        // Jitter is added to the delay, the longest included.
        self.delay = self.delays.next().map_or(self.longest, |delay| delay.min(self.longest));
        let before = self.cause.replace(cause);
        before != self.cause
    }

    /// How many readings have failed.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// How long after the last attempt to make the next.
    pub const fn delay(&self) -> Duration {
        self.delay
    }

    /// Whether it has lasted long enough to be told to everybody.
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

    #[test]
    fn retries_slow_down_to_the_normal_pace_or_to_one_in_a_minute() {
        for (interval, longest) in [(30, 30), (3600, 60)] {
            let start = Instant::now();
            let mut outage = Outage::new(Duration::from_secs(interval), start);
            let mut delays = vec![];
            for _ in 0..50 {
                outage.fail(String::new(), start);
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
            outage.fail("timeout".to_owned(), at(start, second));
            assert!(!outage.is_confirmed(), "after {second} s");
        }
        outage.fail("timeout".to_owned(), at(start, 30));
        assert!(outage.is_confirmed());

        let mut rare = Outage::new(Duration::from_hours(1), start);
        rare.fail("timeout".to_owned(), at(start, 120));
        assert!(rare.is_confirmed(), "an hour is too long to wait");
    }

    #[test]
    fn one_cause_is_news_once() {
        let start = Instant::now();
        let mut outage = Outage::new(Duration::from_secs(30), start);
        assert!(outage.fail("timeout".to_owned(), start));
        assert!(!outage.fail("timeout".to_owned(), start));
        assert!(outage.fail("access denied".to_owned(), start));
    }
}
