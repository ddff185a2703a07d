//! The table, over one connection: one SELECT per reading, short UPDATEs, everything under a deadline.

use std::time::{Duration, Instant};

use multinic_operator_core::{
    mirror::Update,
    table::{Agenda, Cidr, Relied, RowKey, Rows, Schema, Subnets},
};
use sqlx::{Connection, MySqlConnection};
use tokio::time::timeout;

use super::{
    Cause, DatabaseError, DatabaseSettings,
    deadline::{STATEMENT_DEADLINE, within},
    shape::look,
    statement,
    writer::{Means, Writer, Written},
};

const READ_DEADLINE: Duration = Duration::from_secs(20);
/// For an answer that costs the server nothing.
const PING_DEADLINE: Duration = Duration::from_secs(2);
/// How long the shape of the table is taken for granted: a column may come while a connection lives.
const LOOK_AGAIN: Duration = Duration::from_mins(10);

/// The table, over one connection that is replaced when it fails.
pub struct Database {
    settings: DatabaseSettings,
    session: Option<Session>,
    /// The shape of the table when it was last looked at, over whichever connection.
    schema: Option<Schema>,
    agenda: Agenda,
}

struct Session {
    connection: MySqlConnection,
    schema: Schema,
    looked: Instant,
    /// Known once something was written.
    means: Option<Means>,
}

impl Session {
    /// Whether the other side is still there: a firewall or a fail-over may have taken it away without a word.
    async fn answers(&mut self) -> bool {
        matches!(timeout(PING_DEADLINE, self.connection.ping()).await, Ok(Ok(())))
    }
}

impl Database {
    /// Connects when it is first read.
    #[must_use]
    pub fn new(settings: DatabaseSettings) -> Self {
        Self { settings, session: None, schema: None, agenda: Agenda::default() }
    }

    /// Reads every row, with one SELECT once there is a connection and its shape is known.
    ///
    /// Fails where the table lacks a column that specs rely on, since every NIC would lose what it says.
    pub async fn read(&mut self, relied: Relied) -> Result<Rows, DatabaseError> {
        if let Some(mut session) = self.session.take()
            && session.answers().await
        {
            match self.read_with(session, relied).await {
                // Over another connection it would take as long once more.
                Err(error) if error.cause() != Cause::Silent => {}
                read => return read,
            }
        }
        let mut connection = self.settings.connect().await?;
        let schema = self.look(&mut connection).await?;
        self.read_with(Session { connection, schema, looked: Instant::now(), means: None }, relied).await
    }

    async fn read_with(&mut self, mut session: Session, relied: Relied) -> Result<Rows, DatabaseError> {
        let now = Instant::now();
        if must_look(session.looked, now) {
            session.schema = self.look(&mut session.connection).await?;
            session.looked = now;
            session.means = None;
        }
        let schema = session.schema.sufficing(relied)?;
        let rows = statement::rows(&mut session.connection, schema);
        let rows = within(READ_DEADLINE, "reading the table", rows).await?;
        self.session = Some(session);
        Ok(rows)
    }

    /// The shape of the table, which may grow but not shrink.
    async fn look(&mut self, connection: &mut MySqlConnection) -> Result<Schema, DatabaseError> {
        let schema = look(connection).await?.keeping(self.schema.as_ref())?;
        if let Some(index) = schema.missing_index()
            && self.schema.is_none_or(|before| before.missing_index().is_none())
        {
            tracing::warn!(index, "the table has no index on port_id, so that writing to it takes long");
        }
        self.schema = Some(schema);
        Ok(schema)
    }

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
    if rely_on_subnets.into_iter().any(|key| key.cidr.is_some()) {
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
    let Some(cidr) = &key.cidr else { return true };
    let subnet_id = key.subnet_id.as_ref().map(String::as_bytes);
    subnets.cidr(subnet_id) == Cidr::Is(cidr.as_bytes())
}

fn must_look(looked: Instant, now: Instant) -> bool {
    now.saturating_duration_since(looked) >= LOOK_AGAIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_of_the_table_is_looked_at_again_now_and_then_but_not_at_every_reading() {
        let looked = Instant::now();
        assert!(!must_look(looked, looked + Duration::from_mins(9)));
        assert!(must_look(looked, looked + Duration::from_mins(10)));
    }
}
