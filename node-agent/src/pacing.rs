//! When to look again, and when to stop repairing. Pure: the time is an argument.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::plan::Refusal;

/// A look without a cause, in case an announcement or a file's change was missed.
const FULL_CHECK: Duration = Duration::from_mins(5);
/// While something is not as it should be and nobody may announce that it changed.
const UNSETTLED_CHECK: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Repairs within [`CONTENTION_WINDOW`] that are taken for a fight.
const CONTENTION_LIMIT: usize = 5;
const CONTENTION_WINDOW: Duration = Duration::from_mins(10);

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Everything is as wanted.
    Settled,
    /// Something is missing or refused: not ours to hurry.
    Unsettled,
    /// Something failed, and may work next time.
    Failed,
}

/// Retries that grow further apart while they fail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retry {
    failures: u32,
}

impl Retry {
    /// How long to wait after a pass that ended so.
    pub fn after(&mut self, ending: Ending) -> Duration {
        self.failures = if ending == Ending::Failed { self.failures + 1 } else { 0 };
        match ending {
            Ending::Settled => FULL_CHECK,
            Ending::Unsettled => UNSETTLED_CHECK,
            Ending::Failed => FIRST_RETRY.saturating_mul(1 << (self.failures - 1).min(10)).min(FULL_CHECK),
        }
    }
}

/// Repairs of one generation, counted so that a fight with another actor ends.
#[derive(Debug, Clone, Default)]
pub struct Contention {
    generation: i64,
    repairs: VecDeque<Instant>,
}

impl Contention {
    /// A repair of `generation` at `now`. A new generation is a new start.
    pub fn repaired(&mut self, generation: i64, now: Instant) {
        if self.generation != generation {
            *self = Self { generation, ..Self::default() };
        }
        self.repairs.push_back(now);
    }

    /// Why `generation` is not repaired again at `now`, if that is so.
    pub fn obstacle(&mut self, generation: i64, now: Instant) -> Option<Refusal> {
        let recent = |repair: &Instant| now.saturating_duration_since(*repair) < CONTENTION_WINDOW;
        self.repairs.retain(recent);
        (self.generation == generation && self.repairs.len() >= CONTENTION_LIMIT).then(|| {
            Refusal::new(
                "Contended",
                format!(
                    "something else keeps changing these NICs; {CONTENTION_LIMIT} repairs within {} minutes were undone, so it is left for now; find what does it",
                    CONTENTION_WINDOW.as_secs() / 60
                ),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_retried_further_and_further_apart_until_one_succeeds() {
        let mut retry = Retry::default();
        let waits: Vec<_> = (0..12).map(|_| retry.after(Ending::Failed).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(retry.after(Ending::Settled), FULL_CHECK);
        assert_eq!(retry.after(Ending::Failed), FIRST_RETRY);
    }

    #[test]
    fn a_fight_ends_after_a_few_repairs_and_a_new_generation_starts_afresh() {
        let start = Instant::now();
        let mut contention = Contention::default();
        for _ in 0..CONTENTION_LIMIT {
            assert_eq!(contention.obstacle(1, start), None);
            contention.repaired(1, start);
        }
        assert_eq!(contention.obstacle(1, start).unwrap().reason, "Contended");
        assert_eq!(contention.obstacle(2, start), None);
        assert_eq!(contention.obstacle(1, start + CONTENTION_WINDOW), None);
    }
}
