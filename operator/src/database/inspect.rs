//! What the database lets its user do, found out without changing anything.

use multinic_operator_core::table::Shape;

use super::{
    Cause, DatabaseError, DatabaseSettings,
    deadline::{STATEMENT_DEADLINE, within},
    shape::look,
    statement,
};

/// What was found behind a connection.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The account that the server took the user for, as `user@host`.
    pub account: String,
    /// Which of the known shapes the table has.
    pub shape: Result<Shape, Refusal>,
    /// Whether the server is a replica, or closed for writing, so that what it tells may be old.
    pub read_only: bool,
    /// The statement that makes an index that is missing.
    pub index: Option<&'static str>,
    /// The tables that are read; none while the shape is not known.
    pub tables: &'static [&'static str],
    /// Whether all of them may be read that is read; `None` while it is not known what that is.
    pub reading: Option<Result<(), Refusal>>,
    /// For each column that is written, whether it may be.
    pub writing: Vec<(&'static str, Result<(), Refusal>)>,
}

/// What the database did not let us do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of remedy helps.
    pub cause: Cause,
    /// In the words of whoever refused.
    pub why: String,
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Self { cause: error.cause(), why: error.to_string() }
    }
}

impl DatabaseSettings {
    /// Connects, and asks for the shape of the table and for all rights that the operator needs.
    pub async fn inspect(&self) -> Result<Inspection, Refusal> {
        let mut connection = self.connect().await?;
        let account = ask("reading the name of the account", statement::account(&mut connection)).await?;
        // A server that does not say is none that has replicas.
        let read_only =
            ask("reading read_only", statement::is_read_only(&mut connection)).await.unwrap_or(false);
        let schema = match look(&mut connection).await {
            Ok(schema) => schema,
            Err(error) => {
                let (index, tables, reading, writing) = Default::default();
                let shape = Err(error.into());
                return Ok(Inspection { account, shape, read_only, index, tables, reading, writing });
            }
        };
        let reading = ask("reading the table", statement::try_select(&mut connection, schema)).await;
        let mut writing = Vec::new();
        for write in schema.written() {
            let update = statement::try_update(&mut connection, *write);
            writing.push((write.0, ask("writing to the table", update).await));
        }
        let (shape, tables) = (Ok(schema.shape()), schema.tables());
        let index = schema.missing_index();
        Ok(Inspection { account, shape, read_only, index, tables, reading: Some(reading), writing })
    }
}

async fn ask<T>(
    operation: &'static str,
    answer: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, Refusal> {
    Ok(within(STATEMENT_DEADLINE, operation, answer).await?)
}
