//! What subnets say of routes, in columns that the table need not have.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use multinic_crds::{Reason, Route};
use multinic_operator_core::routing::Columns;
use multinic_testbed::{
    DATABASE, Database, Needs, OPERATOR_USER, OpenstackConfig, Port, Schema, Suite, Testbed,
};

use crate::scene::{Inventory, inventory, read, rows, saying, successes};

const ADD: &str =
    "ALTER TABLE multi_subnet ADD COLUMN gateway_ip VARCHAR(64) NULL, ADD COLUMN host_routes JSON NULL";
const ROUTES: &str = r#"[{"destination": "10.30.0.0/16", "nexthop": "10.20.0.9"}]"#;

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("columns_of_routes_are_read_once_somebody_adds_them", Needs::Testbed, added)
        .tell("columns_of_routes_of_any_kind_are_read", Needs::Testbed, kinds)
        .tell("routes_that_cannot_be_read_hide_no_row", Needs::Testbed, malformed)
        .tell("columns_of_routes_may_be_withheld_from_the_start_but_not_taken_away", Needs::Testbed, withheld)
        .tell("success_is_not_written_once_the_subnet_says_something_else", Needs::Testbed, moved)
}

async fn scene(bed: &Testbed) -> Result<Database<'_>> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    let config = OpenstackConfig::new("storage", "10.20.0.0/24");
    database
        .producer()
        .sync(&config.with(Port::new("fa:16:3e:00:00:01", "worker-1").address("10.20.0.5")))
        .await?;
    Ok(database)
}

/// What the only row has of its subnet.
async fn columns(inventory: &mut Inventory) -> Result<Arc<Columns>> {
    let rows = rows(inventory).await?;
    ensure!(rows.len() == 1, "{rows:?}");
    Ok(Arc::clone(&rows[0].columns))
}

async fn say(database: &Database<'_>, gateway_ip: &str, host_routes: &str) -> Result<()> {
    let update = format!("UPDATE multi_subnet SET gateway_ip = {gateway_ip}, host_routes = {host_routes}");
    database.execute(&update).await.map(drop)
}

fn said() -> Result<Columns> {
    let route = Route::by("10.30.0.0/16".parse()?, "10.20.0.9".parse()?);
    Ok(Columns { gateway_ip: Ok("10.20.0.1".parse().ok()), host_routes: Ok(vec![route]), ..nothing()? })
}

/// Of the subnet of [`scene`].
fn nothing() -> Result<Columns> {
    Ok(Columns { subnet: Ok(Some("10.20.0.0/24".parse()?)), ..Columns::default() })
}

/// As a fail-over would; over another connection, the shape of the table is looked at again.
async fn disconnect(database: &Database<'_>) -> Result<()> {
    database.execute(&format!("KILL CONNECTION USER {OPERATOR_USER}")).await.map(drop)
}

async fn added(bed: &Testbed) -> Result<()> {
    let database = scene(bed).await?;
    let mut inventory = inventory(&database);
    assert_eq!(*columns(&mut inventory).await?, nothing()?);
    database.execute(ADD).await?;
    say(&database, "'10.20.0.1'", &format!("'{ROUTES}'")).await?;
    // Not yet, and nothing is wrong.
    assert_eq!(*columns(&mut inventory).await?, nothing()?);
    disconnect(&database).await?;
    assert_eq!(*columns(&mut inventory).await?, said()?);
    for (gateway_ip, host_routes) in [("NULL", "NULL"), ("''", "'[]'"), ("' '", "'null'")] {
        say(&database, gateway_ip, host_routes).await?;
        assert_eq!(*columns(&mut inventory).await?, nothing()?, "{gateway_ip} {host_routes}");
    }
    // As for every other column that was read.
    database.execute("ALTER TABLE multi_subnet DROP COLUMN host_routes").await?;
    let error = read(&mut inventory).await.err().context("it is read")?.to_string();
    ensure!(error.starts_with("column multi_subnet.host_routes is gone"), "{error}");
    Ok(())
}

async fn kinds(bed: &Testbed) -> Result<()> {
    let database = scene(bed).await?;
    database.execute(ADD).await?;
    for (gateway_ip, host_routes) in [
        ("TEXT", "LONGTEXT"),
        ("VARCHAR(15) CHARSET latin1", "TEXT CHARSET latin1"),
        ("VARCHAR(39) COLLATE utf8mb4_bin NOT NULL DEFAULT ''", "VARCHAR(4000) NOT NULL DEFAULT '[]'"),
        ("VARBINARY(39)", "BLOB"),
    ] {
        say(&database, "'10.20.0.1'", &format!("'{ROUTES}'")).await?;
        let change = format!(
            "ALTER TABLE multi_subnet MODIFY gateway_ip {gateway_ip}, MODIFY host_routes {host_routes}"
        );
        database.execute(&change).await?;
        assert_eq!(*columns(&mut inventory(&database)).await?, said()?, "{change}");
    }
    Ok(())
}

async fn malformed(bed: &Testbed) -> Result<()> {
    let database = scene(bed).await?;
    database.execute(&ADD.replace("JSON", "TEXT")).await?;
    let mut inventory = inventory(&database);
    for host_routes in
        ["[{", "10.30.0.0/16", r#"[{"destination": "10.30.0.0/16"}]"#, r#"{"10.30.0.0/16": "10.20.0.9"}"#]
    {
        say(&database, "'router'", &format!("'{host_routes}'")).await?;
        let columns = columns(&mut inventory).await?;
        let reason = |fault: Option<&multinic_crds::Explanation>| fault.map(|fault| fault.reason);
        assert_eq!(reason(columns.gateway_ip.as_ref().err()), Some(Reason::InvalidGateway));
        assert_eq!(
            reason(columns.host_routes.as_ref().err()),
            Some(Reason::InvalidHostRoutes),
            "{host_routes}"
        );
    }
    Ok(())
}

async fn withheld(bed: &Testbed) -> Result<()> {
    let database = scene(bed).await?;
    database.execute(ADD).await?;
    say(&database, "'10.20.0.1'", &format!("'{ROUTES}'")).await?;
    for grant in [
        format!("REVOKE SELECT ON {DATABASE}.* FROM {OPERATOR_USER}@'%'"),
        format!("GRANT SELECT ON {DATABASE}.multi_interface TO {OPERATOR_USER}@'%'"),
        format!(
            "GRANT SELECT (subnet_id, cidr, status, deleted_at, gateway_ip) ON {DATABASE}.multi_subnet \
             TO {OPERATOR_USER}@'%'"
        ),
    ] {
        database.execute(&grant).await?;
    }
    let mut inventory = inventory(&database);
    assert_eq!(*columns(&mut inventory).await?, Columns { host_routes: Ok(Vec::new()), ..said()? });

    let grant = format!("GRANT SELECT (host_routes) ON {DATABASE}.multi_subnet TO {OPERATOR_USER}@'%'");
    database.execute(&grant).await?;
    disconnect(&database).await?;
    assert_eq!(*columns(&mut inventory).await?, said()?);

    let revoke = format!("REVOKE SELECT (gateway_ip) ON {DATABASE}.multi_subnet FROM {OPERATOR_USER}@'%'");
    database.execute(&revoke).await?;
    let error = read(&mut inventory).await.err().context("it is read")?.to_string();
    ensure!(error.starts_with("column multi_subnet.gateway_ip is gone"), "{error}");
    Ok(())
}

async fn moved(bed: &Testbed) -> Result<()> {
    let database = scene(bed).await?;
    database.execute(ADD).await?;
    say(&database, "'10.20.0.1'", "NULL").await?;
    let mut inventory = inventory(&database);
    let before = saying(true, &rows(&mut inventory).await?)?;
    say(&database, "'10.20.0.2'", "NULL").await?;
    let written = inventory.write(&before).await;
    ensure!(written.rows == 0 && written.error.is_none(), "{written:?}");
    let now = saying(true, &rows(&mut inventory).await?)?;
    inventory.write(&now).await;
    assert_eq!(successes(&database).await?, 1);
    Ok(())
}
