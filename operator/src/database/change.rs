//! The statements that change rows. Whichever row it is, it is found by a key of the table, and changed only while
//! it still asks for what was read.

use std::{collections::HashSet, iter};

use multinic_operator_core::table::{
    RowKey, Schema,
    schema::{PORT, TABLE},
};
use sqlx::{AssertSqlSafe, MySql, MySqlConnection, QueryBuilder};

/// Rows of one statement, so that there are few texts, which the server prepares once.
const SIZES: [usize; 3] = [1, 10, 100];

/// Whether the server can pass over locked rows, and lets the user.
pub(super) async fn try_skip_locked(connection: &mut MySqlConnection, schema: Schema) -> sqlx::Result<()> {
    let column = schema.locator();
    let select = format!("SELECT {column} FROM {TABLE} WHERE 1 = 0 FOR UPDATE SKIP LOCKED");
    sqlx::raw_sql(AssertSqlSafe(select)).execute(connection).await.map(drop)
}

/// Locks those of the rows that nobody else has locked; returns by what they are located.
pub(super) async fn lock(
    connection: &mut MySqlConnection,
    schema: Schema,
    keys: &[RowKey],
) -> sqlx::Result<HashSet<String>> {
    let (column, hint) = (schema.locator(), schema.hint());
    let select = format!("SELECT CAST({column} AS CHAR) FROM {TABLE}{hint} WHERE {column} IN (");
    let mut query = QueryBuilder::<MySql>::new(select);
    let mut values = query.separated(", ");
    for key in padded(keys) {
        values.push_bind(schema.locate(key));
    }
    query.push(") FOR UPDATE SKIP LOCKED");
    let found: Vec<String> = query.build_query_scalar().fetch_all(connection).await?;
    Ok(found.into_iter().collect())
}

/// Returns how many rows changed: those that still ask for the same and said something else.
pub(super) async fn update(
    connection: &mut MySqlConnection,
    schema: Schema,
    modified_at: bool,
    success: bool,
    keys: &[RowKey],
) -> sqlx::Result<u64> {
    let done = update_query(schema, modified_at, success, keys).build().execute(connection).await?;
    Ok(done.rows_affected())
}

fn update_query(schema: Schema, modified_at: bool, success: bool, keys: &[RowKey]) -> QueryBuilder<MySql> {
    let mut query = QueryBuilder::new(format!("UPDATE {TABLE}{} SET netplan_success = ", schema.hint()));
    query.push_bind(success);
    if modified_at {
        query.push(", modified_at = NOW()");
    }
    query.push(" WHERE NOT (netplan_success <=> ").push_bind(success).push(") AND (");
    let locator = schema.locator();
    for (position, key) in padded(keys).enumerate() {
        query.push(if position == 0 { "(" } else { " OR (" });
        if locator != PORT {
            query.push(locator).push(" = ").push_bind(schema.locate(key).to_owned()).push(" AND ");
        }
        query.push("port_id = ").push_bind(key.port_id.clone());
        query.push(" AND macaddress = ").push_bind(key.macaddress.clone());
        let nullable = [
            (true, "attached_node_name", &key.node_name),
            (schema.node_id, "attached_node_id", &key.node_id),
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

/// The keys, with the last one repeated so often that there are as many as a statement has.
fn padded(keys: &[RowKey]) -> impl Iterator<Item = &RowKey> {
    let size = SIZES.into_iter().find(|size| *size >= keys.len()).unwrap_or(keys.len());
    let more = size - keys.len();
    keys.iter().chain(iter::repeat_n(keys.last(), more).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use multinic_operator_core::table::schema::{Column, Key};

    const SEED: [&str; 5] = ["port_id", "subnet_id", "macaddress", "attached_node_name", "netplan_success"];

    fn sql(optional: &[&'static str], keyed: &str, rows: usize) -> String {
        let key = |column| if column == keyed { Key::Primary } else { Key::None };
        let columns = SEED.iter().chain(optional).map(|column| Column {
            table: TABLE,
            name: column,
            key: key(*column),
        });
        let schema = Schema::new(columns).unwrap();
        update_query(schema, schema.modified_at, true, &vec![RowKey::default(); rows]).into_string()
    }

    #[test]
    fn a_row_that_asks_for_something_else_by_now_is_not_written() {
        assert_eq!(
            sql(&["id", "attached_node_id", "address", "mtu", "modified_at"], "port_id", 1),
            "UPDATE multi_interface SET netplan_success = ?, modified_at = NOW() \
             WHERE NOT (netplan_success <=> ?) AND ((port_id = ? AND macaddress = ? \
             AND attached_node_name <=> ? AND attached_node_id <=> ? AND subnet_id <=> ? AND address <=> ? \
             AND mtu <=> ?))"
        );
    }

    #[test]
    fn a_column_that_the_table_lacks_is_not_compared() {
        let row =
            "(id = ? AND port_id = ? AND macaddress = ? AND attached_node_name <=> ? AND subnet_id <=> ?)";
        assert_eq!(
            sql(&["id"], "id", 2),
            format!(
                "UPDATE multi_interface FORCE INDEX (PRIMARY) SET netplan_success = ? WHERE NOT (netplan_success <=> ?) AND ({})",
                [row; 10].join(" OR ")
            )
        );
    }

    #[test]
    fn statements_of_any_number_of_rows_have_few_texts() {
        let texts: HashSet<_> = (1..=100).map(|rows| sql(&[], "", rows)).collect();
        assert_eq!(texts.len(), SIZES.len());
    }
}
