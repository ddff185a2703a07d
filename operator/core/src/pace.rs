//! When to sync: an interval after the last, sooner after a change, in an outage only for a retry.

use std::time::{Duration, Instant};

/// How long changes are gathered before they are acted on.
const DEBOUNCE: Duration = Duration::from_secs(1);
/// Whatever changes, a sync is followed by a rest of so many times what it took, or of the interval if that is less.
const REST: u32 = 4;

/// When the last sync was, and what has come since.
#[derive(Debug, Clone)]
pub struct Pace {
    interval: Duration,
    last: Option<Instant>,
    /// How long it took.
    took: Duration,
    /// When the oldest change came that no sync has seen.
    changed: Option<Instant>,
}

impl Pace {
    /// Syncs are `interval` apart, and there was none yet.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self { interval, last: None, took: Duration::ZERO, changed: None }
    }

    /// Something changed `now` that no sync has seen.
    pub fn note(&mut self, now: Instant) {
        self.changed.get_or_insert(now);
    }

    /// A sync has seen all that was noted.
    pub fn synced(&mut self, began: Instant, ended: Instant) {
        self.last = Some(began);
        self.took = ended.saturating_duration_since(began);
        self.changed = None;
    }

    /// When to sync next, in an outage only for a `retry`. `None` is at once.
    #[must_use]
    pub fn next(&self, retry: Option<Duration>) -> Option<Instant> {
        let last = self.last?;
        let regular = last + retry.unwrap_or(self.interval);
        let rested = last + self.took * (1 + REST);
        let sooner = self.changed.filter(|_| retry.is_none()).map(|changed| rested.max(changed + DEBOUNCE));
        Some(sooner.map_or(regular, |sooner| sooner.min(regular)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    /// A sync that began at `start`, and a change so much later.
    fn pace(start: Instant, took: Duration, changed: Option<u64>) -> Pace {
        let mut pace = Pace::new(INTERVAL);
        // What came before it, it has seen.
        pace.note(start);
        pace.synced(start, start + took);
        if let Some(after) = changed {
            pace.note(start + Duration::from_secs(after));
            pace.note(start + INTERVAL);
        }
        pace
    }

    #[test]
    fn changes_are_gathered_and_brought_forward_except_in_an_outage() {
        let start = Instant::now();
        let after = |seconds| Some(start + Duration::from_secs(seconds));
        let retry = Some(Duration::from_secs(4));
        let quick = |changed| pace(start, Duration::from_millis(10), changed);

        assert_eq!(Pace::new(INTERVAL).next(None), None);
        assert_eq!(quick(None).next(None), after(30));
        assert_eq!(quick(Some(7)).next(None), after(8));
        assert_eq!(quick(Some(30)).next(None), after(30));
        assert_eq!(quick(Some(1)).next(retry), after(4));
    }

    #[test]
    fn a_table_that_takes_long_to_sync_is_not_read_all_the_time_whatever_changes() {
        let start = Instant::now();
        let after = |seconds| Some(start + Duration::from_secs(seconds));
        let next = |took| pace(start, Duration::from_secs(took), Some(took)).next(None);
        assert_eq!(next(2), after(10));
        assert_eq!(next(10), after(30));
    }
}
