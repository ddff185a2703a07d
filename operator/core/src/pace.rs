//! When to read the table, and when to look only at what agents say.
//!
//! ```text
//!  at rest ──a row, a Node or an object changed, an agent has yet to report──▶ busy
//!     ▲                                                                          │
//!     └──────── nothing did for a while, and what waits has waited long ◀────────┘
//! ```

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::cluster::Name;

/// How long changes of Nodes and objects are gathered before the table is read for them.
const GATHER: Duration = Duration::from_millis(200);
/// How long what agents say is gathered before it is mirrored.
const GATHER_SAID: Duration = Duration::from_millis(50);
/// Whatever changes, a turn is followed by a rest of so many times what it took, or of the interval if that is less.
const REST: u32 = 4;
/// How long after the last change of rows more are expected.
const LINGER: Duration = Duration::from_secs(15);
/// How long an agent is waited for. One that is dead, or cannot, must not keep everybody busy.
const PATIENCE: Duration = Duration::from_mins(1);
/// Readings at rest come up to this share of the interval early, so that operators that share a server do not meet.
const JITTER: u32 = 16;

/// How long after one reading of the table the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    /// While rows change, or something is unsettled.
    pub busy: Duration,
    /// Else.
    pub rest: Duration,
}

/// What one turn of the loop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The table is read, and all that follows from it is done.
    Sync,
    /// What agents say is carried to rows that were read before.
    Mirror,
}

/// What the table came to, as far as two readings are told apart by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// All rows.
    pub rows: usize,
    /// Those that cannot be used.
    pub rejected: usize,
    /// Those of servers that are no Nodes.
    pub unmatched: usize,
}

/// What a sync saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// What the table came to; nothing where it could not be read.
    pub size: Option<Size>,
    /// Whether specs were written, or more could have been written than there was time for.
    pub stirred: bool,
    /// The Nodes whose agents have yet to report, with the generations that they have yet to report on.
    pub unsettled: Vec<(Name, i64)>,
    /// When the next absence of a row will have lasted long enough.
    pub ripens: Option<Instant>,
}

/// When the last turns were, and what has come since.
#[derive(Debug, Clone)]
pub struct Pace {
    intervals: Intervals,
    last: Option<Instant>,
    /// How long it took.
    took: Duration,
    /// How long after it the next reading begins if nothing comes.
    gap: Duration,
    /// Since when something asks for a reading.
    changed: Option<Instant>,
    /// Since when agents have said something that is not mirrored.
    said: Option<Instant>,
    /// When mirroring may begin again.
    mirrors: Option<Instant>,
    size: Option<Size>,
    /// When rows were last seen to change.
    stirred: Option<Instant>,
    /// Since when each agent has been waited for, and to report on what.
    waiting: BTreeMap<Name, (i64, Instant)>,
    ripens: Option<Instant>,
}

impl Pace {
    /// There was no reading yet.
    #[must_use]
    pub const fn new(intervals: Intervals) -> Self {
        Self {
            intervals,
            last: None,
            took: Duration::ZERO,
            gap: intervals.rest,
            changed: None,
            said: None,
            mirrors: None,
            size: None,
            stirred: None,
            waiting: BTreeMap::new(),
            ripens: None,
        }
    }

    /// Something changed `now` that asks for a reading.
    pub fn note(&mut self, now: Instant) {
        self.changed.get_or_insert(now);
    }

    /// An agent, or a kubelet, said something `now` by which no NIC is planned anew.
    pub fn hear(&mut self, now: Instant) {
        self.said.get_or_insert(now);
    }

    /// A sync took in all that there was, and `seen` is what that was. The `dice` are any number.
    pub fn synced(&mut self, began: Instant, ended: Instant, seen: Seen, dice: u64) {
        let Seen { size, stirred, unsettled, ripens } = seen;
        self.last = Some(began);
        self.took = ended.saturating_duration_since(began);
        (self.changed, self.said) = (None, None);
        let resized = size.is_some() && self.size.is_some() && size != self.size;
        self.size = size.or(self.size);
        if stirred || resized {
            self.stirred = Some(ended);
        }
        self.waiting = unsettled.into_iter().map(|node| self.wait_for(node, ended)).collect();
        self.ripens = ripens;
        self.gap = if self.is_busy(ended) { self.intervals.busy } else { early(self.intervals.rest, dice) };
    }

    /// What agents said was mirrored.
    pub fn mirrored(&mut self, began: Instant, ended: Instant) {
        self.said = None;
        self.mirrors = Some(ended + REST * ended.saturating_duration_since(began));
    }

    /// Whether the table is read more often, as of `now`.
    #[must_use]
    pub fn is_busy(&self, now: Instant) -> bool {
        let within = |since: Instant, limit| now.saturating_duration_since(since) < limit;
        self.stirred.is_some_and(|stirred| within(stirred, LINGER))
            || self.waiting.values().any(|(_, since)| within(*since, PATIENCE))
    }

    /// What to do next and when, in an outage only another attempt after `retry`. `None` is at once.
    #[must_use]
    pub fn next(&self, retry: Option<Duration>) -> Option<(Instant, Turn)> {
        let last = self.last?;
        if let Some(retry) = retry {
            return Some((last + retry, Turn::Sync));
        }
        let rested = last + (self.took * (1 + REST)).min(self.intervals.rest);
        let wanted = [Some(last + self.gap), self.ripens, self.changed.map(|changed| changed + GATHER)];
        let sync = wanted.into_iter().flatten().min().map_or(rested, |wanted| wanted.max(rested));
        let mirror = self.said.map(|said| {
            let gathered = said + GATHER_SAID;
            self.mirrors.map_or(gathered, |mirrors| mirrors.max(gathered))
        });
        Some(
            mirror
                .filter(|mirror| *mirror < sync)
                .map_or((sync, Turn::Sync), |mirror| (mirror, Turn::Mirror)),
        )
    }

    fn wait_for(&self, (node, generation): (Name, i64), now: Instant) -> (Name, (i64, Instant)) {
        let before = self.waiting.get(&node).filter(|(before, _)| *before == generation);
        let since = before.map_or(now, |(_, since)| *since);
        (node, (generation, since))
    }
}

/// The interval, or a little less.
fn early(interval: Duration, dice: u64) -> Duration {
    let share = u32::try_from(dice % u64::from(JITTER)).unwrap_or_default();
    interval.saturating_sub(interval / (JITTER * JITTER) * share)
}

#[cfg(test)]
mod tests;
