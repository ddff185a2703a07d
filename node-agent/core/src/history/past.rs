//! What became of one NIC, and whether it is left alone.

use std::{collections::VecDeque, time::Instant};

use multinic_crds::{Explanation, Reason};

use super::{
    limits::{CONTENTION_LIMIT, CONTENTION_WINDOW, FENCE_LIMIT, MOST_ATTEMPTS, SETTLING},
    record::{Sight, Tried},
    words,
};
use crate::{observed::link::Link, retry::Backoff};

#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    pub(super) backoff: Backoff,
    pub(super) failure: Option<Explanation>,
    /// What failed was found out without touching the NIC.
    pub(super) untouched: bool,
    /// It was as wanted by this generation, so a further change of it is a repair.
    pub(super) proven: bool,
    /// When others made a repair or a new start necessary.
    pub(super) disturbed: VecDeque<Instant>,
    /// Attempts in a row that were taken back because a link that the node lives by changed.
    pub(super) fenced: u32,
    /// Attempts in a row that changed the NIC and were taken back.
    pub(super) attempts: u32,
    /// What an attempt changed could not be taken back.
    pub(super) stuck: bool,
    /// When the last one failed, or was first heard of, where an earlier agent made it.
    last: Option<Instant>,
    /// The link, since it is not tried any more.
    sight: Option<Sight>,
}

impl Past {
    /// What an earlier agent remembered.
    pub(super) fn recall(tried: &Tried) -> Self {
        let reason = Reason::named(&tried.reason).unwrap_or(Reason::ApplyFailed);
        Self {
            backoff: Backoff::after(tried.attempts),
            failure: Some(Explanation::new(reason, tried.message.as_str())),
            fenced: tried.fenced,
            attempts: tried.attempts,
            stuck: tried.rollback_failed,
            sight: tried.link.clone(),
            ..Self::default()
        }
    }

    /// What a later agent has to know.
    pub(super) fn tried(&self) -> Option<Tried> {
        let failure = self.failure.as_ref().filter(|_| self.attempts > 0)?;
        Some(Tried {
            attempts: self.attempts,
            fenced: self.fenced,
            rollback_failed: self.stuck,
            reason: failure.reason.to_string(),
            message: failure.message.to_string(),
            link: self.sight.clone(),
        })
    }

    /// An attempt failed at `now`, having `touched` the NIC or not.
    pub(super) fn failed(&mut self, failure: Explanation, touched: bool, now: Instant) {
        self.backoff.failed(now);
        self.fenced = if failure.reason == Reason::FenceChanged { self.fenced + 1 } else { 0 };
        self.stuck |= failure.reason == Reason::RollbackFailed;
        self.untouched = !touched;
        // What only waits for others ends when they are ready, whenever that is.
        let counts = touched && !waits_for_others(failure.reason);
        self.attempts = self.attempts.saturating_add(u32::from(counts));
        self.failure = Some(failure);
        self.last = Some(now);
        self.sight = None;
    }

    /// It is as wanted, or what failed is no more.
    pub(super) fn settle(&mut self) {
        let (proven, disturbed) = (self.proven, std::mem::take(&mut self.disturbed));
        *self = Self { proven, disturbed, ..Self::default() };
    }

    /// A person says so.
    pub(super) fn begin_anew(&mut self) {
        *self = Self { proven: self.proven, ..Self::default() };
    }

    /// Something that may have been the cause is another now. What could not be taken back is not put right by that.
    pub(super) fn give_another_chance(&mut self) {
        if !self.stuck {
            self.settle();
        }
    }

    /// Whether it is not tried any more, however long nothing happens.
    pub(super) const fn has_ended(&self) -> bool {
        self.stuck || self.fenced >= FENCE_LIMIT || self.attempts >= MOST_ATTEMPTS
    }

    /// Its link is seen at `now`, once it is not tried any more: whether another one is there, or the same in another way.
    pub(super) fn sees_another(&mut self, link: &Link, now: Instant) -> bool {
        if self.stuck || self.attempts < MOST_ATTEMPTS {
            return false;
        }
        let last = *self.last.get_or_insert(now);
        if now.saturating_duration_since(last) < SETTLING {
            return false;
        }
        let seen = Sight::of(link);
        let is_another = self.sight.as_ref().is_some_and(|sight| *sight != seen);
        self.sight = Some(seen);
        is_another
    }

    /// Why it is left alone at `now`, as one of the NICs of `node`.
    pub(super) fn hold(&mut self, node: &str, now: Instant) -> Option<Explanation> {
        self.disturbed.retain(|when| now.saturating_duration_since(*when) < CONTENTION_WINDOW);
        if self.disturbed.len() >= CONTENTION_LIMIT {
            return Some(words::contended());
        }
        if let Some(failure) = self.failure.as_ref().filter(|_| self.has_ended()) {
            return Some(if self.stuck {
                words::stuck(failure, node)
            } else if self.fenced >= FENCE_LIMIT {
                words::self_fenced(node)
            } else {
                words::exhausted(failure, self.attempts, node)
            });
        }
        self.failure.clone().filter(|_| !self.backoff.is_due(now))
    }
}

/// Whether nobody can say when it ends, and no attempt is in vain that finds it so: a disk that is full, a daemon that
/// is not there, a NIC that was pulled out.
const fn waits_for_others(reason: Reason) -> bool {
    reason.passes()
        || matches!(reason, Reason::NotPersisted | Reason::ManagerUnreachable | Reason::DeviceGone)
}
