//! Success is written however many rows there are, whoever holds locks, and whatever right is missing.

use anyhow::{Context, Result, ensure};
use multinic_operator::database::{Cause, Written};
use multinic_operator_core::table::Row;
use multinic_testbed::{
    DATABASE, Database, Needs, OPERATOR_USER, OpenstackConfig, Port, Schema, Suite, Testbed,
};
use sqlx::Connection;

use crate::scene::{count, fill, inventory, recreate, rows, saying, successes};

/// More than go into a few statements.
const MANY: u64 = 20_000;

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("an_open_transaction_delays_the_rows_that_it_changes_and_no_others", Needs::Testbed, open)
        .tell("with_one_key_only_a_locked_row_delays_no_other", Needs::Testbed, one_key)
        .tell("as_many_rows_as_there_are_are_written", Needs::Testbed, many)
        .tell("as_many_rows_as_there_are_are_written_where_only_the_id_has_a_key", Needs::Testbed, many_by_id)
        .tell("without_the_right_to_modified_at_success_is_written_without_it", Needs::Testbed, modified_at)
        .tell("without_any_right_to_write_the_connection_is_kept", Needs::Testbed, no_right)
        .tell("a_row_that_the_server_refuses_keeps_no_other_from_being_written", Needs::Testbed, refused_row)
        .tell("a_row_that_asks_for_something_else_by_now_is_not_written", Needs::Testbed, moved_row)
}

/// Ten objects with twenty rows each.
fn objects() -> Vec<OpenstackConfig> {
    let object = |number: u8| {
        (0..20).fold(OpenstackConfig::new(&format!("object-{number}"), "10.20.0.0/24"), |config, last: u8| {
            let mut port = Port::new(&format!("fa:16:3e:00:{number:02x}:{last:02x}"), "worker-1");
            // As Neutron's ids are: in no order that has to do with objects.
            port.id =
                format!("{:02x}-{number}-{last}", u32::from(number) * 97 % 13 + u32::from(last) * 31 % 17);
            config.with(port)
        })
    };
    (0..10).map(object).collect()
}

fn without_error(written: &Written, rows: u64) -> Result<()> {
    ensure!(written.rows == rows && written.error.is_none(), "{rows} rows expected, {written:?}");
    Ok(())
}

async fn open(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    let (producer, objects) = (database.producer(), objects());
    for object in &objects {
        producer.sync(object).await?;
    }
    let mut inventory = inventory(&database);
    let updates = saying(true, &rows(&mut inventory).await?)?;
    let syncing = producer.begin(&objects[4]).await?;
    let written = inventory.write(&updates).await;
    ensure!(written.rows == 180, "{written:?}");
    assert_eq!(successes(&database).await?, 180);

    syncing.commit().await?;
    let left: Vec<_> =
        rows(&mut inventory).await?.into_iter().filter(|row| row.success != Some(true)).collect();
    without_error(&inventory.write(&saying(true, &left)?).await, 20)
}

async fn one_key(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::Seed).await?;
    fill(&database, 300, "", "").await?;
    let mut inventory = inventory(&database);
    // The key that the table is made with, then another one.
    for change in ["SELECT 1", "ALTER TABLE multi_interface DROP COLUMN id, ADD INDEX (port_id)"] {
        database.execute(change).await?;
        database.execute("UPDATE multi_interface SET netplan_success = 0").await?;
        let read = rows(&mut inventory).await?;
        let mut locking = database.administrator().acquire().await?;
        // In the default isolation, a search without a key would lock every row.
        sqlx::raw_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            .execute(&mut *locking)
            .await?;
        let mut locking = locking.begin().await?;
        sqlx::raw_sql(
            "UPDATE multi_interface SET subnet_id = 'other' WHERE macaddress = 'fa:16:00:00:00:64'",
        )
        .execute(&mut *locking)
        .await?;
        let written = inventory.write(&saying(true, &read)?).await;
        locking.rollback().await?;
        ensure!(written.rows == 299 && written.unwritten == 1, "{written:?}");
    }
    Ok(())
}

async fn many(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::Producer).await?;
    database
        .execute(
            "INSERT INTO multi_subnet (subnet_id, subnet_name, cidr, network_id) \
                      VALUES ('subnet', 'subnet', '10.0.0.0/8', 'network')",
        )
        .await?;
    database
        .execute(
            "INSERT INTO node_table (attached_node_id, attached_node_name) \
                      SELECT seq, CONCAT('worker-', seq) FROM seq_0_to_99",
        )
        .await?;
    fill(&database, MANY, ", cr_namespace, cr_name", ", 'default', seq MOD 50").await?;
    all_of_them(&database).await
}

async fn many_by_id(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::Seed).await?;
    fill(&database, MANY, "", "").await?;
    all_of_them(&database).await
}

/// However often time runs out: each write goes on where the last one stopped.
async fn all_of_them(database: &Database<'_>) -> Result<()> {
    let mut inventory = inventory(database);
    let updates = saying(true, &rows(&mut inventory).await?)?;
    let mut left = MANY;
    while left > 0 {
        let written = inventory.write(&updates).await;
        ensure!(written.rows > 0 && written.error.is_none(), "{left} rows are left, and {written:?}");
        left -= written.rows;
    }
    assert_eq!(successes(database).await?, i64::try_from(MANY)?);
    Ok(())
}

fn one_object() -> OpenstackConfig {
    OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new("fa:16:3e:00:00:01", "worker-1").address("10.20.0.1"))
        .with(Port::new("fa:16:3e:00:00:02", "worker-2").address("10.20.0.2"))
}

async fn connections(database: &Database<'_>) -> Result<i64> {
    count(
        database,
        "SELECT CAST(TOTAL_CONNECTIONS AS SIGNED) FROM information_schema.USER_STATISTICS WHERE USER = 'multinic'",
    )
    .await
}

async fn modified_at(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    database
        .execute(&format!(
            "REVOKE UPDATE (modified_at) ON {DATABASE}.multi_interface FROM {OPERATOR_USER}@'%'"
        ))
        .await?;
    let mut inventory = inventory(&database);
    for _ in 0..3 {
        database.producer().sync(&one_object()).await?;
        let read = rows(&mut inventory).await?;
        without_error(&inventory.write(&saying(true, &read)?).await, 2)?;
    }
    assert_eq!(connections(&database).await?, 1);
    Ok(())
}

async fn no_right(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    database
        .execute(&format!(
            "REVOKE UPDATE (netplan_success, modified_at) ON {DATABASE}.multi_interface FROM {OPERATOR_USER}@'%'"
        ))
        .await?;
    database.producer().sync(&one_object()).await?;
    let mut inventory = inventory(&database);
    for _ in 0..3 {
        let read = rows(&mut inventory).await?;
        let written = inventory.write(&saying(true, &read)?).await;
        let error = written.error.context("it was written")?;
        ensure!(error.cause() == Cause::Forbidden && written.rows == 0, "{error}");
    }
    assert_eq!(connections(&database).await?, 1);
    Ok(())
}

async fn refused_row(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::Seed).await?;
    fill(&database, 300, "", "").await?;
    database
        .execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON multi_interface FOR EACH ROW \
             IF NEW.macaddress = 'fa:16:00:00:00:64' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF",
        )
        .await?;
    let mut inventory = inventory(&database);
    let read = rows(&mut inventory).await?;
    let written = inventory.write(&saying(true, &read)?).await;
    ensure!(written.rows == 299, "{written:?}");
    let error = written.error.context("no error is told")?.to_string();
    ensure!(error.contains("not this one"), "{error}");
    Ok(())
}

async fn moved_row(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    for change in [
        "UPDATE multi_interface SET attached_node_id = 'vm-worker-2' WHERE macaddress = 'fa:16:3e:00:00:01'",
        "UPDATE multi_interface SET attached_node_name = 'worker-2' WHERE macaddress = 'fa:16:3e:00:00:01'",
        "UPDATE multi_interface SET mtu = 1400 WHERE macaddress = 'fa:16:3e:00:00:01'",
    ] {
        database.producer().sync(&one_object()).await?;
        let mut inventory = inventory(&database);
        let updates = saying(true, &rows(&mut inventory).await?)?;
        database.execute(change).await?;
        without_error(&inventory.write(&updates).await, 1).context(change)?;
    }

    database.producer().sync(&one_object()).await?;
    let mut inventory = inventory(&database);
    let read: Vec<Row> = rows(&mut inventory).await?;
    database.execute("UPDATE multi_subnet SET cidr = '10.20.0.0/25'").await?;
    without_error(&inventory.write(&saying(true, &read)?).await, 0)?;
    // Success may be taken away all the same.
    database.execute("UPDATE multi_interface SET netplan_success = 1").await?;
    without_error(&inventory.write(&saying(false, &read)?).await, 2)?;
    recreate(&database, &[]).await
}
