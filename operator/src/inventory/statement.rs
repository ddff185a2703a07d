//! The statements: which columns there are, every row, and what `netplan_success` should say.

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, MySql, MySqlConnection, QueryBuilder, Row as _, mysql::MySqlRow};

use super::{
    RawRow, RowKey, Schema,
    database::Rows,
    parse,
    schema::{SUBNET_TABLE, TABLE},
};

/// The columns that the user may see, as (table, column).
pub(super) async fn columns(connection: &mut MySqlConnection) -> sqlx::Result<Vec<(String, String)>> {
    // Cast, since some servers send these as VARBINARY.
    sqlx::query_as(
        "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR) FROM information_schema.columns \
         WHERE table_schema = DATABASE() AND table_name IN (?, ?)",
    )
    .bind(TABLE)
    .bind(SUBNET_TABLE)
    .persistent(false)
    .fetch_all(connection)
    .await
}

/// The account that the server took the user for, as `user@host`.
pub(super) async fn account(connection: &mut MySqlConnection) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT CAST(CURRENT_USER() AS CHAR)").persistent(false).fetch_one(connection).await
}

/// A reading that reads no row. It needs the same rights.
pub(super) async fn try_select(connection: &mut MySqlConnection, schema: Schema) -> sqlx::Result<()> {
    let select = AssertSqlSafe(format!("{} LIMIT 0", schema.select()));
    sqlx::raw_sql(select).execute(connection).await.map(drop)
}

/// A write to a column of no row: it locks none, and needs the same right.
pub(super) async fn try_update(
    connection: &mut MySqlConnection,
    (column, value): (&'static str, &'static str),
) -> sqlx::Result<()> {
    let update = AssertSqlSafe(format!("UPDATE {TABLE} SET {column} = {value} WHERE 1 = 0"));
    sqlx::raw_sql(update).execute(connection).await.map(drop)
}

pub(super) async fn select(connection: &mut MySqlConnection, schema: Schema) -> sqlx::Result<Rows> {
    // A raw statement uses the text protocol, in which every type of column arrives as text.
    let mut rows = sqlx::raw_sql(AssertSqlSafe(schema.select())).fetch(connection);
    let mut parsed = Vec::new();
    while let Some(row) = rows.try_next().await? {
        parsed.push(parse(&raw(&row)?));
    }
    Ok(parsed)
}

fn raw(row: &MySqlRow) -> sqlx::Result<RawRow<'_>> {
    Ok(RawRow {
        port_id: row.try_get_unchecked(0)?,
        subnet_id: row.try_get_unchecked(1)?,
        macaddress: row.try_get_unchecked(2)?,
        attached_node_id: row.try_get_unchecked(3)?,
        attached_node_name: row.try_get_unchecked(4)?,
        address: row.try_get_unchecked(5)?,
        cidr: row.try_get_unchecked(6)?,
        mtu: row.try_get_unchecked(7)?,
        netplan_success: row.try_get_unchecked(8)?,
    })
}

/// Returns how many rows changed: those that still ask for the same and said something else.
pub(super) async fn update(
    connection: &mut MySqlConnection,
    schema: Schema,
    success: bool,
    keys: &[RowKey],
) -> sqlx::Result<u64> {
    let done = update_query(schema, success, keys).build().persistent(false).execute(connection).await?;
    Ok(done.rows_affected())
}

fn update_query(schema: Schema, success: bool, keys: &[RowKey]) -> QueryBuilder<MySql> {
    let mut query = QueryBuilder::new("UPDATE multi_interface SET netplan_success = ");
    query.push_bind(success);
    if schema.modified_at {
        query.push(", modified_at = NOW()");
    }
    query.push(" WHERE NOT (netplan_success <=> ").push_bind(success).push(") AND (");
    for (position, key) in keys.iter().enumerate() {
        query.push(if position == 0 { "(port_id = " } else { " OR (port_id = " });
        query.push_bind(key.port_id.clone());
        query.push(" AND macaddress = ").push_bind(key.macaddress.clone());
        let nullable = [
            (true, "attached_node_name", &key.node_name),
            (true, "subnet_id", &key.subnet_id),
            (schema.address, "address", &key.address),
            (schema.mtu, "mtu", &key.mtu),
        ];
        for (_, column, value) in nullable.into_iter().filter(|(there, ..)| *there) {
            query.push(" AND ").push(column).push(" <=> ").push_bind(value.clone());
        }
        query.push(")");
    }
    query.push(")");
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: [&str; 5] = ["port_id", "subnet_id", "macaddress", "attached_node_name", "netplan_success"];

    fn sql(optional: &[&'static str], rows: usize) -> String {
        let columns = SEED.iter().chain(optional).map(|column| (TABLE, *column));
        let raw = RawRow { port_id: Some(b"p"), macaddress: Some(b"m"), ..RawRow::default() };
        let key = parse(&raw).unwrap_err().key.unwrap();
        update_query(Schema::new(columns).unwrap(), true, &vec![key; rows]).into_string()
    }

    #[test]
    fn a_row_that_asks_for_something_else_by_now_is_not_written() {
        assert_eq!(
            sql(&["address", "mtu", "modified_at"], 1),
            "UPDATE multi_interface SET netplan_success = ?, modified_at = NOW() \
             WHERE NOT (netplan_success <=> ?) AND ((port_id = ? AND macaddress = ? \
             AND attached_node_name <=> ? AND subnet_id <=> ? AND address <=> ? AND mtu <=> ?))"
        );
    }

    #[test]
    fn a_column_that_the_table_lacks_is_not_compared() {
        assert_eq!(
            sql(&[], 2),
            "UPDATE multi_interface SET netplan_success = ? WHERE NOT (netplan_success <=> ?) AND (\
             (port_id = ? AND macaddress = ? AND attached_node_name <=> ? AND subnet_id <=> ?) OR \
             (port_id = ? AND macaddress = ? AND attached_node_name <=> ? AND subnet_id <=> ?))"
        );
    }
}
