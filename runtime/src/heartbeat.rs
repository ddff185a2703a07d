//! Liveness: whether a loop still turns, whatever the rest of the world does.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Shared by a loop that beats and an endpoint that listens.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    last: Arc<Mutex<Instant>>,
    limit: Duration,
}

impl Heartbeat {
    /// A heart that is dead when it has not beaten for `limit`.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { last: Arc::new(Mutex::new(Instant::now())), limit }
    }

    /// The loop turns.
    pub fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether the last beat is recent enough at `now`.
    #[must_use]
    pub fn is_alive(&self, now: Instant) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        now.saturating_duration_since(last) < self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_stops_turning_is_dead_after_its_limit() {
        let heart = Heartbeat::new(Duration::from_mins(1));
        heart.beat();
        let now = Instant::now();
        assert!(heart.is_alive(now));
        assert!(!heart.is_alive(now + Duration::from_secs(61)));
    }
}
