//! OpenStack's side reads in a table of its own how every NIC is, and which ports somebody forgot.

use anyhow::{Context, Result, ensure};
use multinic_crds::UnclaimedLink;
use multinic_testbed::{
    Kind, Needs, Node, OPERATOR_HEALTH, OpenstackConfig, Port, SOON, STATUS_TABLE, Schema, Suite, Testbed,
    World, eventually,
};
use sqlx::AssertSqlSafe;

use crate::witness::ask;

const FIRST: &str = "fa:16:3e:00:00:01";
const FORGOTTEN: &str = "fa:16:3e:00:00:02";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell(
            "a_nic_that_no_row_asks_for_is_unclaimed_in_object_and_table_until_one_does",
            Needs::Testbed,
            unclaimed,
        )
        .tell(
            "a_status_table_that_is_not_there_is_told_and_keeps_nothing_else_from_its_work",
            Needs::Testbed,
            missing,
        )
}

async fn world(bed: &Testbed) -> Result<(World<'_>, Node<'_>, OpenstackConfig)> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    world.operator.stop().await?;
    world.operator.set("DB_STATUS_TABLE", STATUS_TABLE);
    let node = bed.node("worker-1", Kind::Light).await?;
    node.plug(FIRST)?;
    node.plug(FORGOTTEN)?;
    node.join(&world.cluster).await?;
    let storage = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.5").mtu(1450));
    world.database.producer().sync(&storage).await?;
    Ok((world, node, storage))
}

/// What the table says of a NIC: port, name, state, reason, addresses, MTU and carrier.
type Row = (Option<String>, Option<String>, String, String, Option<String>, Option<i64>, Option<i64>);

async fn row(world: &World<'_>, mac: &str) -> Result<Option<Row>> {
    let query = format!(
        "SELECT port_id, link_name, state, reason, addresses, CAST(mtu AS SIGNED), CAST(carrier AS SIGNED) \
         FROM {STATUS_TABLE} WHERE node_name = 'worker-1' AND macaddress = ?"
    );
    let row = sqlx::query_as(AssertSqlSafe(query)).bind(mac).fetch_optional(world.database.administrator());
    Ok(row.await?)
}

async fn comes_to(world: &World<'_>, mac: &str, expected: Option<Row>) -> Result<()> {
    eventually(&format!("the status table to tell of {mac}"), SOON, async || {
        let row = row(world, mac).await?;
        ensure!(row == expected, "it says {row:?}");
        Ok(())
    })
    .await
}

fn configured(port: &Port, name: &str, address: &str, mtu: i64) -> Row {
    let text = |text: &str| Some(text.to_owned());
    let (state, reason) = ("Configured".to_owned(), "Configured".to_owned());
    (text(&port.id), text(name), state, reason, text(address), Some(mtu), Some(1))
}

async fn unclaimed(bed: &Testbed) -> Result<()> {
    let (world, node, storage) = world(bed).await?;
    world.database.make_status_table().await?;
    world.operator.resume()?;
    world.configured(&node, FIRST).await?;
    let first = configured(&storage.ports[0], "multinic0", "10.20.0.5/24", 1450);
    comes_to(&world, FIRST, Some(first.clone())).await?;

    let link_name = node.link(FORGOTTEN)?.name;
    let said = ["Unclaimed".to_owned(), "Unclaimed".to_owned()];
    let [state, reason] = said.clone();
    let forgotten: Row = (None, Some(link_name.clone()), state, reason, None, None, None);
    comes_to(&world, FORGOTTEN, Some(forgotten)).await?;
    let told = world.config(&node).await?.status.context("no status")?.unclaimed;
    let expected = UnclaimedLink { mac_address: FORGOTTEN.to_owned(), link_name, up: false, carrier: false };
    assert_eq!(told, [expected]);

    let second = Port::new(FORGOTTEN, "worker-1").address("10.20.0.6");
    world.database.producer().insert(&storage, &second).await?;
    world.configured(&node, FORGOTTEN).await?;
    comes_to(&world, FORGOTTEN, Some(configured(&second, "multinic1", "10.20.0.6/24", 1500))).await?;
    assert_eq!(world.config(&node).await?.status.context("no status")?.unclaimed, []);

    // What is given back is there still, and what is unplugged is not.
    world.database.producer().remove(FORGOTTEN).await?;
    world.removed(&node, FORGOTTEN).await?;
    eventually("the NIC to be unclaimed again", SOON, async || {
        let row = row(&world, FORGOTTEN).await?.context("it has no row")?;
        ensure!([row.2.clone(), row.3.clone()] == said, "{row:?}");
        Ok(())
    })
    .await?;
    node.unplug(FORGOTTEN)?;
    comes_to(&world, FORGOTTEN, None).await?;

    // Somebody else's hand, and a Node that is gone while nobody looks.
    world.operator.stop().await?;
    let alter = format!("UPDATE {STATUS_TABLE} SET state = 'Nonsense'");
    ensure!(world.database.execute(&alter).await? == 1);
    let strange = format!(
        "INSERT INTO {STATUS_TABLE} SELECT 'gone', macaddress, port_id, link_name, state, reason, message, addresses, \
         mtu, carrier, generation, changed_at FROM {STATUS_TABLE}"
    );
    ensure!(world.database.execute(&strange).await? == 1);
    world.operator.resume()?;
    comes_to(&world, FIRST, Some(first)).await?;
    eventually("the Node that is gone to leave the table", SOON, async || {
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) FROM {STATUS_TABLE}")))
            .fetch_one(world.database.administrator())
            .await?;
        ensure!(rows == 1, "{rows} rows");
        Ok(())
    })
    .await
}

async fn missing(bed: &Testbed) -> Result<()> {
    let (world, node, storage) = world(bed).await?;
    world.operator.resume()?;
    world.configured(&node, FIRST).await?;
    let failing = async |failing: bool| {
        let line = format!("multinic_status_table_failing {}", u8::from(failing));
        eventually(&line, 2 * SOON, async || {
            let metrics = ask(OPERATOR_HEALTH, "/metrics").await?;
            ensure!(metrics.lines().any(|said| said == line), "not yet");
            Ok(())
        })
        .await
    };
    failing(true).await?;
    let health = ask(OPERATOR_HEALTH, "/").await?;
    ensure!(health.contains("\"status_table_error\":\""), "{health}");
    let said = world.operator.check(&[])?;
    let said = String::from_utf8(said.stdout)?;
    ensure!(said.contains("FAILED status table") && said.contains(STATUS_TABLE), "{said}");

    world.database.make_status_table().await?;
    failing(false).await?;
    let first = configured(&storage.ports[0], "multinic0", "10.20.0.5/24", 1450);
    comes_to(&world, FIRST, Some(first)).await?;
    Ok(())
}
