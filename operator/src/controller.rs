//! The loop: events into the indexes, and from time to time one sync.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use multinic_operator_core::pace::Pace;
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
    sync_interval: Duration,
    pace: Pace,
    heartbeat: Heartbeat,
}

impl Controller {
    pub(crate) const fn new(syncer: Syncer, sync_interval: Duration, heartbeat: Heartbeat) -> Self {
        Self { syncer, sync_interval, pace: Pace::new(sync_interval), heartbeat }
    }

    /// Turns for ever. May be dropped at any await: every effect is complete in itself.
    pub(crate) async fn run(mut self) -> Infallible {
        loop {
            self.heartbeat.beat();
            self.syncer.show_watches();
            let now = Instant::now();
            let wake = self.wake(now);
            tokio::select! {
                changed = self.syncer.watches.turn() => if changed {
                    self.pace.note(Instant::now());
                },
                () = sleep_until(wake.min(now + IDLE_TURN).into()) => if wake <= Instant::now() {
                    self.sync().await;
                }
            }
        }
    }

    /// When to sync next, whatever the watches bring.
    fn wake(&self, now: Instant) -> Instant {
        if self.syncer.watches.are_listed() {
            self.pace.next(self.syncer.retry()).unwrap_or(now)
        } else {
            now + self.sync_interval
        }
    }

    async fn sync(&mut self) {
        if !self.syncer.watches.are_listed() {
            return;
        }
        // The time until now was for waiting.
        self.heartbeat.beat();
        let began = Instant::now();
        let overtaken = self.syncer.sync(began).await;
        let ended = Instant::now();
        self.pace.synced(began, ended);
        if overtaken {
            self.pace.note(ended);
        }
    }
}
