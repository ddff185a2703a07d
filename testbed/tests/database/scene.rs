//! A table, the operator's own connection to it, and what the stories ask of both.

use anyhow::{Context, Result, anyhow, ensure};
pub(crate) use multinic_operator::database::Database as Inventory;
use multinic_operator::database::{DatabaseError, DatabaseSettings, Password, SslMode};
use multinic_operator_core::{
    mirror::Update,
    table::{Relied, Row, RowKey, Rows},
};
use multinic_testbed::{DATABASE, Database, GATEWAY, OPERATOR_USER};
use sqlx::AssertSqlSafe;

pub(crate) fn settings(database: &Database<'_>) -> DatabaseSettings {
    DatabaseSettings {
        hosts: vec![GATEWAY.to_string()],
        port: 3306,
        name: DATABASE.to_owned(),
        user: OPERATOR_USER.to_owned(),
        password: Password::File(database.password_file()),
        ssl_mode: SslMode::Preferred,
        ssl_ca: None,
        soft_delete: true,
    }
}

/// The operator's, not connected yet.
pub(crate) fn inventory(database: &Database<'_>) -> Inventory {
    Inventory::new(settings(database))
}

pub(crate) async fn read(inventory: &mut Inventory) -> Result<Rows, DatabaseError> {
    inventory.read(Relied::default()).await
}

/// All rows, of which each must be usable.
pub(crate) async fn rows(inventory: &mut Inventory) -> Result<Vec<Row>> {
    let rows = read(inventory).await?;
    rows.into_iter().map(|row| row.map_err(|bad| anyhow!("{bad:?}"))).collect()
}

/// That these rows should all say `success`.
pub(crate) fn saying(success: bool, rows: &[Row]) -> Result<Vec<Update>> {
    let keys: Option<Vec<RowKey>> = rows.iter().map(|row| row.key.clone()).collect();
    let mut keys = keys.context("a row without a key")?;
    keys.sort_unstable();
    Ok(vec![Update { success, keys }])
}

/// How many rows say yes, as everybody else sees it.
pub(crate) async fn successes(database: &Database<'_>) -> Result<i64> {
    count(database, "SELECT COUNT(*) FROM multi_interface WHERE netplan_success = 1").await
}

pub(crate) async fn count(database: &Database<'_>, query: &'static str) -> Result<i64> {
    Ok(sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(database.administrator()).await?)
}

/// Makes the table anew with other columns.
pub(crate) async fn recreate(database: &Database<'_>, statements: &[&str]) -> Result<()> {
    database.execute("SET foreign_key_checks = 0").await?;
    for table in ["multi_interface", "multi_subnet"] {
        database.execute(&format!("DROP TABLE IF EXISTS {table}")).await?;
    }
    for statement in statements {
        database.execute(statement).await?;
    }
    Ok(())
}

/// A number of rows of objects of their own, made by the server itself.
pub(crate) async fn fill(database: &Database<'_>, rows: u64, columns: &str, values: &str) -> Result<()> {
    let filled = database
        .execute(&format!(
            "INSERT INTO multi_interface (port_id, subnet_id, macaddress, attached_node_name, netplan_success{columns}) \
             SELECT CONCAT('p-', LEFT(MD5(seq), 30)), 'subnet', \
             CONCAT('fa:16:', LPAD(HEX(seq DIV 16777216), 2, '0'), ':', LPAD(HEX(seq DIV 65536 MOD 256), 2, '0'), ':', \
             LPAD(HEX(seq DIV 256 MOD 256), 2, '0'), ':', LPAD(HEX(seq MOD 256), 2, '0')), \
             CONCAT('worker-', seq MOD 100), 0{values} FROM seq_1_to_{rows}"
        ))
        .await?;
    ensure!(filled == rows);
    Ok(())
}
