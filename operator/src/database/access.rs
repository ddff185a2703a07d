//! The table, over one connection: one SELECT per reading, short UPDATEs, everything under a deadline.

use std::time::{Duration, Instant};

use multinic_operator_core::table::{Agenda, Newest, Relied, Rows, Schema};
use sqlx::{Connection, MySqlConnection};
use tokio::time::timeout;

use super::{Cause, DatabaseError, DatabaseSettings, deadline::within, means::Means, shape::look, statement};

pub(super) const READ_DEADLINE: Duration = Duration::from_secs(20);
/// For an answer that costs the server nothing.
pub(super) const PING_DEADLINE: Duration = Duration::from_secs(2);
/// How long the shape of the table is taken for granted: a column may come while a connection lives.
const LOOK_AGAIN: Duration = Duration::from_mins(10);

/// The table, over one connection that is replaced when it fails.
pub struct Database {
    settings: DatabaseSettings,
    pub(super) session: Option<Session>,
    /// The shape of the table when it was last looked at, over whichever connection.
    schema: Option<Schema>,
    newest: Newest,
    pub(super) agenda: Agenda,
}

pub(super) struct Session {
    pub(super) connection: MySqlConnection,
    pub(super) schema: Schema,
    looked: Instant,
    /// Known once something was written.
    pub(super) means: Option<Means>,
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
        Self { settings, session: None, schema: None, newest: Newest::default(), agenda: Agenda::default() }
    }

    /// Reads every row, with one SELECT once there is a connection and its shape is known.
    ///
    /// Fails where the table lacks a column that specs rely on, since every NIC would lose what it says, and where the
    /// server tells an earlier state than before; then another server may be found.
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
        self.newest.take(&rows, now).map_err(DatabaseError::Older)?;
        self.session = Some(session);
        Ok(rows)
    }

    /// The shape of the table, which may grow but not shrink.
    async fn look(&mut self, connection: &mut MySqlConnection) -> Result<Schema, DatabaseError> {
        let schema = look(connection).await?.honouring(self.settings.soft_delete);
        let schema = schema.keeping(self.schema.as_ref())?;
        if let Some(index) = schema.missing_index()
            && self.schema.is_none_or(|before| before.missing_index().is_none())
        {
            tracing::warn!(index, "the table has no index on port_id, so that writing to it takes long");
        }
        self.schema = Some(schema);
        Ok(schema)
    }
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
