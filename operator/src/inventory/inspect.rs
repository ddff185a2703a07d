//! What the database lets its user do, found out without changing anything.

use std::io;

use sqlx::MySqlConnection;

use super::{
    DatabaseError, DatabaseSettings, Schema, Shape,
    database::{STATEMENT_DEADLINE, within},
    statement,
};

/// What was found behind a connection.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The account that the server took the user for, as `user@host`.
    pub account: String,
    /// Which of the known shapes the table has.
    pub shape: Result<Shape, Refusal>,
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

/// What kind of remedy helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A right, or a password.
    Denied,
    /// The certificates.
    Secured,
    /// The one that is told already.
    Told,
    /// The server, or the way to it.
    Other,
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        let cause = match &error {
            DatabaseError::Password { .. } | DatabaseError::Schema(_) => Cause::Told,
            DatabaseError::Connect(error) if is_about_certificates(error) => Cause::Secured,
            _ if error.is_denied() => Cause::Denied,
            _ => Cause::Other,
        };
        Self { cause, why: error.to_string() }
    }
}

fn is_about_certificates(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        // So rustls tells what it thinks of the other side.
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::InvalidData,
        _ => false,
    }
}

impl DatabaseSettings {
    /// Connects, and asks for the shape of the table and for all rights that the operator needs.
    pub async fn inspect(&self) -> Result<Inspection, Refusal> {
        let mut connection = self.connect().await?;
        let account = ask("read the name of the account", statement::account(&mut connection)).await?;
        let schema = look(&mut connection).await;
        let schema = match schema {
            Ok(schema) => schema,
            Err(refusal) => {
                let (tables, reading, writing) = Default::default();
                return Ok(Inspection { account, shape: Err(refusal), tables, reading, writing });
            }
        };
        let reading = ask("read the table", statement::try_select(&mut connection, schema)).await;
        let mut writing = Vec::new();
        for write in schema.written() {
            let update = statement::try_update(&mut connection, *write);
            writing.push((write.0, ask("write to the table", update).await));
        }
        let (shape, tables) = (Ok(schema.shape()), schema.tables());
        Ok(Inspection { account, shape, tables, reading: Some(reading), writing })
    }
}

async fn look(connection: &mut MySqlConnection) -> Result<Schema, Refusal> {
    let columns = ask("read information_schema", statement::columns(connection)).await?;
    let columns = columns.iter().map(|(table, column)| (table.as_str(), column.as_str()));
    Schema::new(columns).map_err(|error| DatabaseError::from(error).into())
}

async fn ask<T>(
    operation: &'static str,
    answer: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, Refusal> {
    Ok(within(STATEMENT_DEADLINE, operation, answer).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_is_no_matter_of_hosts_and_ports() {
        let cause = |kind| {
            let error = sqlx::Error::Io(io::Error::new(kind, "invalid peer certificate: BadSignature"));
            Refusal::from(DatabaseError::Connect(error)).cause
        };
        assert_eq!(cause(io::ErrorKind::InvalidData), Cause::Secured);
        assert_eq!(cause(io::ErrorKind::ConnectionRefused), Cause::Other);
    }
}
