//! The statements that read: which columns there are, every row, and what is allowed.

use futures::TryStreamExt;
use multinic_operator_core::{
    routing::RawColumns,
    table::{
        RawRow, Rows, Schema, Subnets, parse,
        schema::{SUBNET_TABLE, TABLE},
    },
};
use sqlx::{AssertSqlSafe, MySqlConnection, Row as _, mysql::MySqlRow};

use super::select::{self, Kind, SUBNET_COLUMNS};

/// The columns that the user may see, as table, column, and what kind of key it has.
pub(super) async fn columns(connection: &mut MySqlConnection) -> sqlx::Result<Vec<(String, String, String)>> {
    // Cast, since some servers send these as VARBINARY.
    sqlx::query_as(
        "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR), CAST(column_key AS CHAR) \
         FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN (?, ?)",
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

/// Whether the server is a replica, or takes no writes for another reason.
pub(super) async fn is_read_only(connection: &mut MySqlConnection) -> sqlx::Result<bool> {
    let read_only = sqlx::query_scalar::<_, i64>("SELECT CAST(@@GLOBAL.read_only AS SIGNED)");
    Ok(read_only.persistent(false).fetch_one(connection).await? != 0)
}

/// A reading that reads no row. It needs the same rights.
pub(super) async fn try_select(connection: &mut MySqlConnection, schema: Schema) -> sqlx::Result<()> {
    let select = AssertSqlSafe(format!("{} LIMIT 0", select::rows(schema)));
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

/// Every row, joined with its subnet.
pub(super) async fn rows(connection: &mut MySqlConnection, schema: Schema) -> sqlx::Result<Rows> {
    let (rows, subnets) = both(connection, select::rows(schema)).await?;
    rows.iter().map(|row| Ok(parse(&raw(row, &subnets)?))).collect()
}

/// The subnets alone.
pub(super) async fn subnets(connection: &mut MySqlConnection, schema: Schema) -> sqlx::Result<Subnets> {
    Ok(both(connection, select::subnets(schema)).await?.1)
}

async fn both(connection: &mut MySqlConnection, select: String) -> sqlx::Result<(Vec<MySqlRow>, Subnets)> {
    // A raw statement uses the text protocol, in which every type of column arrives as text.
    let mut found = sqlx::raw_sql(AssertSqlSafe(select)).fetch(connection);
    let (mut rows, mut subnets) = (Vec::new(), Subnets::default());
    while let Some(row) = found.try_next().await? {
        match Kind::of(row.try_get_unchecked(0)?) {
            Kind::Interface => rows.push(row),
            kind => {
                let id: Option<&[u8]> = row.try_get_unchecked(1)?;
                let raw = RawColumns {
                    cidr: row.try_get_unchecked(2)?,
                    gateway_ip: row.try_get_unchecked(3)?,
                    host_routes: row.try_get_unchecked(4)?,
                    enable_dhcp: row.try_get_unchecked(5)?,
                    ipv6_ra_mode: row.try_get_unchecked(6)?,
                };
                subnets.add(id.unwrap_or_default(), raw, kind == Kind::Subnet);
            }
        }
    }
    Ok((rows, subnets))
}

fn raw<'r>(row: &'r MySqlRow, subnets: &'r Subnets) -> sqlx::Result<RawRow<'r>> {
    let value = |place: usize| row.try_get_unchecked(1 + SUBNET_COLUMNS + place);
    let subnet_id = value(1)?;
    Ok(RawRow {
        port_id: value(0)?,
        subnet_id,
        macaddress: value(2)?,
        attached_node_id: value(3)?,
        attached_node_name: value(4)?,
        address: value(5)?,
        cidr: subnets.cidr(subnet_id),
        columns: subnets.columns(subnet_id),
        mtu: value(6)?,
        netplan_success: value(7)?,
        id: value(8)?,
    })
}
