//! What became of each NIC, and when one is left alone: for a while after a failure, longer after a fight.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use multinic_crds::{Explanation, MacAddress, Reason};

use crate::{
    execute::Failures,
    plan::{Plan, Verdict},
    retry::Backoff,
};

/// Repairs of one NIC within [`CONTENTION_WINDOW`] that are taken for a fight.
const CONTENTION_LIMIT: usize = 5;
const CONTENTION_WINDOW: Duration = Duration::from_mins(10);
/// Attempts in a row that changed a link that the node lives by: no coincidence, and each disturbs that link.
const FENCE_LIMIT: u32 = 3;

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

    /// The network of this NIC says something else of it from now on: the change that follows is no repair.
    pub fn told_anew(&mut self, mac: MacAddress) {
        if let Some(past) = self.nics.get_mut(&mac) {
            past.proven = false;
        }
    }

    /// Takes in what a look at `now` showed: NICs that are right, or away, or unfit.
    pub fn learn(&mut self, plan: &Plan, now: Instant) {
        for (mac, decision) in &plan.decisions {
            match &decision.verdict {
                Verdict::Right => self.right(*mac),
                Verdict::Missing => self.away(*mac, now),
                Verdict::Unfit(unfit) => self.failed(*mac, unfit.clone(), now),
                _ => {}
            }
        }
    }

    /// Takes in what became of `plan` by `now`; how many of it were repairs.
    pub fn remember(&mut self, plan: &Plan, failures: &Failures, now: Instant) -> u64 {
        let mut repaired = 0;
        for transaction in &plan.transactions {
            // One that only waited for the kernel to prove an address changed nothing.
            let changed = !(transaction.steps.is_empty() && transaction.files.is_empty());
            for member in &transaction.members {
                if let Some(failure) = failures.get(&member.mac) {
                    let failure = Explanation::new(failure.reason(), failure.to_string());
                    self.failed(member.mac, failure, now);
                } else {
                    repaired += u64::from(self.succeeded(member.mac, changed, now));
                }
            }
        }
        repaired
    }

    /// The NIC was found as wanted.
    fn right(&mut self, mac: MacAddress) {
        let past = self.nics.entry(mac).or_default();
        past.proven = true;
        past.settle();
    }

    /// Changing a NIC failed at `now`.
    fn failed(&mut self, mac: MacAddress, failure: Explanation, now: Instant) {
        let past = self.nics.entry(mac).or_default();
        past.backoff.failed(now);
        past.fenced = if failure.reason == Reason::FenceChanged { past.fenced + 1 } else { 0 };
        past.failure = Some(failure);
    }

    /// The NIC became as wanted at `now`, `changed` or only waited for. Whether that was a repair.
    fn succeeded(&mut self, mac: MacAddress, changed: bool, now: Instant) -> bool {
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
    fn away(&mut self, mac: MacAddress, now: Instant) {
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
    pub fn held(&mut self, now: Instant) -> BTreeMap<MacAddress, Explanation> {
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
    use crate::{
        retry::{FIRST_RETRY, LAST_RETRY},
        testing::mac,
    };

    const NIC: &str = "fa:16:3e:00:00:01";
    const OTHER: &str = "fa:16:3e:00:00:02";
    const THIRD: &str = "fa:16:3e:00:00:03";

    fn failure() -> Explanation {
        Explanation::new(Reason::ApplyFailed, "failed")
    }

    #[test]
    fn a_nic_that_failed_is_held_with_its_reason_and_no_other_is() {
        let start = Instant::now();
        let mut history = History::default();
        history.begin(1);
        history.failed(mac(NIC), failure(), start);
        assert_eq!(history.held(start), BTreeMap::from([(mac(NIC), failure())]));
        history.failed(mac(OTHER), failure(), start + FIRST_RETRY);
        let attempts: Vec<_> = history.next_attempts().collect();
        assert_eq!(attempts, [start + FIRST_RETRY, start + 2 * FIRST_RETRY]);
        history.away(mac(OTHER), start);
        assert_eq!(history.held(start + FIRST_RETRY), BTreeMap::new());
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
        assert_eq!(history.held(start).into_keys().collect::<Vec<_>>(), [mac(NIC)]);
        history.begin(2);
        assert_eq!(history.held(start), BTreeMap::new());
    }

    /// How many rounds an opponent gets, of whom each is `round`, one after the other at the same moment.
    fn rounds(mut round: impl FnMut(&mut History, Instant)) -> usize {
        let start = Instant::now();
        let mut history = History::default();
        history.begin(1);
        history.succeeded(mac(NIC), true, start);
        for number in 0..100 {
            if history.held(start).get(&mac(NIC)) == Some(&contended()) {
                assert_eq!(history.held(start + CONTENTION_WINDOW), BTreeMap::new(), "not for ever");
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
        assert_eq!(history.held(start), BTreeMap::new());
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
            assert_eq!(history.held(start + LAST_RETRY), BTreeMap::new());
        }
        history.failed(mac(OTHER), disturbing(), start);
        history.succeeded(mac(OTHER), true, start);
        history.failed(mac(NIC), disturbing(), start);
        let years_later = start + 100_000 * LAST_RETRY;
        assert_eq!(history.held(years_later), BTreeMap::from([(mac(NIC), self_fenced())]));
        history.begin(2);
        assert_eq!(history.held(start), BTreeMap::new());
    }
}
