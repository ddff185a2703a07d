//! What is reached over a NIC, and where its addresses come from, from where people say it to the object. What the agent
//! makes of it is told elsewhere.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{Patch, PatchParams};
use multinic_testbed::{
    ControlPlane, Needs, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, World, eventually,
};
use serde_json::{Value, json};

const NODE: &str = "worker-1";
const COLUMNS: &str =
    "ALTER TABLE multi_subnet ADD COLUMN gateway_ip VARCHAR(64) NULL, ADD COLUMN host_routes TEXT NULL";

/// The seed's table has no addresses, and subnets beside it may say where these come from.
const SUBNETS: [&str; 3] = [
    "CREATE TABLE multi_subnet (subnet_id VARCHAR(36), cidr VARCHAR(64), enable_dhcp TINYINT(1) NULL, \
     ipv6_ra_mode VARCHAR(32) NULL)",
    "INSERT INTO multi_subnet (subnet_id, cidr) VALUES ('s4', '10.20.0.0/24'), ('s6', '2001:db8:20::/64')",
    "INSERT INTO multi_interface (port_id, subnet_id, macaddress, attached_node_name) VALUES \
     ('p4', 's4', 'fa:16:3e:00:00:04', 'worker-1'), ('p6', 's6', 'fa:16:3e:00:00:06', 'worker-1')",
];
const ROUTES: &[&str] = &["routes", "sourceRouting"];
const ADDRESSES: &[&str] = &["addressing", "sourceRouting", "verify"];

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell("a_subnets_routes_and_gateway_get_into_the_object_as_people_say", Needs::Testbed, said).tell(
        "where_addresses_come_from_gets_into_the_object_as_people_say",
        Needs::Testbed,
        addresses,
    )
}

async fn said(bed: &Testbed) -> Result<()> {
    let world = world(bed, Schema::ProducerWithAddressing, &[COLUMNS]).await?;
    for (name, number) in [("storage", 20), ("backup", 21)] {
        let port = Port::new(&format!("fa:16:3e:00:00:{number}"), NODE).address(&format!("10.{number}.0.5"));
        let subnet = OpenstackConfig::new(name, &format!("10.{number}.0.0/24"));
        world.database.producer().sync(&subnet.with(port)).await?;
    }
    // As from a version that knew of no routes.
    becomes(&world, ROUTES, [json!([null, null]), json!([null, null])]).await?;

    say(&world, "10.20.0.1", r#"[{"destination": "10.30.0.0/16", "nexthop": "10.20.0.9"}]"#).await?;
    let routes = json!([{ "destination": "10.30.0.0/16", "via": "10.20.0.9" }]);
    becomes(&world, ROUTES, [json!([routes, null]), json!([null, null])]).await?;

    annotate(&world.cluster, &json!({ "multinic.io/source-routing": "true" })).await?;
    let by_storage = json!([routes, { "gateways": ["10.20.0.1"] }]);
    becomes(&world, ROUTES, [by_storage.clone(), json!([null, null])]).await?;
    let left_out = "the spec equals the table, without source routing of subnet subnet-backup";
    condition(&world, "Synced", |message| message.starts_with(left_out)).await?;

    let backup = json!({ "gateway": "10.21.0.1", "routes": [{ "destination": "0.0.0.0/0", "via": "10.21.0.1", "table": 100 }] });
    set(&world, &json!({ "subnets": { "subnet-backup": backup } })).await?;
    let by_backup = json!([backup["routes"], { "gateways": ["10.21.0.1"] }]);
    becomes(&world, ROUTES, [by_storage.clone(), by_backup.clone()]).await?;
    condition(&world, "Synced", |message| message == "the spec equals the table").await?;

    say(&world, "10.20.0.1", r#"[{"destination": "10.30.0.0"}]"#).await?;
    let unreadable = "host_routes of the subnet: \"10.30.0.0\" is not a network";
    condition(&world, "InvalidRows", |message| message.contains(unreadable)).await?;
    becomes(&world, ROUTES, [by_storage, by_backup]).await
}

async fn addresses(bed: &Testbed) -> Result<()> {
    let world = world(bed, Schema::Seed, &SUBNETS).await?;
    let becomes = async |ipv4: Value, ipv6: Value| becomes(&world, ADDRESSES, [ipv4, ipv6]).await;
    // As before anybody could say it.
    becomes(json!([null, null, null]), json!([null, null, null])).await?;
    let subnets =
        async |values: &str| world.database.execute(&format!("UPDATE multi_subnet SET {values}")).await;
    subnets("enable_dhcp = 1, ipv6_ra_mode = 'slaac'").await?;
    becomes(json!(["dhcp4", null, null]), json!(["slaac", null, null])).await?;

    annotate(
        &world.cluster,
        &json!({ "multinic.io/source-routing": "true", "multinic.io/addressing": "none" }),
    )
    .await?;
    set(&world, &json!({ "verify": "wire", "subnets": { "s4": { "gateway": "10.20.0.1" } } })).await?;
    becomes(json!(["dhcp4", { "gateways": ["10.20.0.1"] }, "wire"]), json!(["slaac", null, "wire"])).await?;
    // Without its gateway, the mapping itself has to stay.
    set(&world, &json!({ "verify": "kernel" })).await?;
    becomes(json!(["dhcp4", {}, null]), json!(["slaac", null, null])).await?;
    let left_out = "the spec equals the table, without source routing of subnet s6";
    condition(&world, "Synced", |message| message.starts_with(left_out)).await?;
    let generation = world.config(&NODE).await?.metadata.generation;
    world.syncs(2).await?;
    ensure!(world.config(&NODE).await?.metadata.generation == generation, "the same is written again");

    subnets("ipv6_ra_mode = 'banana'").await?;
    let unreadable = "ipv6_ra_mode of the subnet: \"banana\" is none of";
    condition(&world, "InvalidRows", |message| message.contains(unreadable)).await?;
    becomes(json!(["dhcp4", {}, null]), json!(["slaac", null, null])).await?;
    subnets("enable_dhcp = 0, ipv6_ra_mode = NULL").await?;
    becomes(json!([null, null, null]), json!([null, null, null])).await
}

/// A Node, a database with tables and columns that somebody added, and the operator; nothing runs on the Node.
async fn world<'bed>(bed: &'bed Testbed, schema: Schema, added: &[&str]) -> Result<World<'bed>> {
    let cluster = bed.control_plane().await?;
    let database = bed.database(schema).await?;
    for statement in added {
        database.execute(statement).await?;
    }
    let operator = bed.operator(&cluster, &database).await?;
    let mut node = Node::default();
    node.metadata.name = Some(NODE.to_owned());
    cluster.create_node(&node).await?;
    Ok(World { cluster, database, operator, patience: SOON })
}

async fn say(world: &World<'_>, gateway_ip: &str, host_routes: &str) -> Result<()> {
    let update = format!(
        "UPDATE multi_subnet SET gateway_ip = '{gateway_ip}', host_routes = '{host_routes}' \
         WHERE subnet_id = 'subnet-storage'"
    );
    world.database.execute(&update).await.map(drop)
}

/// Starts the operator anew with these values.
async fn set(world: &World<'_>, networking: &Value) -> Result<()> {
    world.operator.stop().await?;
    world.operator.set("NETWORKING", &networking.to_string());
    world.operator.resume()
}

async fn annotate(cluster: &ControlPlane<'_>, annotations: &Value) -> Result<()> {
    let annotations = json!({ "metadata": { "annotations": annotations } });
    let nodes = Api::<Node>::all(cluster.client());
    nodes.patch(NODE, &PatchParams::default(), &Patch::Merge(&annotations)).await?;
    Ok(())
}

/// Waits until the entries, in the order of MAC addresses, have this in these fields.
async fn becomes(world: &World<'_>, fields: &[&str], expected: [Value; 2]) -> Result<()> {
    eventually(&format!("{} of the object", fields.join(", ")), SOON, async || {
        let mut interfaces = world.config(&NODE).await?.spec.interfaces;
        interfaces.sort_by_key(|interface| interface.mac_address);
        let say = |interface| -> Result<Value> {
            let entry = serde_json::to_value(interface)?;
            Ok(fields.iter().map(|field| entry[field].clone()).collect())
        };
        let found = interfaces.into_iter().map(say).collect::<Result<Vec<_>>>()?;
        ensure!(found == expected, "it says {found:?}");
        Ok(())
    })
    .await
}

async fn condition(world: &World<'_>, reason: &str, says: impl Fn(&str) -> bool) -> Result<()> {
    eventually(&format!("Synced to be {reason}"), SOON, async || {
        let object = world.config(&NODE).await?;
        let conditions = object.status.unwrap_or_default().conditions;
        let synced =
            conditions.into_iter().find(|condition| condition.type_ == "Synced").context("no Synced")?;
        let current = synced.observed_generation == object.metadata.generation;
        ensure!(current && synced.reason == reason && says(&synced.message), "it says {synced:?}");
        Ok(())
    })
    .await
}
