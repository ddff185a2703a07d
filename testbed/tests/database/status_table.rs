//! The status table, as its documentation makes it, and as it may be instead.

use anyhow::{Context, Result, ensure};
use multinic_operator::database::{Cause, StatusTable};
use multinic_operator_core::status_table::{Batch, Entry, Id};
use multinic_testbed::{DATABASE, Database, Needs, OPERATOR_USER, STATUS_TABLE, Schema, Suite, Testbed};

use crate::scene::{count, settings};

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell("the_status_table_gives_back_what_was_put_into_it", Needs::Testbed, round_trip).tell(
        "a_status_table_that_is_missing_or_wrong_is_named",
        Needs::Testbed,
        wrong,
    )
}

async fn made(bed: &Testbed) -> Result<(Database<'_>, StatusTable)> {
    let database = bed.database(Schema::Producer).await?;
    database.make_status_table().await?;
    let table = StatusTable::new(settings(&database), STATUS_TABLE.parse().map_err(anyhow::Error::msg)?);
    Ok((database, table))
}

fn row(node: &str, last: u32, state: &str) -> (Id, Entry) {
    let id = Id { node: node.into(), mac: format!("fa:16:3e:00:00:{last:02x}") };
    let entry = Entry { state: state.to_owned(), reason: state.to_owned(), ..Entry::default() };
    (id, entry)
}

async fn round_trip(bed: &Testbed) -> Result<()> {
    let (database, table) = made(bed).await?;
    let mut session = table.open().await?;
    ensure!(session.rows().await?.is_empty());
    let text = |text: &str| Some(text.to_owned());
    let (id, entry) = row("worker-1", 1, "Configured");
    let whole = Entry {
        port_id: text("3f0a3f5e-6a1c-4f0e-9d0b-0a4c1d1e2f30"),
        link_name: text("multinic0"),
        message: "it's \"right\" \\ 100 % `now`, wörker 🙂".repeat(20),
        addresses: text("10.20.0.5/24,2001:db8::5/64"),
        mtu: Some(9000),
        carrier: Some(false),
        generation: Some(i64::MAX),
        ..entry
    };
    let rows = vec![(id, whole), row("worker-1", 2, "Unclaimed"), row("worker-2", 1, "Failed")];
    session.write(&Batch::Put(rows.clone())).await?;
    let mut read = session.rows().await?;
    read.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert_eq!(read, rows);

    // The same key again is the same row.
    let (first, second) = (row("worker-1", 1, "Failed"), rows[1].0.clone());
    session.write(&Batch::Put(vec![first.clone()])).await?;
    session.write(&Batch::Delete(vec![second, rows[2].0.clone()])).await?;
    assert_eq!(session.rows().await?, [first]);
    let recent = format!(
        "SELECT COUNT(*) FROM {STATUS_TABLE} WHERE ABS(TIMESTAMPDIFF(MINUTE, changed_at, UTC_TIMESTAMP())) < 60"
    );
    assert_eq!(count(&database, recent.leak()).await?, 1);
    Ok(())
}

async fn wrong(bed: &Testbed) -> Result<()> {
    let (database, table) = made(bed).await?;
    let refused = async || table.inspect().await.err().context("it is taken for right");
    for (right, named) in [("INSERT", "INSERT"), ("DELETE", "DELETE"), ("SELECT", "SELECT")] {
        // SELECT is granted on the whole database as well.
        let on = if right == "SELECT" { "*" } else { STATUS_TABLE };
        database
            .execute(&format!("REVOKE {right} ON {DATABASE}.{STATUS_TABLE} FROM {OPERATOR_USER}@'%'"))
            .await?;
        if on == "*" {
            database.execute(&format!("REVOKE SELECT ON {DATABASE}.* FROM {OPERATOR_USER}@'%'")).await?;
        }
        let refusal = refused().await?;
        ensure!(refusal.cause == Cause::Forbidden && refusal.why.contains(named), "{right}: {refusal:?}");
        database.execute(&format!("GRANT {right} ON {DATABASE}.{on} TO {OPERATOR_USER}@'%'")).await?;
    }
    table.inspect().await.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;

    for column in ["carrier", "changed_at"] {
        database.execute(&format!("ALTER TABLE {STATUS_TABLE} RENAME COLUMN {column} TO other")).await?;
        let refusal = refused().await?;
        ensure!(refusal.cause == Cause::Other && refusal.why.contains(column), "{column}: {refusal:?}");
        database.execute(&format!("ALTER TABLE {STATUS_TABLE} RENAME COLUMN other TO {column}")).await?;
    }
    database.execute(&format!("DROP TABLE {STATUS_TABLE}")).await?;
    let refusal = refused().await?;
    ensure!(refusal.cause == Cause::Other && refusal.why.contains(STATUS_TABLE), "{refusal:?}");
    Ok(())
}
