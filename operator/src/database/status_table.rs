//! The optional table that tells how every NIC is, over a connection of its own.

use futures::TryStreamExt;
use multinic_operator_core::{
    cluster::Name,
    status_table::{Batch, Entry, Id, TableName},
};
use sqlx::{AssertSqlSafe, Connection, MySql, MySqlConnection, QueryBuilder, Row as _, mysql::MySqlRow};
use tokio::time::timeout;

use super::{
    DatabaseError, DatabaseSettings, Refusal,
    access::{PING_DEADLINE, READ_DEADLINE},
    deadline::{STATEMENT_DEADLINE, within},
};

/// All but the time of the change, which the server writes.
const COLUMNS: &str =
    "node_name, macaddress, port_id, link_name, state, reason, message, addresses, mtu, carrier, generation";
const READING: &str = "reading the status table";
const WRITING: &str = "writing the status table";

/// Where the table is.
#[derive(Clone)]
pub struct StatusTable {
    settings: DatabaseSettings,
    name: TableName,
}

/// A connection to a table that is as it must be.
pub struct StatusSession {
    connection: MySqlConnection,
    name: TableName,
}

impl StatusTable {
    /// Of this name, in the same database and for the same user as the rows.
    #[must_use]
    pub const fn new(settings: DatabaseSettings, name: TableName) -> Self {
        Self { settings, name }
    }

    /// What the table is called.
    #[must_use]
    pub const fn name(&self) -> &TableName {
        &self.name
    }

    /// Connects, and asks for all columns and rights, without changing anything.
    ///
    /// # Errors
    /// Where something is missing, in the server's words, which name it.
    pub async fn open(&self) -> Result<StatusSession, DatabaseError> {
        let mut connection = self.settings.connect().await?;
        let name = self.name.clone();
        let probe = format!(
            "REPLACE INTO `{name}` ({COLUMNS}, changed_at) SELECT {COLUMNS}, changed_at FROM `{name}` WHERE 1 = 0"
        );
        let probe = sqlx::raw_sql(AssertSqlSafe(probe)).execute(&mut connection);
        within(STATEMENT_DEADLINE, "looking at the status table", probe).await?;
        Ok(StatusSession { connection, name })
    }

    /// Whether all is there that is needed, for people who ask.
    ///
    /// # Errors
    /// Why not.
    pub async fn inspect(&self) -> Result<(), Refusal> {
        Ok(self.open().await.map(drop)?)
    }
}

impl StatusSession {
    /// Every row that the table has.
    ///
    /// # Errors
    /// Where the server fails.
    pub async fn rows(&mut self) -> Result<Vec<(Id, Entry)>, DatabaseError> {
        let Self { connection, name } = self;
        let select = AssertSqlSafe(format!("SELECT {COLUMNS} FROM `{name}` ORDER BY node_name"));
        let read = async {
            let mut found = sqlx::raw_sql(select).fetch(connection);
            let mut rows = Vec::<(Id, Entry)>::new();
            while let Some(row) = found.try_next().await? {
                let last = rows.last().map(|(id, _)| &id.node);
                let read = read(&row, last)?;
                rows.push(read);
            }
            Ok(rows)
        };
        within(READ_DEADLINE, READING, read).await
    }

    /// Whether the other side is still there.
    pub async fn answers(&mut self) -> bool {
        matches!(timeout(PING_DEADLINE, self.connection.ping()).await, Ok(Ok(())))
    }

    /// Writes rows, all of them or none.
    ///
    /// # Errors
    /// Where the server fails. What it then has is not known.
    pub async fn write(&mut self, batch: &Batch) -> Result<(), DatabaseError> {
        let mut query = match batch {
            Batch::Put(rows) => put(&self.name, rows),
            Batch::Delete(ids) => delete(&self.name, ids),
        };
        // Of any number of rows, so there are too many texts to keep.
        let done = query.build().persistent(false).execute(&mut self.connection);
        within(STATEMENT_DEADLINE, WRITING, done).await.map(drop)
    }
}

fn put(name: &TableName, rows: &[(Id, Entry)]) -> QueryBuilder<MySql> {
    let mut query = QueryBuilder::new(format!("REPLACE INTO `{name}` ({COLUMNS}, changed_at) "));
    query.push_values(rows, |mut values, (Id { node, mac }, entry)| {
        let Entry { port_id, link_name, state, reason, message, addresses, mtu, carrier, generation } =
            entry.clone();
        values.push_bind(node.to_string()).push_bind(mac.clone());
        values.push_bind(port_id).push_bind(link_name);
        values.push_bind(state).push_bind(reason).push_bind(message).push_bind(addresses);
        values.push_bind(mtu).push_bind(carrier).push_bind(generation);
        values.push("UTC_TIMESTAMP()");
    });
    query
}

fn delete(name: &TableName, ids: &[Id]) -> QueryBuilder<MySql> {
    let mut query = QueryBuilder::new(format!("DELETE FROM `{name}` WHERE "));
    for (position, Id { node, mac }) in ids.iter().enumerate() {
        query.push(if position == 0 { "(node_name = " } else { " OR (node_name = " });
        query.push_bind(node.to_string()).push(" AND macaddress = ").push_bind(mac.clone()).push(")");
    }
    query
}

/// `last` is the Node of the row before, which is mostly the same.
fn read(row: &MySqlRow, last: Option<&Name>) -> sqlx::Result<(Id, Entry)> {
    let text = |place: usize| -> sqlx::Result<Option<String>> {
        let bytes: Option<&[u8]> = row.try_get_unchecked(place)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    };
    let node = text(0)?.unwrap_or_default();
    let node = last.filter(|last| ***last == *node).map_or_else(|| node.as_str().into(), Name::clone);
    let id = Id { node, mac: text(1)?.unwrap_or_default() };
    let number =
        |place: usize| -> sqlx::Result<Option<i64>> { Ok(text(place)?.and_then(|text| text.parse().ok())) };
    let entry = Entry {
        port_id: text(2)?,
        link_name: text(3)?,
        state: text(4)?.unwrap_or_default(),
        reason: text(5)?.unwrap_or_default(),
        message: text(6)?.unwrap_or_default(),
        addresses: text(7)?,
        mtu: number(8)?.and_then(|mtu| mtu.try_into().ok()),
        carrier: number(9)?.map(|carrier| carrier != 0),
        generation: number(10)?,
    };
    Ok((id, entry))
}
