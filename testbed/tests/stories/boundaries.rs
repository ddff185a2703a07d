//! What the product keeps its hands off, and how far it goes.

use std::fmt::Debug;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Node as KubeNode, Pod, Secret};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use multinic_crds::{InterfaceState, NodeNetworkConfig, NodeNetworkConfigSpec};
use multinic_testbed::{
    Harm, Kind, NAMESPACE, Needs, Node, OPERATOR_HEALTH, OpenstackConfig, Port, SOON, Schema, Suite, Testbed,
    World, eventually, get,
};
use serde_json::{Value, json};

use crate::witness::admin;

const FIRST: &str = "fa:16:3e:00:00:01";
const SECOND: &str = "fa:16:3e:00:00:02";
const THIRD: &str = "fa:16:3e:00:00:03";

pub(crate) fn tell(suite: Suite) -> Suite {
    let suite = suite
        .tell("a37_an_agent_may_write_nothing_but_status", Needs::Testbed, agent_rights)
        .tell("a39_a41_names_and_macs_are_normalised_and_never_cross_match", Needs::Testbed, names)
        .tell("a42_the_uplink_and_what_others_configure_are_refused", Needs::FullNodes, refused)
        .tell("a49_the_first_ten_of_twenty_go_on_and_the_object_stays_small", Needs::FullNodes, twenty)
        .tell("dry_run_says_what_it_would_do_and_touches_nothing", Needs::FullNodes, dry_run)
        .tell("new_nodes_wait_for_a_person_where_the_administrator_says_so", Needs::Testbed, initial_mode)
        .tell("both_health_endpoints_answer_with_the_fields_of_the_seed", Needs::FullNodes, health);
    [Schema::Seed, Schema::Producer].into_iter().fold(suite, |suite, schema| {
        let name = format!("a_table_without_addresses_means_links_only_{schema:?}");
        suite.tell(&name, Needs::Testbed, async move |bed: &Testbed| links_only(bed, schema).await)
    })
}

/// What needs more than rules, the status of another node's object, is not told here.
async fn agent_rights(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let node = bed.node("worker-1", Kind::Light).await?;
    cluster.create_node(&node.as_kubernetes_node()).await?;
    let all = Api::<NodeNetworkConfig>::all(cluster.client());
    for name in ["worker-1", "worker-2"] {
        let object = NodeNetworkConfig::new(name, NodeNetworkConfigSpec::default());
        all.create(&PostParams::default(), &object).await?;
    }

    let agent = cluster.client_as(&cluster.agent_kubeconfig("worker-1").await?).await?;
    let (create, patch, delete) = (PostParams::default(), PatchParams::default(), DeleteParams::default());
    let configs = Api::<NodeNetworkConfig>::all(agent.clone());
    let status = json!({ "status": { "summary": "0/0" } });
    configs.patch_status("worker-1", &patch, &Patch::Merge(&status)).await?;

    let spec = json!({ "spec": { "mode": "Paused" } });
    for name in ["worker-1", "worker-2"] {
        forbidden("patch a spec", &configs.patch(name, &patch, &Patch::Merge(&spec)).await)?;
        forbidden("delete an object", &configs.delete(name, &delete).await)?;
    }
    let another = NodeNetworkConfig::new("worker-3", NodeNetworkConfigSpec::default());
    forbidden("create an object", &configs.create(&create, &another).await)?;
    forbidden("delete all objects", &configs.delete_collection(&delete, &ListParams::default()).await)?;

    let nodes = Api::<KubeNode>::all(agent.clone());
    let label = json!({ "metadata": { "labels": { "mine": "yes" } } });
    forbidden("patch its Node", &nodes.patch("worker-1", &patch, &Patch::Merge(&label)).await)?;
    forbidden("read its Node", &nodes.get("worker-1").await)?;
    let secrets = Api::<Secret>::namespaced(agent.clone(), NAMESPACE);
    forbidden("read a Secret beside its own", &secrets.get("database").await)?;
    forbidden("list pods", &Api::<Pod>::all(agent).list(&ListParams::default()).await)?;
    Ok(())
}

fn forbidden<T: Debug>(what: &str, answer: &kube::Result<T>) -> Result<()> {
    let denied = matches!(answer, Err(kube::Error::Api(status)) if status.code == 403);
    ensure!(denied, "the agent was not forbidden to {what}: {answer:?}");
    Ok(())
}

async fn names(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let one = bed.node("node1", Kind::Light).await?;
    let ten = bed.node("node10", Kind::Light).await?;
    let full = bed.node("worker.example.org", Kind::Light).await?;
    // As written in the row, and as the NIC has it.
    let rows = [
        (&one, "node1", "fa:16:3e:00:01:01", "fa:16:3e:00:01:01"),
        (&one, "NODE1.novalocal", "FA:16:3E:00:01:0A", "fa:16:3e:00:01:0a"),
        (&ten, "node10", "fa-16-3e-00-10-01", "fa:16:3e:00:10:01"),
        (&ten, "Node10.novalocal", "FA-16-3E-00-10-0A", "fa:16:3e:00:10:0a"),
        (&full, "worker", "fa:16:3e:00:20:01", "fa:16:3e:00:20:01"),
        (&full, "Worker.Example.ORG", "FA:16:3E:00:20:0A", "fa:16:3e:00:20:0a"),
    ];
    for (node, _, _, mac) in &rows {
        node.plug(mac)?;
    }
    for node in [&one, &ten, &full] {
        node.join(&world.cluster).await?;
    }
    let strangers = ["node", "node100", "worker.example.com"]
        .into_iter()
        .zip(0x30..)
        .map(|(name, last)| Port::new(&format!("fa:16:3e:00:30:{last:02x}"), name));
    let ports = rows.iter().map(|(_, server, mac, _)| Port::new(mac, server)).chain(strangers);
    let object = ports.fold(OpenstackConfig::new("storage", "10.20.0.0/24"), OpenstackConfig::with);
    world.database.producer().sync(&object).await?;

    for (node, _, written, mac) in &rows {
        world.settled(node, mac, InterfaceState::Configured).await?;
        successful(&world, written).await?;
    }
    for node in [&one, &ten, &full] {
        let expected: Vec<_> =
            rows.iter().filter(|row| row.0.name() == node.name()).map(|row| row.3.to_owned()).collect();
        assert_eq!(wanted(&world, node).await?, expected, "{}", node.name());
    }
    Ok(())
}

async fn refused(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    for mac in [FIRST, SECOND, THIRD] {
        node.plug(mac)?;
    }
    let site =
        format!("network: {{version: 2, ethernets: {{site: {{match: {{macaddress: '{SECOND}'}}}}}}}}\n");
    let site_file = node.host_root()?.join("etc/netplan/55-site.yaml");
    std::fs::write(&site_file, &site)?;
    let (uplink, of_others) = (node.link(&node.uplink_mac())?, node.link(SECOND)?);
    let monitor = node.monitor().await?;
    node.join(&world.cluster).await?;
    let object = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.1"))
        .with(Port::new(SECOND, "worker-1").address("10.20.0.2").mtu(1400))
        .with(Port::new(&uplink.mac, "worker-1").address("10.20.0.3").mtu(1400))
        .with(Port::new(THIRD, "worker-1").address("10.20.0.4"));
    world.database.producer().sync(&object).await?;

    for mac in [FIRST, THIRD] {
        world.configured(&node, mac).await?;
    }
    for (mac, reason) in [(uplink.mac.as_str(), "ProtectedInterface"), (SECOND, "ForeignConfiguration")] {
        let refused = world.settled(&node, mac, InterfaceState::Refused).await?;
        assert_eq!(refused.reason, reason, "{refused:?}");
        assert_eq!(world.database.producer().success(mac).await?, Some(false));
    }
    let ready = world.condition(&node, "Ready").await?;
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "InterfaceRefused"));

    world.syncs(4).await?;
    assert_eq!(node.link(SECOND)?, of_others);
    assert_eq!(monitor.about(&of_others.name).await?, Vec::<String>::new());
    assert_eq!(std::fs::read_to_string(site_file)?, site);
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

async fn twenty(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    let macs: Vec<_> = (1..=20).map(|number| format!("fa:16:3e:00:00:{number:02x}")).collect();
    for mac in &macs {
        node.plug(mac)?;
    }
    let monitor = node.monitor().await?;
    node.join(&world.cluster).await?;
    world.database.producer().sync(&one_port_each(&macs, 1450)).await?;
    let (first, surplus) = macs.split_at(10);
    for mac in first {
        world.configured(&node, mac).await?;
    }
    let synced = world.synced(&node, "NoFreeSlot").await?;
    ensure!(synced.message.contains(&surplus[0]), "{synced:?}");
    assert_eq!(wanted(&world, &node).await?, first);
    for mac in surplus {
        assert_eq!(world.database.producer().success(mac).await?, Some(false));
    }

    world.operator.stop().await?;
    world.operator.set("MAX_INTERFACES", "20");
    world.operator.resume()?;
    for mac in surplus {
        world.configured(&node, mac).await?;
    }
    assert_eq!(monitor.finish().await?, Harm::default());

    // The longest complaint there is: netplan quotes the line that it does not understand.
    let site = format!("network: {{version: 2, ethernets: {{other: {{{}: 1}}}}}}\n", "x".repeat(1000));
    std::fs::write(node.host_root()?.join("etc/netplan/55-site.yaml"), site)?;
    world.database.producer().sync(&one_port_each(&macs, 1400)).await?;
    for mac in &macs {
        world.settled(&node, mac, InterfaceState::Failed).await?;
    }
    let object =
        world.cluster.kubectl(&["get", "--raw", "/apis/multinic.io/v1alpha1/nodenetworkconfigs/worker-1"])?;
    ensure!(object.len() < 32 * 1024, "the object has {} bytes", object.len());
    Ok(())
}

fn one_port_each(macs: &[String], mtu: i32) -> OpenstackConfig {
    let ports = macs
        .iter()
        .zip(1..)
        .map(|(mac, host)| Port::new(mac, "worker-1").address(&format!("10.20.0.{host}")).mtu(mtu));
    ports.fold(OpenstackConfig::new("storage", "10.20.0.0/24"), OpenstackConfig::with)
}

async fn dry_run(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    let nic = node.plug(FIRST)?;
    node.join(&world.cluster).await?;
    eventually("the object", SOON, async || world.config(&node).await).await?;
    world.set_mode(&node, "DryRun")?;
    let (link, monitor) = (node.link(FIRST)?, node.monitor().await?);
    let object = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.1").mtu(1450));
    world.database.producer().sync(&object).await?;

    let pending = world.settled(&node, FIRST, InterfaceState::Pending).await?;
    assert_eq!(pending.reason, "DryRun");
    for intention in
        ["to multinic0", "to 1450", "add 10.20.0.1/24", "write /etc/netplan/60-multinic-multinic0.yaml"]
    {
        ensure!(pending.message.contains(intention), "it does not say {intention:?}: {pending:?}");
    }
    assert_eq!(world.condition(&node, "Ready").await?.reason, "DryRun");
    world.syncs(4).await?;
    assert_eq!(node.link(FIRST)?, link);
    assert_eq!(monitor.about(&nic).await?, Vec::<String>::new());
    assert_eq!(node.exec(&["ls", "/etc/netplan"])?, "50-cloud-init.yaml\n");
    assert_eq!(world.database.producer().success(FIRST).await?, Some(false));

    world.set_mode(&node, "Enforce")?;
    world.configured(&node, FIRST).await?;
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

async fn initial_mode(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    world.operator.stop().await?;
    world.operator.set("INITIAL_MODE", "DryRun");
    world.operator.resume()?;
    let node = bed.node("worker-1", Kind::Light).await?;
    node.plug(FIRST)?;
    node.join(&world.cluster).await?;
    let object = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.1"));
    world.database.producer().sync(&object).await?;
    let link = node.link(FIRST)?;
    let pending = world.settled(&node, FIRST, InterfaceState::Pending).await?;
    ensure!(pending.reason == "DryRun" && pending.message.contains("to multinic0"), "{pending:?}");
    assert_eq!(node.link(FIRST)?, link);

    world.set_mode(&node, "Enforce")?;
    world.configured(&node, FIRST).await?;
    world.operator.stop().await?;
    world.operator.resume()?;
    world.syncs(3).await?;
    world.configured(&node, FIRST).await
}

async fn health(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    node.plug(FIRST)?;
    node.join(&world.cluster).await?;
    let agent = admin(&node);
    let object = OpenstackConfig::new("storage", "10.20.0.0/24").with(Port::new(FIRST, "worker-1"));
    let producer = world.database.producer();
    producer.sync(&object).await?;
    world.configured(&node, FIRST).await?;
    for address in [OPERATOR_HEALTH, &agent] {
        says(
            address,
            &json!({ "status": "healthy", "processed_vms": 1, "failed_configs": 0, "deleted_interfaces": 0 }),
        )
        .await?;
        for path in ["/healthz", "/readyz"] {
            assert_eq!(get(address, path).await?.status, 200, "{address}{path}");
        }
        ensure!(
            get(address, "/metrics").await?.body.contains("# TYPE multinic_"),
            "{address} has no metrics"
        );
    }
    says(OPERATOR_HEALTH, &json!({ "database_connected": true })).await?;

    producer.insert(&object, &Port::new(&node.uplink_mac(), "worker-1")).await?;
    for address in [OPERATOR_HEALTH, &agent] {
        says(address, &json!({ "status": "degraded", "failed_configs": 1 })).await?;
    }
    producer.remove(FIRST).await?;
    world.removed(&node, FIRST).await?;
    for address in [OPERATOR_HEALTH, &agent] {
        says(address, &json!({ "deleted_interfaces": 1 })).await?;
    }
    Ok(())
}

/// Waits until `GET /` has these fields with these values, beside an uptime such as `2h45m30s`.
async fn says(address: &str, expected: &Value) -> Result<()> {
    eventually(&format!("{address} to say {expected}"), SOON, async || {
        let answer = get(address, "/").await?;
        let fields: Value = serde_json::from_str(&answer.body)?;
        let uptime = fields["uptime"].as_str().context("no uptime")?;
        ensure!(
            uptime.ends_with('s') && uptime.starts_with(|c: char| c.is_ascii_digit()),
            "uptime {uptime:?}"
        );
        let expected = expected.as_object().context("no fields")?;
        ensure!(expected.iter().all(|(name, value)| fields[name] == *value), "it says {fields}");
        Ok(())
    })
    .await
}

async fn links_only(bed: &Testbed, schema: Schema) -> Result<()> {
    let world = bed.world(schema).await?;
    let node = bed.node("worker-1", Kind::Light).await?;
    for mac in [FIRST, SECOND] {
        node.plug(mac)?;
    }
    node.join(&world.cluster).await?;
    let object = [FIRST, SECOND]
        .map(|mac| Port::new(mac, "worker-1").address("10.20.0.1").mtu(1400))
        .into_iter()
        .fold(OpenstackConfig::new("storage", "10.20.0.0/24"), OpenstackConfig::with);
    world.database.producer().sync(&object).await?;
    for (mac, name) in [(FIRST, "multinic0"), (SECOND, "multinic1")] {
        world.configured(&node, mac).await?;
        let nic = node.link(mac)?;
        assert_eq!((nic.name.as_str(), nic.mtu), (name, 1500));
        ensure!(nic.up && nic.addresses.is_empty(), "{nic:?}");
    }
    Ok(())
}

/// The MAC addresses that the node's object asks for, in its order.
async fn wanted(world: &World<'_>, node: &Node<'_>) -> Result<Vec<String>> {
    let spec = world.config(node).await?.spec;
    Ok(spec.interfaces.iter().map(|interface| interface.mac_address.to_string()).collect())
}

async fn successful(world: &World<'_>, mac: &str) -> Result<()> {
    eventually(&format!("netplan_success of {mac}"), SOON, async || {
        let success = world.database.producer().success(mac).await?;
        ensure!(success == Some(true), "it is {success:?}");
        Ok(())
    })
    .await
}
