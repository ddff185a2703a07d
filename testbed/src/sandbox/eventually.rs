//! The only way to wait.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::ended::Ended;

/// How long to wait for something that takes milliseconds to seconds, on a machine that may be busy.
pub const SOON: Duration = Duration::from_mins(1);

const PAUSE: Duration = Duration::from_millis(20);

/// Observes until the observation succeeds, and returns it.
///
/// An error is "not yet, because", and the last one is part of the failure when the deadline passes; only a part that
/// has ended will never be ready, so that fails at once.
pub async fn eventually<T>(
    what: &str,
    within: Duration,
    mut observe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        match observe().await {
            Ok(value) => return Ok(value),
            Err(never) if never.is::<Ended>() => {
                return Err(never).with_context(|| format!("waited for {what}"));
            }
            Err(not_yet) if Instant::now() >= deadline => {
                return Err(not_yet).with_context(|| format!("waited {within:?} for {what}"));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
