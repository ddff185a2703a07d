//! The figures of one size, each beside its peer or its limit.

use std::time::Duration;

use crate::output::mebibytes;

/// What the figures are held to.
pub(crate) struct Limits;

impl Limits {
    /// Of a bare reading, for an unchanged sync.
    pub(crate) const CPU: f64 = 2.0;
    /// Of what a bare loop of PATCH calls reaches, for a first sync.
    pub(crate) const CALLS: f64 = 0.8;
    /// At rest, in half a minute.
    pub(crate) const SELECTS: f64 = 1.0;

    /// In bytes, where there is one.
    pub(crate) const fn memory(nodes: usize) -> Option<u64> {
        match nodes {
            1_000 => Some(24 << 20),
            5_000 => Some(64 << 20),
            _ => None,
        }
    }
}

/// An operator to which nothing happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steady {
    /// Processor seconds of a sync.
    pub(crate) cpu: f64,
    /// Calls to the API server that write, in all syncs.
    pub(crate) calls: usize,
    pub(crate) syncs: u64,
    /// Resident, in bytes.
    pub(crate) memory: u64,
}

/// All that was measured at one size.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) nodes: usize,
    pub(crate) rows: usize,
    /// Calls in a second, while new objects are made.
    pub(crate) first_sync: f64,
    /// The same of a bare loop.
    pub(crate) bare_patches: Option<f64>,
    /// From the start of the operator until every row says success.
    pub(crate) first_mirror: Duration,
    /// One UPDATE of all rows.
    pub(crate) bare_update: Duration,
    pub(crate) steady: Steady,
    /// In half a minute at rest.
    pub(crate) selects: Option<f64>,
    /// Processor seconds of a bare reading.
    pub(crate) bare_reading: f64,
}

impl Figures {
    /// For the terminal.
    pub(crate) fn lines(&self) -> String {
        let Self { nodes, rows, steady, bare_reading, .. } = self;
        let mut lines = vec![format!("fleet of {nodes} nodes with {rows} rows")];
        if let Some(selects) = self.selects {
            let limit = Limits::SELECTS;
            lines.push(format!(
                "SELECTs in 30 s at rest: {selects:.2} (limit {limit:.0}; the Go agent: {nodes} to {})",
                2 * nodes
            ));
        }
        lines.push(format!(
            "CPU of an unchanged sync: {:.2} ms, {:.2} times a bare SELECT and decode of {:.2} ms (limit {} times)",
            steady.cpu * 1e3,
            steady.cpu / bare_reading,
            bare_reading * 1e3,
            Limits::CPU
        ));
        lines.push(format!(
            "calls that write in {} unchanged syncs: {} (limit 0)",
            steady.syncs, steady.calls
        ));
        let limit =
            Limits::memory(*nodes).map(|limit| format!(" (limit {})", mebibytes(limit))).unwrap_or_default();
        lines.push(format!("memory: {}{limit}", mebibytes(steady.memory)));
        let peer = self.bare_patches.map(|bare| {
            let (share, limit) = (self.first_sync / bare, Limits::CALLS);
            format!(", {share:.2} of a bare loop's {bare:.0} (limit {limit})")
        });
        lines.push(format!("first sync: {:.0} calls/s{}", self.first_sync, peer.unwrap_or_default()));
        lines.push(format!(
            "first mirror, with the operator's start: {:.1} s (one bare UPDATE: {:.1} s)",
            self.first_mirror.as_secs_f64(),
            self.bare_update.as_secs_f64()
        ));
        lines.join("\n  ")
    }
}
