//! A SELECT of everything that the operator reads, and each value as text.

use std::{env, fs};

use crate::cpu::cpu;
use anyhow::{Context, Result};
use futures::TryStreamExt;
use sqlx::{ConnectOptions, MySqlConnection, Row, mysql::MySqlConnectOptions};

const SELECT: &str = "SELECT id, port_id, subnet_id, macaddress, attached_node_id, attached_node_name, address, mtu, \
                      netplan_success FROM multi_interface";
const COLUMNS: usize = 9;

/// In seconds, the mean of so many.
pub(crate) async fn cpu_of_a_reading(readings: u32) -> Result<f64> {
    let mut connection = connect().await?;
    // The first one warms up, here and there.
    read(&mut connection).await?;
    let before = cpu()?;
    for _ in 0..readings {
        read(&mut connection).await?;
    }
    Ok(cpu()?.saturating_sub(before).as_secs_f64() / f64::from(readings))
}

async fn connect() -> Result<MySqlConnection> {
    let setting = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
    let password = fs::read_to_string(setting("DB_PASSWORD_FILE")?)?;
    let options = MySqlConnectOptions::new()
        .host(&setting("DB_HOST")?)
        .username(&setting("DB_USER")?)
        .password(password.trim_end())
        .database(&setting("DB_NAME")?)
        .disable_statement_logging();
    Ok(options.connect().await?)
}

/// Every row, as owned text.
async fn read(connection: &mut MySqlConnection) -> Result<Vec<[Option<String>; COLUMNS]>> {
    let mut found = sqlx::raw_sql(SELECT).fetch(connection);
    let mut rows = Vec::new();
    while let Some(row) = found.try_next().await? {
        let mut values = [const { None }; COLUMNS];
        for (place, value) in values.iter_mut().enumerate() {
            let bytes: Option<&[u8]> = row.try_get_unchecked(place)?;
            *value = bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        }
        rows.push(values);
    }
    Ok(rows)
}
