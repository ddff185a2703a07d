//! Which of several operators acts: the one that holds a lease.
//!
//! ```text
//!              GET every 2 s                  PUT every 2 s, compare-and-swap
//!  stand by ──────────────────▶ Sight ▶ take ──────────────────────────────▶ hold ──▶ lost
//!     ▲                          pure                                         │ fence   │
//!     │                                                                       ▼         │
//!     │                                                                      work       │
//!     └─────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! # Guarantees
//! - Every write of the lease names the version that it replaces, so that of two candidates one gets it.
//! - Who holds it stops acting [`TERM`] after the last renewal was *sent*, and no other candidate takes it
//!   before it has *seen* no renewal for `lease::SILENCE`. Both are measured by each one's own clock that only
//!   runs forward; the clocks of two machines are never compared.
//! - Who begins to act lists everything anew. Nothing of an earlier term is believed.
//!
//! # Caveats
//! - What was already sent when a term ends may still be carried out. The time between the two limits is
//!   for that: longer than a statement waits for a lock. A spec that comes later still is refused, since it
//!   names the version of the object that it was planned from; only an object that is gone is made anew.
//! - While the API server needs longer than [`lease::CALL_DEADLINE`] for a write, nobody leads.

mod fence;
mod lease;
mod sight;
#[cfg(test)]
mod tests;

use std::{convert::Infallible, time::Duration};

use kube::Client;
use multinic_runtime::heartbeat::Heartbeat;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use self::{
    fence::Fence,
    lease::{Held, LeaseError, Leases, Seen},
    sight::{Claim, Sight},
};
use crate::{
    report::fleet::{Board, Fleet},
    report::metrics::Metrics,
};

/// How long a renewal allows to act: two that take as long as [`lease::CALL_DEADLINE`] fit into it.
const TERM: Duration = Duration::from_secs(10);
/// Time between the beginnings of two renewals: a second attempt fits into a term, also after one that hung.
const RENEW_INTERVAL: Duration = Duration::from_secs(2);
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two looks of who stands by.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Who stands for election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) pod: String,
    pub(crate) namespace: String,
}

/// Stands by, acts while it holds the lease, and stands by again.
pub(crate) struct Elector {
    leases: Leases,
    sight: Sight,
    heartbeat: Heartbeat,
    metrics: Metrics,
    board: Board,
    /// What was last logged of standing by.
    logged: String,
}

/// Why a term ended.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("{0} has it")]
    Taken(String),
    #[error("it was deleted or released")]
    Gone,
    #[error("it could not be renewed in time: {0}")]
    Silent(LeaseError),
    #[error("it was not renewed in time; this process did not run for a while")]
    Asleep,
}

impl Elector {
    /// `token` tells this process from all others, also from an earlier one in the same pod.
    pub(crate) fn new(
        client: Client,
        candidate: &Candidate,
        token: u64,
        heartbeat: Heartbeat,
        metrics: Metrics,
        board: Board,
    ) -> Self {
        let identity = format!("{}_{token:016x}", candidate.pod);
        let leases = Leases::new(client, &candidate.namespace, identity.clone());
        let sight = Sight::new(identity);
        Self { leases, sight, heartbeat, metrics, board, logged: String::new() }
    }

    /// Does `work`, made anew for each term, while this is the leader. May be dropped at any await.
    pub(crate) async fn run<Work>(&mut self, mut work: impl FnMut() -> Work) -> Infallible
    where
        Work: Future<Output = Infallible>,
    {
        self.metrics.set_leader(false);
        self.board.change(Fleet::stand_by);
        loop {
            let (held, sent) = self.stand_by().await;
            tracing::info!("this operator leads");
            self.metrics.set_leader(true);
            self.board.change(Fleet::lead);

            let fence = Fence::until(sent + TERM);
            let lost = tokio::select! {
                biased;
                lost = self.hold(held, sent, &fence) => lost,
                never = fence.guard(work()) => match never {},
            };
            tracing::warn!(%lost, "this operator no longer leads, since it lost the lease; it stands by");
            self.metrics.set_leader(false);
            self.board.change(Fleet::stand_by);
        }
    }

    /// Gives the lease up, if this one has it, so that another need not wait. Call it when nothing acts any more.
    pub(crate) async fn release(&self) {
        match self.leases.release().await {
            Ok(true) => tracing::info!("the lease is released"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the lease is not released; it runs out by itself"),
        }
    }

    /// Returns once the lease is ours, with the time when that was asked for.
    async fn stand_by(&mut self) -> (Held, Instant) {
        self.logged.clear();
        loop {
            self.heartbeat.beat();
            let found = self.leases.read().await;
            self.board.change(|fleet| fleet.hear(found.is_ok()));
            let pause = match found {
                Err(error) => {
                    self.warn_once(&error);
                    LOOK_INTERVAL
                }
                Ok(found) => {
                    self.board.change(|fleet| fleet.follow(found.as_ref().and_then(Seen::holder)));
                    let now = Instant::now();
                    match self.sight.look(found.as_ref(), now) {
                        Claim::Wait(until) => {
                            self.name_once(found.as_ref().and_then(Seen::holder));
                            LOOK_INTERVAL.min(until.saturating_duration_since(now))
                        }
                        Claim::Take => match self.leases.take(found).await {
                            Ok(held) => return (held, now),
                            Err(error) => {
                                self.warn_once(&error);
                                RETRY_INTERVAL
                            }
                        },
                    }
                }
            };
            sleep(pause).await;
        }
    }

    fn name_once(&mut self, holder: Option<&str>) {
        let holder = holder.unwrap_or_default();
        if self.is_news(holder) {
            tracing::info!(leader = holder, "this operator stands by");
        }
    }

    fn warn_once(&mut self, error: &LeaseError) {
        // Somebody else was quicker, which the next look shows.
        if !error.is_conflict() && self.is_news(&error.to_string()) {
            tracing::warn!(%error, "this operator cannot stand for election, and tries again");
        }
    }

    /// Whether this is not what was logged last.
    fn is_news(&mut self, text: &str) -> bool {
        let is_news = self.logged != text;
        if is_news {
            text.clone_into(&mut self.logged);
        }
        is_news
    }

    /// Renews what was asked for when it was `sent`, until that fails; moves the fence with each success.
    async fn hold(&self, mut held: Held, sent: Instant, fence: &Fence) -> Lost {
        let mut trouble = None;
        let mut next = sent + RENEW_INTERVAL;
        loop {
            if timeout_at(fence.end(), sleep_until(next)).await.is_err() {
                return trouble.map_or(Lost::Asleep, Lost::Silent);
            }
            let sent = Instant::now();
            match timeout_at(fence.end(), self.renew(&held)).await {
                Err(_) => return trouble.map_or(Lost::Asleep, Lost::Silent),
                Ok(Ok(renewed)) => {
                    held = renewed;
                    trouble = None;
                    fence.move_to(sent + TERM);
                    next = sent + RENEW_INTERVAL;
                }
                Ok(Err(Renewal::Over(lost))) => return lost,
                Ok(Err(Renewal::Failed(error))) => {
                    trouble = Some(error);
                    next = Instant::now() + RETRY_INTERVAL;
                }
            }
        }
    }

    async fn renew(&self, held: &Held) -> Result<Held, Renewal> {
        match self.leases.renew(held).await {
            // Perhaps a person labelled it, or the answer to an earlier renewal was lost.
            Err(error) if error.is_conflict() => {
                let found = self.leases.read().await?.ok_or(Renewal::Over(Lost::Gone))?;
                match found.holder() {
                    Some(holder) if holder == self.leases.identity() => {
                        Ok(self.leases.renew(&found.into()).await?)
                    }
                    Some(other) => Err(Renewal::Over(Lost::Taken(other.to_owned()))),
                    None => Err(Renewal::Over(Lost::Gone)),
                }
            }
            Err(error) if error.is_gone() => Err(Renewal::Over(Lost::Gone)),
            renewed => Ok(renewed?),
        }
    }
}

/// Why a renewal did not succeed.
enum Renewal {
    /// The lease is another's, or nobody's.
    Over(Lost),
    /// It may be ours still.
    Failed(LeaseError),
}

impl From<LeaseError> for Renewal {
    fn from(error: LeaseError) -> Self {
        Self::Failed(error)
    }
}
