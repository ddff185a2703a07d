//! The largest packet that comes back from a router in one piece, found with few questions.

use std::{collections::BTreeSet, time::Duration};

/// How long answers are waited for that belong together.
const ROUND: Duration = Duration::from_millis(100);
/// Sizes that networks often have, to begin with.
const COMMON: [u16; 14] =
    [1280, 1392, 1400, 1420, 1442, 1450, 1458, 1492, 1500, 1550, 1958, 4000, 8942, 8958];
/// How many sizes are asked for at once after those.
const FAN: u16 = 16;
/// Whatever is not there after so many rounds with answers to smaller ones does not pass: one may be lost.
const ROUNDS: u32 = 3;

/// A search, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    full: u16,
    least: u16,
    asked: BTreeSet<u16>,
    answered: BTreeSet<u16>,
    /// Rounds that began when something had been answered already.
    rounds: u32,
    next: Duration,
    /// There was time for the last answers, and nothing is left to ask.
    ended: bool,
}

impl Search {
    /// For whether packets of `full` bytes pass, from `now` on; `least` pass in every network.
    pub(super) fn new(full: u16, least: u16, now: Duration) -> Self {
        let least = least.min(full);
        let (asked, answered) = (BTreeSet::new(), BTreeSet::new());
        Self { full, least, asked, answered, rounds: 0, next: now, ended: false }
    }

    /// The sizes to ask for `now`; the full one always, and first.
    pub(super) fn ask(&mut self, now: Duration) -> Vec<u16> {
        if self.is_over() || now < self.next {
            return Vec::new();
        }
        self.next = now + ROUND;
        self.ended =
            self.passes().is_some_and(|passes| self.fails(passes) == passes + 1) && self.rounds >= ROUNDS;
        if self.ended {
            return Vec::new();
        }
        let sizes = match self.passes() {
            None => BTreeSet::from([self.least]),
            Some(passes) => {
                self.rounds += 1;
                self.between(passes)
            }
        };
        self.asked.insert(self.full);
        self.asked.extend(&sizes);
        let smaller = sizes.into_iter().filter(|size| *size != self.full);
        std::iter::once(self.full).chain(smaller).collect()
    }

    /// When there is more to ask.
    pub(super) fn due(&self) -> Option<Duration> {
        (!self.is_over()).then_some(self.next)
    }

    pub(super) fn answer(&mut self, size: u16) {
        if self.asked.contains(&size) {
            self.answered.insert(size);
        }
    }

    /// The largest size that came back; none where nothing did, which says nothing of sizes.
    pub(super) fn passes(&self) -> Option<u16> {
        self.answered.last().copied()
    }

    /// Whether there is nothing more to find out.
    pub(super) fn is_over(&self) -> bool {
        self.ended || self.passes() == Some(self.full)
    }

    /// Whether the full size was asked for often enough to say that it does not pass.
    pub(super) fn is_sure(&self) -> bool {
        self.rounds > 1
    }

    /// The smallest size that has not come back, of those that are larger.
    fn fails(&self, passes: u16) -> u16 {
        self.asked.range(passes + 1..).next().copied().unwrap_or(self.full)
    }

    /// What is still open, in even steps; at first what networks often have.
    fn between(&self, passes: u16) -> BTreeSet<u16> {
        let fails = self.fails(passes);
        if self.rounds == 1 {
            return COMMON.into_iter().filter(|size| (passes + 1..fails).contains(size)).collect();
        }
        let (gap, steps) = (u32::from(fails - passes), u32::from(FAN));
        let at = |step: u32| u16::try_from(u32::from(passes) + gap * step / (steps + 1)).unwrap_or(passes);
        // The smallest that seems not to pass is asked for again.
        let open = (1..=steps).map(at).filter(|size| *size > passes);
        open.chain([passes + 1, fails]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks a network that lets `limit` bytes pass, and loses each packet that `loses` names by its number. What it finds,
    /// how long that takes, and how many packets.
    fn search(full: u16, limit: u16, loses: impl Fn(usize) -> bool) -> (Option<u16>, u128, usize) {
        let (mut search, mut now, mut sent) = (Search::new(full, 576, Duration::ZERO), Duration::ZERO, 0);
        while let Some(due) = search.due().filter(|due| due.as_millis() < 1400) {
            now = due;
            for size in search.ask(now) {
                sent += 1;
                if size <= limit && !loses(sent) {
                    search.answer(size);
                }
            }
        }
        (search.passes(), now.as_millis(), sent)
    }

    #[test]
    fn where_the_full_size_passes_one_answer_is_enough() {
        for full in [68, 576, 1500, 9000] {
            let (passes, took, sent) = search(full, full, |_| false);
            assert_eq!((passes, took), (Some(full), 0));
            assert!(sent <= 2);
        }
    }

    #[test]
    fn whatever_passes_is_found_to_the_byte_and_soon() {
        for full in [1500, 9000, 65535] {
            for limit in (576..full).step_by(13) {
                let (passes, took, sent) = search(full, limit, |_| false);
                assert_eq!(passes, Some(limit), "{limit} of {full}");
                assert!(took <= 600 && sent < 100, "{limit} of {full}: {took} ms, {sent} packets");
            }
        }
    }

    #[test]
    fn a_packet_that_is_lost_now_and_then_changes_nothing() {
        for lost in 1..40 {
            assert_eq!(search(9000, 9000, |number| number == lost).0, Some(9000), "{lost}");
            assert_eq!(search(9000, 1450, |number| number == lost).0, Some(1450), "{lost}");
        }
    }

    #[test]
    fn a_router_that_answers_nothing_says_nothing() {
        let (passes, _, sent) = search(9000, 0, |_| false);
        assert_eq!(passes, None);
        assert!(sent <= 30);
    }

    #[test]
    fn what_was_not_asked_for_is_no_answer() {
        let mut search = Search::new(9000, 576, Duration::ZERO);
        search.answer(9000);
        assert_eq!(search.passes(), None);
    }
}
