//! Writes `netplan_success`, of as many rows as there are, waiting for nobody.

use std::time::{Duration, Instant};

use multinic_operator_core::{
    mirror::Update,
    table::{Agenda, RowKey, Schema},
};
use sqlx::{Connection, MySqlConnection};

use super::{
    Cause, DatabaseError, change,
    deadline::{STATEMENT_DEADLINE, within},
    session, statement,
};

const WRITING: &str = "writing netplan_success";
/// After this no further statement is begun.
const BUDGET: Duration = Duration::from_secs(8);
/// As long may success be taken away before any is given.
const FIRST_SHARE: Duration = Duration::from_secs(4);
/// Rows in one transaction: few round trips, and locks that are held for milliseconds.
const ROWS_AT_ONCE: usize = 100;
/// Rows that the server refuses before it is taken to refuse all.
const MAX_REFUSALS: usize = 50;

/// What came of writing.
#[derive(Debug, Default)]
pub struct Written {
    /// Rows that changed.
    pub rows: u64,
    /// Rows that still say something else: others have them locked, the server refuses them, or time was up.
    pub unwritten: usize,
    /// The last thing that went wrong, other than a lock; the rows concerned differ again at the next reading.
    pub error: Option<DatabaseError>,
}

/// What this server lets this user do, found out when something is first written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means {
    /// Whether rows that others have locked can be passed over.
    skips_locked: bool,
    modified_at: bool,
}

impl Means {
    pub(super) async fn find(
        connection: &mut MySqlConnection,
        schema: Schema,
    ) -> Result<Self, DatabaseError> {
        let skip = change::try_skip_locked(&mut *connection, schema);
        let skips_locked = match within(STATEMENT_DEADLINE, WRITING, skip).await {
            Ok(()) => true,
            Err(error) if error.number().is_some() => false,
            Err(error) => return Err(error),
        };
        if !skips_locked {
            within(STATEMENT_DEADLINE, WRITING, session::wait_for_no_lock(connection)).await?;
        }
        let mut modified_at = schema.modified_at;
        if modified_at {
            let update = statement::try_update(connection, Schema::MODIFIED_AT);
            match within(STATEMENT_DEADLINE, WRITING, update).await {
                Err(error) if error.cause() == Cause::Forbidden => modified_at = false,
                // Whatever else is wrong, writing itself will tell.
                Err(error) if error.number().is_none() => return Err(error),
                _ => {}
            }
        }
        Ok(Self { skips_locked, modified_at })
    }
}

/// One write of everything that differs.
pub(super) struct Writer<'a> {
    connection: &'a mut MySqlConnection,
    schema: Schema,
    means: Means,
    agenda: &'a mut Agenda,
    started: Instant,
    written: Written,
    stuck: Vec<RowKey>,
    refusals: usize,
}

/// Rows that should say the same, and how far they are written.
struct Queue {
    success: bool,
    keys: Vec<RowKey>,
    next: usize,
}

/// Nothing more can be written now.
struct Stop(DatabaseError);

impl<'a> Writer<'a> {
    pub(super) fn new(
        connection: &'a mut MySqlConnection,
        schema: Schema,
        means: Means,
        agenda: &'a mut Agenda,
    ) -> Self {
        let (started, written) = (Instant::now(), Written::default());
        Self { connection, schema, means, agenda, started, written, stuck: Vec::new(), refusals: 0 }
    }

    /// Writes as much as the time allows. Success is taken away first: that it is said wrongly is worse than that it
    /// is not said.
    pub(super) async fn write(mut self, updates: &[Update]) -> Written {
        let queue = |update: &Update| Queue {
            success: update.success,
            keys: self.agenda.order(update.success, &update.keys),
            next: 0,
        };
        let mut queues: Vec<_> = updates.iter().map(queue).collect();
        for (success, until) in [(false, FIRST_SHARE), (true, BUDGET), (false, BUDGET)] {
            for queue in queues.iter_mut().filter(|queue| queue.success == success) {
                if let Err(Stop(error)) = self.drain(queue, until).await {
                    self.written.error = Some(error);
                    return self.finish(&queues);
                }
            }
        }
        self.finish(&queues)
    }

    fn finish(mut self, queues: &[Queue]) -> Written {
        for queue in queues {
            self.agenda.stop_before(queue.success, queue.keys.get(queue.next));
            self.written.unwritten += queue.keys.len() - queue.next;
        }
        self.written.unwritten += self.stuck.len();
        self.agenda.set_stuck(self.stuck);
        self.written
    }

    async fn drain(&mut self, queue: &mut Queue, until: Duration) -> Result<(), Stop> {
        while queue.next < queue.keys.len() && self.started.elapsed() < until {
            let end = queue.keys.len().min(queue.next + ROWS_AT_ONCE);
            let keys = &queue.keys[queue.next..end];
            self.write_all(queue.success, keys, until).await?;
            queue.next = end;
        }
        Ok(())
    }

    /// Writes these rows together, and where that fails, in halves, until the rows that it fails for are alone.
    async fn write_all(&mut self, success: bool, keys: &[RowKey], until: Duration) -> Result<(), Stop> {
        let mut left = vec![keys];
        while let Some(keys) = left.pop() {
            if self.started.elapsed() >= until {
                self.stuck.extend_from_slice(keys);
                continue;
            }
            let Err(error) = self.write_together(success, keys).await else { continue };
            if session::needs_repeatable_read(&error) {
                let repeated = session::repeat_reads(self.connection);
                within(STATEMENT_DEADLINE, WRITING, repeated).await.map_err(Stop)?;
                left.push(keys);
                continue;
            }
            if error.is_lock() && self.means.skips_locked {
                // Another one than those that were passed over, which a search without a key may come by.
                self.means.skips_locked = false;
                let session = session::wait_for_no_lock(self.connection);
                within(STATEMENT_DEADLINE, WRITING, session).await.map_err(Stop)?;
            }
            if error.cause() == Cause::Forbidden || !error.is_answer() {
                return Err(Stop(error));
            }
            match keys {
                // The producer is the one who should win.
                _ if error.is_deadlock() => self.stuck.extend_from_slice(keys),
                [] => {}
                [key] => {
                    self.stuck.push(key.clone());
                    self.refuse(error)?;
                }
                _ => {
                    let (first, second) = keys.split_at(keys.len() / 2);
                    left.extend([second, first]);
                }
            }
        }
        Ok(())
    }

    /// One row is not written.
    fn refuse(&mut self, error: DatabaseError) -> Result<(), Stop> {
        if error.is_lock() {
            return Ok(());
        }
        self.refusals += 1;
        if self.refusals > MAX_REFUSALS {
            return Err(Stop(error));
        }
        self.written.error = Some(error);
        Ok(())
    }

    async fn write_together(&mut self, success: bool, keys: &[RowKey]) -> Result<(), DatabaseError> {
        let done = self.transact(success, keys);
        let (rows, locked) = within(STATEMENT_DEADLINE, WRITING, done).await?;
        self.written.rows += rows;
        self.stuck.extend(locked);
        Ok(())
    }

    /// Returns how many rows changed, and those that others have locked.
    async fn transact(&mut self, success: bool, keys: &[RowKey]) -> sqlx::Result<(u64, Vec<RowKey>)> {
        let (schema, modified_at) = (self.schema, self.means.modified_at);
        let mut transaction = self.connection.begin().await?;
        let (mut free, mut locked) = (keys.to_vec(), Vec::new());
        if self.means.skips_locked {
            let ours = change::lock(&mut transaction, schema, keys).await?;
            (free, locked) = free.into_iter().partition(|key| ours.contains(schema.locate(key)));
        }
        let mut rows = 0;
        if !free.is_empty() {
            rows = change::update(&mut transaction, schema, modified_at, success, &free).await?;
        }
        transaction.commit().await?;
        Ok((rows, locked))
    }
}
