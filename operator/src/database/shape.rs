//! The shape of the table as it is now.

use multinic_operator_core::table::{Column, Schema};
use sqlx::MySqlConnection;

use super::{
    DatabaseError,
    deadline::{STATEMENT_DEADLINE, within},
    statement,
};

pub(super) async fn look(connection: &mut MySqlConnection) -> Result<Schema, DatabaseError> {
    let columns = statement::columns(connection);
    let columns = within(STATEMENT_DEADLINE, "reading information_schema", columns).await?;
    let columns = columns.iter().map(|(table, name, key)| Column { table, name, key: key.as_str().into() });
    Ok(Schema::new(columns)?)
}
