//! What it took.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// The processor time that this thread, which is the only one that works, has taken so far.
pub(crate) fn cpu() -> Result<Duration> {
    let schedstat = fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds = schedstat.split(' ').next().context("schedstat is empty")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}
