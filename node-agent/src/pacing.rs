//! When to look again, and when to stop repairing. Pure: the time is an argument.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use multinic_crds::MacAddress;

use crate::plan::Refusal;

/// A look without a cause, in case an announcement or a file's change was missed.
const FULL_CHECK: Duration = Duration::from_mins(5);
/// While something is not as it should be and nobody may announce that it changed.
const UNSETTLED_CHECK: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Repairs of one NIC within [`CONTENTION_WINDOW`] that are taken for a fight.
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

/// Repairs of one generation, counted for each NIC so that a fight with another actor ends.
#[derive(Debug, Clone, Default)]
pub struct Contention {
    generation: i64,
    repairs: BTreeMap<MacAddress, VecDeque<Instant>>,
}

impl Contention {
    /// A NIC that was right in `generation` was repaired at `now`. A new generation is a new start.
    pub fn repaired(&mut self, mac: MacAddress, generation: i64, now: Instant) {
        if self.generation != generation {
            *self = Self { generation, ..Self::default() };
        }
        self.repairs.entry(mac).or_default().push_back(now);
    }

    /// The NICs that are not repaired again in `generation` at `now`, and why.
    pub fn blocked(&mut self, generation: i64, now: Instant) -> BTreeMap<MacAddress, Refusal> {
        for repairs in self.repairs.values_mut() {
            repairs.retain(|repair| now.saturating_duration_since(*repair) < CONTENTION_WINDOW);
        }
        let fought_over =
            |repairs: &VecDeque<Instant>| self.generation == generation && repairs.len() >= CONTENTION_LIMIT;
        let contended = self.repairs.iter().filter(|(_, repairs)| fought_over(repairs));
        contended.map(|(mac, _)| (*mac, contended_refusal())).collect()
    }
}

fn contended_refusal() -> Refusal {
    Refusal::new(
        "Contended",
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

    #[test]
    fn failures_are_retried_further_and_further_apart_until_one_succeeds() {
        let mut retry = Retry::default();
        let waits: Vec<_> = (0..12).map(|_| retry.after(Ending::Failed).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(retry.after(Ending::Settled), FULL_CHECK);
        assert_eq!(retry.after(Ending::Failed), FIRST_RETRY);
    }

    #[test]
    fn a_fight_over_one_nic_ends_after_a_few_repairs_and_a_new_generation_starts_afresh() {
        let start = Instant::now();
        let (fought_over, other) = (mac("fa:16:3e:00:00:01"), mac("fa:16:3e:00:00:02"));
        let mut contention = Contention::default();
        contention.repaired(other, 1, start);
        for _ in 0..CONTENTION_LIMIT {
            assert_eq!(contention.blocked(1, start), BTreeMap::new());
            contention.repaired(fought_over, 1, start);
        }
        assert_eq!(contention.blocked(1, start).into_keys().collect::<Vec<_>>(), [fought_over]);
        assert_eq!(contention.blocked(2, start), BTreeMap::new());
        assert_eq!(contention.blocked(1, start + CONTENTION_WINDOW), BTreeMap::new());
    }
}
