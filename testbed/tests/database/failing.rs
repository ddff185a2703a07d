//! A server that fails, lags behind, or has another one beside it.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use multinic_operator::database::{Cause, DatabaseError, Password};
use multinic_testbed::{
    Database, GATEWAY, Needs, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, eventually,
};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tokio::net::TcpListener;

use crate::scene::{Inventory, inventory, read, rows, saying, settings, successes};

/// More than any server of these tests lets in.
const MANY_CONNECTIONS: usize = 30;

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("a_connection_that_was_cut_is_made_anew_within_the_same_reading", Needs::Testbed, cut)
        .tell("rows_that_a_cut_update_left_are_written_over_the_next_connection", Needs::Testbed, cut_update)
        .tell("a_server_that_takes_no_writes_is_said_and_written_once_it_does", Needs::Testbed, read_only)
        .tell("a_server_without_a_connection_left_is_said_and_read_once_it_has_one", Needs::Testbed, full)
        .tell("a_wrong_password_and_a_wrong_database_are_said", Needs::Testbed, denied)
        .tell("a_host_that_is_silent_or_hangs_up_keeps_us_from_no_other", Needs::Testbed, hosts)
        .tell("of_several_hosts_one_that_takes_no_writes_is_not_read", Needs::Testbed, replicas)
        .tell("a_reading_that_goes_back_in_time_counts_for_nothing", Needs::Testbed, back_in_time)
        .tell("marks_of_deletion_count_unless_somebody_wants_them_ignored", Needs::Testbed, marks)
}

fn two_ports() -> OpenstackConfig {
    OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new("fa:16:3e:00:00:01", "worker-1").address("10.20.0.1"))
        .with(Port::new("fa:16:3e:00:00:02", "worker-2").address("10.20.0.2"))
}

/// A server with two rows.
async fn with_rows(bed: &Testbed) -> Result<Database<'_>> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    database.producer().sync(&two_ports()).await?;
    Ok(database)
}

fn caused(read: Result<impl Sized, DatabaseError>, cause: Cause) -> Result<()> {
    let error = read.err().context("it was read")?;
    ensure!(error.cause() == cause, "{:?}: {error}", error.cause());
    Ok(())
}

/// What the server says of the operator's connection, and of one for which it carries out a trigger, in another's name.
const ITS_OWN: &str = "USER = 'multinic'";
const SLOW: &str = "STATE = 'User sleep'";

/// Cuts the connection of which the server says this.
async fn cut_off(database: &Database<'_>, which: &str) -> Result<()> {
    let select = format!("SELECT CAST(ID AS SIGNED) FROM information_schema.PROCESSLIST WHERE {which}");
    let connection: i64 = eventually("a connection to cut", SOON, async || {
        let found = sqlx::query_scalar(AssertSqlSafe(select.clone()));
        found.fetch_optional(database.administrator()).await?.context("there is none")
    })
    .await?;
    database.execute(&format!("KILL {connection}")).await.map(drop)
}

async fn cut(bed: &Testbed) -> Result<()> {
    let database = with_rows(bed).await?;
    let mut inventory = inventory(&database);
    assert_eq!(rows(&mut inventory).await?.len(), 2);
    cut_off(&database, ITS_OWN).await?;
    assert_eq!(rows(&mut inventory).await?.len(), 2);
    Ok(())
}

async fn cut_update(bed: &Testbed) -> Result<()> {
    let database = with_rows(bed).await?;
    database.execute("CREATE TRIGGER slow BEFORE UPDATE ON multi_interface FOR EACH ROW DO SLEEP(3)").await?;
    let mut inventory = inventory(&database);
    let updates = saying(true, &rows(&mut inventory).await?)?;
    let (written, cut) = tokio::join!(inventory.write(&updates), cut_off(&database, SLOW));
    cut?;
    let error = written.error.context("it was written")?;
    ensure!(written.rows == 0, "{} rows were written, and: {error}", written.rows);
    assert_eq!(successes(&database).await?, 0);

    database.execute("DROP TRIGGER slow").await?;
    let updates = saying(true, &rows(&mut inventory).await?)?;
    let written = inventory.write(&updates).await;
    ensure!(written.rows == 2 && written.error.is_none(), "{written:?}");
    Ok(())
}

async fn read_only(bed: &Testbed) -> Result<()> {
    let database = with_rows(bed).await?;
    database.execute("SET GLOBAL read_only = 1").await?;
    let mut inventory = inventory(&database);
    let updates = saying(true, &rows(&mut inventory).await?)?;
    let error = inventory.write(&updates).await.error.context("it was written")?;
    ensure!(error.cause() == Cause::ReadOnly, "{error}");

    database.execute("SET GLOBAL read_only = 0").await?;
    let updates = saying(true, &rows(&mut inventory).await?)?;
    let written = inventory.write(&updates).await;
    ensure!(written.rows == 2 && written.error.is_none(), "{written:?}");
    Ok(())
}

async fn full(bed: &Testbed) -> Result<()> {
    let database = with_rows(bed).await?;
    database.execute("SET GLOBAL max_connections = 10").await?;
    let mut others = Vec::new();
    while let Ok(connection) = database.operator_options().connect().await {
        others.push(connection);
        ensure!(others.len() < MANY_CONNECTIONS, "the server takes any number of connections");
    }
    let mut inventory = inventory(&database);
    caused(read(&mut inventory).await, Cause::Full)?;
    drop(others);
    eventually("a connection to be free", SOON, async || {
        ensure!(rows(&mut inventory).await?.len() == 2);
        Ok(())
    })
    .await
}

async fn denied(bed: &Testbed) -> Result<()> {
    let database = with_rows(bed).await?;
    let mut wrong = settings(&database);
    wrong.password = Password::Value("wrong".to_owned());
    caused(read(&mut Inventory::new(wrong)).await, Cause::Denied)?;
    let mut wrong = settings(&database);
    "other".clone_into(&mut wrong.name);
    caused(read(&mut Inventory::new(wrong)).await, Cause::Denied)
}

async fn hosts(bed: &Testbed) -> Result<()> {
    let database = with_rows(bed).await?;
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 3306)).await?;
    let mut settings = settings(&database);
    settings.hosts = vec![Ipv4Addr::LOCALHOST.to_string()];
    caused(read(&mut Inventory::new(settings.clone())).await, Cause::Silent)?;
    settings.hosts.push(GATEWAY.to_string());
    assert_eq!(rows(&mut Inventory::new(settings.clone())).await?.len(), 2);

    // From now on it hangs up.
    let hang_up = async { while silent.accept().await.is_ok() {} };
    let mut inventory = Inventory::new(settings);
    tokio::select! {
        () = hang_up => {}
        rows = rows(&mut inventory) => assert_eq!(rows?.len(), 2),
    }
    Ok(())
}

/// One server under two addresses, since what is asked of it is whether it takes writes.
async fn replicas(bed: &Testbed) -> Result<()> {
    let options = ["--bind-address=0.0.0.0"];
    let database = bed.database_with(Schema::ProducerWithAddressing, &options).await?;
    database.producer().sync(&two_ports()).await?;
    database.execute("SET GLOBAL read_only = 1").await?;
    let mut settings = settings(&database);
    // Alone, it is the only one that can be asked.
    assert_eq!(rows(&mut Inventory::new(settings.clone())).await?.len(), 2);
    settings.hosts.push(Ipv4Addr::LOCALHOST.to_string());
    let mut inventory = Inventory::new(settings);
    caused(read(&mut inventory).await, Cause::ReadOnly)?;
    database.execute("SET GLOBAL read_only = 0").await?;
    assert_eq!(rows(&mut inventory).await?.len(), 2);
    Ok(())
}

async fn back_in_time(bed: &Testbed) -> Result<()> {
    let database = with_rows(bed).await?;
    database.execute("CREATE TABLE earlier AS SELECT * FROM multi_interface LIMIT 1").await?;
    database.producer().sync(&two_ports()).await?;
    let mut inventory = inventory(&database);
    assert_eq!(rows(&mut inventory).await?.len(), 2);

    // As a replica that lags behind would tell it: one row less, and that one an old one.
    database.execute("DELETE FROM multi_interface").await?;
    database.execute("INSERT INTO multi_interface SELECT * FROM earlier").await?;
    for _ in 0..3 {
        caused(read(&mut inventory).await, Cause::Late)?;
    }
    database.producer().sync(&two_ports()).await?;
    assert_eq!(rows(&mut inventory).await?.len(), 2);
    Ok(())
}

async fn marks(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    let config = (3..=4).fold(two_ports(), |config, number| {
        config.with(Port::new(&format!("fa:16:3e:00:00:0{number}"), "worker-1"))
    });
    database.producer().sync(&config).await?;
    for (mark, mac) in [("deleted_at = NOW()", 2), ("status = 'Deleted'", 3)] {
        let marked = format!("UPDATE multi_interface SET {mark} WHERE macaddress = 'fa:16:3e:00:00:0{mac}'");
        ensure!(database.execute(&marked).await? == 1);
    }
    database.execute("UPDATE multi_subnet SET deleted_at = NOW()").await?;
    let mut settings = settings(&database);
    // Of the two that are left, one needs the subnet, which is deleted.
    let honoured = read(&mut Inventory::new(settings.clone())).await?;
    ensure!(honoured.len() == 2 && honoured.iter().filter(|row| row.is_ok()).count() == 1, "{honoured:?}");
    settings.soft_delete = false;
    assert_eq!(rows(&mut Inventory::new(settings)).await?.len(), 4);
    Ok(())
}
