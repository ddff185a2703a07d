//! The testbed itself: a story told in a world that is not real proves nothing.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ListParams, PostParams};
use multinic_testbed::{
    Harm, Kind, Needs, OpenstackConfig, Port, SOON, Schema, Statements, Suite, Testbed, eventually,
};
use sqlx::ConnectOptions;

const MAC: &str = "fa:16:3e:00:00:01";
const SCHEMAS: [Schema; 3] = [Schema::Seed, Schema::Producer, Schema::ProducerWithAddressing];

pub(crate) fn tell(suite: Suite) -> Suite {
    let suite = suite
        .tell("agent_token_names_its_node_and_reads_no_secrets", Needs::Testbed, agent_token)
        .tell("refused_writes_are_in_the_audit", Needs::Testbed, refused_writes)
        .tell("operator_may_write_only_the_status_columns", Needs::Testbed, grants)
        .tell("database_keeps_its_rows_over_a_restart", Needs::Testbed, restart)
        .tell("light_node_sees_nics_come_and_go", Needs::Testbed, light_node)
        .tell("full_node_boots_and_sees_nics_come_and_go", Needs::FullNodes, full_node)
        .tell("full_node_gives_nics_their_netplan_names_at_boot", Needs::FullNodes, names_at_boot)
        .tell("netplan_apply_is_seen_to_harm", Needs::FullNodes, harm);
    SCHEMAS.into_iter().fold(suite, |suite, schema| {
        let name = format!("producer_forgets_ids_and_success_{schema:?}");
        suite.tell(&name, Needs::Testbed, async move |bed: &Testbed| producer(bed, schema).await)
    })
}

async fn agent_token(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let node = bed.node("worker-1", Kind::Light).await?;
    cluster.create_node(&node.as_kubernetes_node()).await?;

    let agent = cluster.client_as(&cluster.agent_kubeconfig("worker-1").await?).await?;
    let reviews = Api::<SelfSubjectReview>::all(agent.clone());
    let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
    let user = review.status.and_then(|status| status.user_info).context("no user")?;
    let claimed = user.extra.and_then(|mut extra| extra.remove("authentication.kubernetes.io/node-name"));
    assert_eq!(claimed, Some(vec!["worker-1".to_owned()]));

    let secrets = Api::<Secret>::all(agent).list(&ListParams::default()).await;
    ensure!(matches!(&secrets, Err(kube::Error::Api(status)) if status.code == 403), "secrets: {secrets:?}");
    Ok(())
}

async fn refused_writes(bed: &Testbed) -> Result<()> {
    let cluster = bed.control_plane().await?;
    let operator = cluster.client_as(&cluster.operator_kubeconfig().await?).await?;
    let before = cluster.writes()?.len();
    let refused = Api::<Secret>::namespaced(operator, "default")
        .create(&PostParams::default(), &Secret::default())
        .await;
    ensure!(refused.is_err(), "the operator made a Secret");
    let since = cluster.writes()?.split_off(before);
    let refused = since.iter().find(|write| write.resource == "secrets").context("not recorded")?;
    assert_eq!((refused.verb.as_str(), refused.code), ("create", 403));
    assert_eq!(refused.user, "system:serviceaccount:multinic-system:multinic-operator");
    Ok(())
}

async fn grants(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::ProducerWithAddressing).await?;
    let object = OpenstackConfig::new("storage", "10.20.0.0/24").with(Port::new(MAC, "worker-1"));
    database.producer().sync(&object).await?;

    let mut operator = database.operator_options().connect().await?;
    let run = async |statement: &'static str| sqlx::query(statement).execute(&mut operator).await;
    let mut run = run;
    run("SELECT * FROM multi_interface JOIN multi_subnet USING (subnet_id)").await?;
    run("UPDATE multi_interface SET netplan_success = 1, modified_at = NOW()").await?;
    for refused in [
        "UPDATE multi_interface SET macaddress = ''",
        "DELETE FROM multi_interface",
        "INSERT INTO multi_subnet (subnet_id) VALUES ('')",
    ] {
        ensure!(run(refused).await.is_err(), "the operator was allowed to {refused}");
    }
    assert_eq!(database.operator_statements().await?, Statements { selects: 1, updates: 1 });
    Ok(())
}

async fn restart(bed: &Testbed) -> Result<()> {
    let database = bed.database(Schema::Producer).await?;
    let object = OpenstackConfig::new("storage", "10.20.0.0/24").with(Port::new(MAC, "worker-1"));
    database.producer().sync(&object).await?;
    database.stop().await?;
    ensure!(database.operator_options().connect().await.is_err(), "the stopped database answers");
    database.resume().await?;
    assert_eq!(database.producer().success(MAC).await?, Some(false));
    Ok(())
}

async fn producer(bed: &Testbed, schema: Schema) -> Result<()> {
    let database = bed.database(schema).await?;
    let object = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(MAC, "worker-1").address("10.20.0.5").mtu(1450));
    let id = async || -> Result<i32> {
        Ok(sqlx::query_scalar("SELECT id FROM multi_interface").fetch_one(database.administrator()).await?)
    };
    database.producer().sync(&object).await?;
    let first = id().await?;
    database.execute("UPDATE multi_interface SET netplan_success = 1").await?;
    assert_eq!(database.producer().success(MAC).await?, Some(true));

    database.producer().sync(&object).await?;
    ensure!(id().await? != first, "the row kept its id");
    assert_eq!(database.producer().success(MAC).await?, Some(false));

    database.producer().delete(&object).await?;
    assert_eq!(database.producer().success(MAC).await?, None);
    Ok(())
}

async fn light_node(bed: &Testbed) -> Result<()> {
    nics_come_and_go(bed, Kind::Light).await
}

async fn full_node(bed: &Testbed) -> Result<()> {
    nics_come_and_go(bed, Kind::Full).await
}

async fn nics_come_and_go(bed: &Testbed, kind: Kind) -> Result<()> {
    let node = bed.node("worker-1", kind).await?;
    let uplink = node.link(&node.uplink_mac())?;
    assert_eq!(uplink.addresses, [format!("{}/24", node.address())]);
    ensure!(node.exec(&["ip", "route", "show", "default"])?.contains("dev eth0"), "no default route");
    let generated = node.host_root()?.join("run/systemd/network/10-netplan-eth0.network");
    ensure!(generated.exists(), "netplan does not configure the uplink");

    assert_eq!(node.plug(MAC)?, "eth1");
    let nic = eventually("the NIC", SOON, async || node.link(MAC)).await?;
    assert_eq!((nic.name.as_str(), nic.up, nic.addresses), ("eth1", false, vec![]));
    node.unplug(MAC)?;
    ensure!(node.link(MAC).is_err(), "the NIC is still there");
    Ok(())
}

async fn names_at_boot(bed: &Testbed) -> Result<()> {
    let node = bed.node("worker-1", Kind::Full).await?;
    node.plug(MAC)?;
    let yaml = format!(
        "network: {{version: 2, ethernets: {{multinic3: {{match: {{macaddress: '{MAC}'}}, set-name: multinic3, \
         addresses: [10.20.0.5/24], mtu: 1450}}}}}}"
    );
    std::fs::write(node.host_root()?.join("etc/netplan/60-multinic-multinic3.yaml"), yaml)?;
    node.reboot().await?;
    let nic = eventually("networkd", SOON, async || {
        let nic = node.link(MAC)?;
        ensure!(nic.up && !nic.addresses.is_empty(), "not configured: {nic:?}");
        Ok(nic)
    })
    .await?;
    assert_eq!(
        (nic.name.as_str(), nic.mtu, nic.addresses),
        ("multinic3", 1450, vec!["10.20.0.5/24".to_owned()])
    );
    Ok(())
}

/// What the product must never do, to see that it would be noticed.
async fn harm(bed: &Testbed) -> Result<()> {
    let node = bed.node("worker-1", Kind::Full).await?;
    let quiet = node.monitor().await?;
    node.plug(MAC)?;
    node.exec(&["ip", "link", "set", "eth1", "up"])?;
    ensure!(!quiet.about("eth1").await?.is_empty(), "the monitor sees nothing");
    assert_eq!(quiet.finish().await?, Harm::default());

    let loud = node.monitor().await?;
    node.exec(&["netplan", "apply"])?;
    eventually("the foreign rules to go", SOON, async || {
        ensure!(!loud.about("eth0").await?.is_empty(), "nothing happened to the uplink");
        Ok(())
    })
    .await?;
    let harm = loud.finish().await?;
    ensure!(
        !harm.notifications.is_empty() && !harm.lost_state.is_empty(),
        "netplan apply did no harm: {harm:?}"
    );
    Ok(())
}
