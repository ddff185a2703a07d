//! The loop: events into the indexes, and from time to time one turn.

use std::{
    convert::Infallible,
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use multinic_operator_core::pace::{Intervals, Pace, Turn};
use multinic_runtime::heartbeat::Heartbeat;
use tokio::time::sleep_until;

use crate::sync::Syncer;

/// The longest that one turn can take with every deadline used up; after more, the loop is stuck.
pub(crate) const LONGEST_TURN: Duration = Duration::from_mins(3);
/// A loop that has nothing to do turns as often, so that it is not taken for one that is stuck.
const IDLE_TURN: Duration = Duration::from_secs(30);

/// The operator's loop.
pub(crate) struct Controller {
    syncer: Syncer,
    intervals: Intervals,
    pace: Pace,
    heartbeat: Heartbeat,
}

impl Controller {
    pub(crate) const fn new(syncer: Syncer, intervals: Intervals, heartbeat: Heartbeat) -> Self {
        Self { syncer, intervals, pace: Pace::new(intervals), heartbeat }
    }

    /// Turns for ever. May be dropped at any await: every effect is complete in itself.
    pub(crate) async fn run(mut self) -> Infallible {
        loop {
            self.heartbeat.beat();
            let now = Instant::now();
            self.syncer.show(self.pace.is_busy(now));
            let (wake, turn) = self.wake(now);
            tokio::select! {
                changed = self.syncer.watches.turn() => if changed {
                    self.note();
                },
                () = sleep_until(wake.min(now + IDLE_TURN).into()) => if wake <= Instant::now() {
                    self.take(turn).await;
                }
            }
        }
    }

    /// What to do next and when, whatever the watches bring.
    fn wake(&self, now: Instant) -> (Instant, Turn) {
        if self.syncer.watches.are_listed() {
            self.pace.next(self.syncer.retry()).unwrap_or((now, Turn::Sync))
        } else {
            (now + self.intervals.rest, Turn::Sync)
        }
    }

    /// The watches brought something.
    fn note(&mut self) {
        let now = Instant::now();
        if self.syncer.watches.take_replan() {
            self.pace.note(now);
        } else {
            self.pace.hear(now);
        }
    }

    async fn take(&mut self, turn: Turn) {
        if !self.syncer.watches.are_listed() {
            return;
        }
        // The time until now was for waiting.
        self.heartbeat.beat();
        let began = Instant::now();
        match turn {
            Turn::Sync => self.sync(began).await,
            Turn::Mirror => self.mirror(began).await,
        }
    }

    async fn sync(&mut self, began: Instant) {
        let (seen, overtaken) = self.syncer.sync(began).await;
        let ended = Instant::now();
        self.pace.synced(began, ended, seen, RandomState::new().hash_one(()));
        if overtaken {
            self.pace.note(ended);
        }
    }

    async fn mirror(&mut self, began: Instant) {
        let must_read = self.syncer.mirror().await;
        let ended = Instant::now();
        self.pace.mirrored(began, ended);
        if must_read {
            self.pace.note(ended);
        }
    }
}
