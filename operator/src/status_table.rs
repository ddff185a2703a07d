//! The loop that keeps the optional status table: a watch and a connection of its own, so that nothing waits for it.

use std::{
    convert::Infallible,
    pin::pin,
    time::{Duration, Instant},
};

use futures::StreamExt;
use kube::Client;
use multinic_crds::GuardedConfig;
use multinic_operator_core::{outage::Outage, status_table::Sheet};
use tokio::time::{sleep, sleep_until};

use crate::{
    database::{DatabaseError, StatusSession, StatusTable},
    kubernetes::{WatchLog, told, watch},
    report::{fleet::Board, metrics::Metrics},
};

/// How long what agents say is gathered before it is written.
const GATHER: Duration = Duration::from_millis(500);
/// Rows of one statement.
const ROWS_AT_ONCE: usize = 100;
/// Statements before the watch is heard again.
const STATEMENTS_AT_ONCE: usize = 20;
/// How long the table is taken to have what was written; then it is read again.
const ANEW: Duration = Duration::from_hours(1);
/// The longest wait between two attempts.
const LONGEST_DELAY: Duration = Duration::from_mins(1);

/// Who writes the status table.
pub(crate) struct Scribe {
    client: Client,
    table: StatusTable,
    metrics: Metrics,
    board: Board,
    outage: Option<Outage>,
}

impl Scribe {
    pub(crate) const fn new(client: Client, table: StatusTable, metrics: Metrics, board: Board) -> Self {
        Self { client, table, metrics, board, outage: None }
    }

    /// Writes for ever. May be dropped at any await: what the table has is read when it begins.
    pub(crate) async fn run(mut self) -> Infallible {
        loop {
            if let Err(error) = self.keep().await {
                sleep(self.fail(&error)).await;
            }
        }
    }

    /// Reads the table, and writes what differs from it, for a time.
    async fn keep(&mut self) -> Result<(), DatabaseError> {
        let mut session = self.table.open().await?;
        let mut sheet = Sheet::new(session.rows().await?);
        self.succeed();
        let end = Instant::now() + ANEW;
        let mut events = pin!(watch::<GuardedConfig>(&self.client));
        let mut log = WatchLog::new("NodeNetworkConfig of the status table");
        let mut write = None;
        loop {
            tokio::select! {
                event = events.next() => {
                    if let Some(event) = event.and_then(|event| log.sift(event)) {
                        sheet.handle(told(event));
                    }
                }
                () = sleep_until(write.unwrap_or(end).into()) => {
                    let begun = write.is_none() || session.answers().await;
                    if !begun || Instant::now() >= end {
                        return Ok(());
                    }
                    self.write(&mut session, &mut sheet).await?;
                    write = None;
                }
            }
            if sheet.pending() > 0 {
                write.get_or_insert_with(|| Instant::now() + GATHER);
            }
        }
    }

    async fn write(&self, session: &mut StatusSession, sheet: &mut Sheet) -> Result<(), DatabaseError> {
        for _ in 0..STATEMENTS_AT_ONCE {
            let Some(batch) = sheet.next(ROWS_AT_ONCE) else { break };
            session.write(&batch).await?;
            self.metrics.status_writes.inc_by(batch.len() as u64);
        }
        Ok(())
    }

    fn succeed(&mut self) {
        self.show(None);
        if self.outage.take().is_some() {
            tracing::info!(table = %self.table.name(), "the status table is written again");
        }
    }

    /// Returns how long to wait for the next attempt.
    fn fail(&mut self, error: &DatabaseError) -> Duration {
        self.show(Some(error.cause().as_str()));
        let now = Instant::now();
        let outage = self.outage.get_or_insert_with(|| Outage::new(LONGEST_DELAY, now));
        if outage.fail(error.reason(), error.to_string(), now).is_some() {
            tracing::warn!(table = %self.table.name(), %error, "the status table cannot be written and is tried again");
        }
        outage.delay()
    }

    fn show(&self, error: Option<&'static str>) {
        self.metrics.status_table_failing.set(i64::from(error.is_some()));
        self.board.change(|fleet| fleet.status_table_error = error);
    }
}
