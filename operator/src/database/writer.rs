//! Writes `netplan_success`, of as many rows as there are, waiting for nobody.

use std::time::{Duration, Instant};

use multinic_operator_core::{
    mirror::Update,
    table::{Agenda, Cidr, RowKey, Schema, Subnets},
};
use sqlx::{Connection, MySqlConnection};

use super::{
    Cause, Database, DatabaseError,
    access::Session,
    change,
    deadline::{STATEMENT_DEADLINE, within},
    means::{Means, WRITING},
    session, statement,
};

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
    /// Whether some of them are not written for want of time alone.
    pub is_postponed: bool,
    /// The last thing that went wrong, other than a lock; the rows concerned differ again at the next reading.
    pub error: Option<DatabaseError>,
}

impl Database {
    /// Writes `netplan_success`, as far as locks and the budget of time allow.
    ///
    /// Without a connection nothing is written: that is the next reading's to open.
    pub async fn write(&mut self, updates: &[Update]) -> Written {
        let unwritten = updates.iter().map(|update| update.keys.len()).sum();
        let nothing = Written { unwritten, ..Written::default() };
        if unwritten == 0 {
            return nothing;
        }
        let Some(mut session) = self.session.take() else { return nothing };
        let written = match prepare(&mut session, updates).await {
            Ok((means, updates)) => {
                let Session { connection, schema, .. } = &mut session;
                Writer::new(connection, *schema, means, &mut self.agenda).write(&updates).await
            }
            Err(error) => Written { error: Some(error), ..nothing },
        };
        if written.error.as_ref().is_none_or(DatabaseError::is_answer) {
            self.session = Some(session);
        }
        written
    }
}

/// What may be written, and how.
async fn prepare(session: &mut Session, updates: &[Update]) -> Result<(Means, Vec<Update>), DatabaseError> {
    let Session { connection, schema, means, .. } = session;
    let found = match means {
        Some(means) => *means,
        None => Means::find(connection, *schema).await?,
    };
    *means = Some(found);
    let mut updates = updates.to_vec();
    let rely_on_subnets = updates.iter().filter(|update| update.success).flat_map(|update| &update.keys);
    if rely_on_subnets.into_iter().any(|key| key.cidr.is_some() || key.columns.is_some()) {
        let subnets = statement::subnets(connection, *schema);
        let subnets = within(STATEMENT_DEADLINE, "reading the subnets", subnets).await?;
        for update in updates.iter_mut().filter(|update| update.success) {
            update.keys.retain(|key| is_still(key, &subnets));
        }
    }
    Ok((found, updates))
}

/// Whether the subnet of this row says what it said when the row was read.
fn is_still(key: &RowKey, subnets: &Subnets) -> bool {
    let subnet_id = key.subnet_id.as_ref().map(String::as_bytes);
    let same_cidr = key.cidr.as_ref().is_none_or(|cidr| subnets.cidr(subnet_id) == Cidr::Is(cidr.as_bytes()));
    let same_columns = key.columns.as_ref().is_none_or(|columns| subnets.columns(subnet_id) == Some(columns));
    same_cidr && same_columns
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
            self.written.is_postponed |= queue.next < queue.keys.len();
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
