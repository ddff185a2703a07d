//! A time in which the table cannot be read: when to try again, and when to say so.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Failed readings before the objects say so: one alone is often a restart of the server.
const FAILURES_TO_REPORT: u32 = 2;

/// The failed readings since the last good one.
#[derive(Debug)]
pub(crate) struct Outage {
    failures: u32,
    delays: ExponentialBackoff,
    delay: Duration,
    longest: Duration,
    cause: Option<String>,
}

impl Outage {
    /// An outage that begins, where readings are `longest` apart at the most.
    pub(crate) fn new(longest: Duration) -> Self {
        let delays = ExponentialBuilder::default()
            .with_min_delay(FIRST_DELAY.min(longest))
            .with_max_delay(longest)
            .with_jitter()
            .without_max_times()
            .build();
        Self { failures: 0, delays, delay: longest, longest, cause: None }
    }

    /// Another reading failed; tells whether the cause is another than before.
    pub(crate) fn fail(&mut self, cause: String) -> bool {
        self.failures = self.failures.saturating_add(1);
        // Jitter is added to the delay, the longest included.
        self.delay = self.delays.next().map_or(self.longest, |delay| delay.min(self.longest));
        let before = self.cause.replace(cause);
        before != self.cause
    }

    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    /// How long after the last attempt to make the next.
    pub(crate) const fn delay(&self) -> Duration {
        self.delay
    }

    /// Whether it has lasted long enough to be told to everybody.
    pub(crate) const fn is_confirmed(&self) -> bool {
        self.failures >= FAILURES_TO_REPORT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_slow_down_but_never_below_the_normal_pace() {
        let longest = Duration::from_secs(30);
        let mut outage = Outage::new(longest);
        let mut delays = vec![];
        for _ in 0..50 {
            outage.fail(String::new());
            delays.push(outage.delay());
        }
        assert!(delays[0] < Duration::from_secs(3), "{delays:?}");
        assert!(delays[10..].iter().all(|delay| *delay == longest), "{delays:?}");
    }

    #[test]
    fn one_failure_is_not_told_to_everybody_and_one_cause_is_news_once() {
        let mut outage = Outage::new(Duration::from_secs(30));
        assert!(outage.fail("timeout".to_owned()));
        assert!(!outage.is_confirmed());
        assert!(!outage.fail("timeout".to_owned()));
        assert!(outage.is_confirmed());
        assert!(outage.fail("access denied".to_owned()));
    }
}
