//! What the server, or whoever runs it, chose for every connection.

use anyhow::{Result, ensure};
use multinic_testbed::{Needs, OPERATOR_USER, OpenstackConfig, Port, Schema, Suite, Testbed};
use sqlx::AssertSqlSafe;

use crate::scene::{inventory, rows, saying, successes};

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("whatever_a_session_begins_with_only_what_is_committed_is_read", Needs::Testbed, only_committed)
        .tell("whatever_a_session_begins_with_every_row_is_read", Needs::Testbed, every_row)
        .tell("whatever_a_session_begins_with_success_is_committed_at_once", Needs::Testbed, committed)
        .tell("success_is_written_where_the_binary_log_has_statements", Needs::Testbed, statement_log)
        .tell("a_connection_that_is_idle_is_neither_closed_nor_made_anew", Needs::Testbed, idle)
}

/// Run by the server for everybody but its administrators.
const ODD: &str = "SET GLOBAL init_connect = 'SET SESSION autocommit = 0, sql_safe_updates = 1, completion_type = 2, \
    sql_mode = ''ORACLE,PAD_CHAR_TO_FULL_LENGTH'', lock_wait_timeout = 86400, wait_timeout = 1; \
    SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ ONLY'";

fn config(ports: u8) -> OpenstackConfig {
    (1..=ports).fold(OpenstackConfig::new("storage", "10.20.0.0/24"), |config, number| {
        config.with(Port::new(&format!("fa:16:3e:00:00:{number:02x}"), "worker-1"))
    })
}

async fn only_committed(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    database.execute(ODD).await?;
    let producer = database.producer();
    producer.sync(&config(3)).await?;
    let mut inventory = inventory(&database);
    assert_eq!(rows(&mut inventory).await?.len(), 3);

    let half_done = producer.begin(&config(0)).await?;
    assert_eq!(rows(&mut inventory).await?.len(), 3);
    half_done.rollback().await?;
    producer.sync(&config(5)).await?;
    assert_eq!(rows(&mut inventory).await?.len(), 5);
    Ok(())
}

async fn every_row(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    database.producer().sync(&config(40)).await?;
    // For every new session, also for one that asks for the default.
    for limit in [4, 30] {
        database.execute(&format!("SET GLOBAL sql_select_limit = {limit}, max_join_size = 4")).await?;
        assert_eq!(rows(&mut inventory(&database)).await?.len(), 40, "with a limit of {limit}");
    }
    Ok(())
}

async fn committed(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    database.execute(ODD).await?;
    database.producer().sync(&config(3)).await?;
    let mut inventory = inventory(&database);
    let updates = saying(true, &rows(&mut inventory).await?)?;
    let written = inventory.write(&updates).await;
    ensure!(written.rows == 3 && written.error.is_none(), "{written:?}");
    assert_eq!(successes(&database).await?, 3);
    // And nothing is left locked.
    database.producer().sync(&config(3)).await?;
    Ok(())
}

async fn statement_log(bed: &Testbed) -> Result<()> {
    let options = ["--log-bin=binlog", "--server-id=1", "--binlog-format=STATEMENT"];
    let database = bed.database_with(Schema::ProducerWithAddressing, &options).await?;
    database.producer().sync(&config(3)).await?;
    let mut inventory = inventory(&database);
    let updates = saying(true, &rows(&mut inventory).await?)?;
    let written = inventory.write(&updates).await;
    ensure!(written.rows == 3 && written.error.is_none(), "{written:?}");
    assert_eq!(successes(&database).await?, 3);
    Ok(())
}

async fn idle(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    database.execute("SET GLOBAL wait_timeout = 1").await?;
    database.producer().sync(&config(3)).await?;
    let mut inventory = inventory(&database);
    for _ in 0..3 {
        rows(&mut inventory).await?;
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    }
    let connections: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT CAST(TOTAL_CONNECTIONS AS SIGNED) FROM information_schema.USER_STATISTICS \
         WHERE USER = '{OPERATOR_USER}'"
    )))
    .fetch_one(database.administrator())
    .await?;
    assert_eq!(connections, 1);
    Ok(())
}
