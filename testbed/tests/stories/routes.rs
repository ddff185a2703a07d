//! What is reached over a NIC, from where people say it to the object. What the agent makes of it is told elsewhere.

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

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell("a_subnets_routes_and_gateway_get_into_the_object_as_people_say", Needs::Testbed, said)
}

async fn said(bed: &Testbed) -> Result<()> {
    let world = world(bed).await?;
    for (name, number) in [("storage", 20), ("backup", 21)] {
        let port = Port::new(&format!("fa:16:3e:00:00:{number}"), NODE).address(&format!("10.{number}.0.5"));
        let subnet = OpenstackConfig::new(name, &format!("10.{number}.0.0/24"));
        world.database.producer().sync(&subnet.with(port)).await?;
    }
    // As from a version that knew of no routes.
    becomes(&world, [json!([null, null]), json!([null, null])]).await?;

    say(&world, "10.20.0.1", r#"[{"destination": "10.30.0.0/16", "nexthop": "10.20.0.9"}]"#).await?;
    let routes = json!([{ "destination": "10.30.0.0/16", "via": "10.20.0.9" }]);
    becomes(&world, [json!([routes, null]), json!([null, null])]).await?;

    annotate(&world.cluster, "true").await?;
    let by_storage = json!([routes, { "gateways": ["10.20.0.1"] }]);
    becomes(&world, [by_storage.clone(), json!([null, null])]).await?;
    let left_out = "the spec equals the table, without source routing of subnet subnet-backup";
    condition(&world, "Synced", |message| message.starts_with(left_out)).await?;

    world.operator.stop().await?;
    let backup = json!({ "gateway": "10.21.0.1", "routes": [{ "destination": "0.0.0.0/0", "via": "10.21.0.1", "table": 100 }] });
    world.operator.set("NETWORKING", &json!({ "subnets": { "subnet-backup": backup } }).to_string());
    world.operator.resume()?;
    let by_backup = json!([backup["routes"], { "gateways": ["10.21.0.1"] }]);
    becomes(&world, [by_storage.clone(), by_backup.clone()]).await?;
    condition(&world, "Synced", |message| message == "the spec equals the table").await?;

    say(&world, "10.20.0.1", r#"[{"destination": "10.30.0.0"}]"#).await?;
    let unreadable = "host_routes of the subnet: \"10.30.0.0\" is not a network";
    condition(&world, "InvalidRows", |message| message.contains(unreadable)).await?;
    becomes(&world, [by_storage, by_backup]).await
}

/// A Node, a database with columns that somebody added, and the operator; nothing runs on the Node.
async fn world(bed: &Testbed) -> Result<World<'_>> {
    let cluster = bed.control_plane().await?;
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    database.execute(COLUMNS).await?;
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

async fn annotate(cluster: &ControlPlane<'_>, said: &str) -> Result<()> {
    let annotations = json!({ "metadata": { "annotations": { "multinic.io/source-routing": said } } });
    let nodes = Api::<Node>::all(cluster.client());
    nodes.patch(NODE, &PatchParams::default(), &Patch::Merge(&annotations)).await?;
    Ok(())
}

/// Waits until the entries, in the order of MAC addresses, say this of routes and source routing.
async fn becomes(world: &World<'_>, expected: [Value; 2]) -> Result<()> {
    eventually("the routes of the object", SOON, async || {
        let mut interfaces = world.config(&NODE).await?.spec.interfaces;
        interfaces.sort_by_key(|interface| interface.mac_address);
        let ways = |interface| -> Result<Value> {
            let entry = serde_json::to_value(interface)?;
            Ok(json!([entry["routes"], entry["sourceRouting"]]))
        };
        let found = interfaces.into_iter().map(ways).collect::<Result<Vec<_>>>()?;
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
