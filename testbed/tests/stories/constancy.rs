//! What is right is left alone, whatever else comes and goes.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use multinic_crds::{InterfaceState, NodeNetworkConfig};
use multinic_testbed::{
    Harm, Kind, Link, Needs, Node, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, World, eventually,
};

use crate::witness::{Files, all_is_well, disturbances, start_agent, syncs, syncs_pass, writes};

/// In the earlier slot, although its MAC is the later one: no slot is right by accident.
const EARLIER: &str = "fa:16:3e:00:00:02";
const LATER: &str = "fa:16:3e:00:00:01";
const MISSING: &str = "fa:16:3e:00:00:03";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("a04_an_idle_cluster_makes_one_select_a_sync_and_no_write_anywhere", Needs::FullNodes, idle)
        .tell(
            "a08_an_object_deleted_by_hand_comes_back_with_the_same_slots_unseen_by_the_node",
            Needs::FullNodes,
            async |bed: &Testbed| deleted_object(bed, false).await,
        )
        .tell(
            "a08_an_object_deleted_while_no_operator_runs_comes_back_with_the_same_slots_unseen_by_the_node",
            Needs::FullNodes,
            async |bed: &Testbed| deleted_object(bed, true).await,
        )
        .tell("a09_agents_come_and_go_unseen_by_node_and_cluster", Needs::FullNodes, agents)
        .tell(
            "a11_names_stay_over_new_row_ids_and_over_a_reboot_that_no_agent_attends",
            Needs::FullNodes,
            new_ids_and_reboot,
        )
}

/// A node with a NIC in each of two networks, both right.
struct Scene<'bed> {
    world: World<'bed>,
    node: Node<'bed>,
    objects: [OpenstackConfig; 2],
}

impl<'bed> Scene<'bed> {
    async fn set(bed: &'bed Testbed) -> Result<Self> {
        let world = bed.world(Schema::ProducerWithAddressing).await?;
        let node = bed.node("worker-1", Kind::Full).await?;
        node.plug(LATER)?;
        node.plug(EARLIER)?;
        node.join(&world.cluster).await?;
        let objects = [
            OpenstackConfig::new("storage", "10.20.0.0/24")
                .with(Port::new(EARLIER, "worker-1").address("10.20.0.5").mtu(1450)),
            OpenstackConfig::new("backup", "2001:db8:20::/64")
                .with(Port::new(LATER, "worker-1").address("2001:db8:20::5")),
        ];
        for object in &objects {
            world.database.producer().sync(object).await?;
            world.configured(&node, &object.ports[0].mac).await?;
        }
        let scene = Self { world, node, objects };
        scene.all_is_well().await?;
        assert_eq!(scene.node.link(EARLIER)?.name, "multinic0");
        assert_eq!(scene.node.link(LATER)?.name, "multinic1");
        Ok(scene)
    }

    /// Waits until every party says that both NICs are right.
    async fn all_is_well(&self) -> Result<NodeNetworkConfig> {
        self.world.configured(&self.node, EARLIER).await?;
        self.world.configured(&self.node, LATER).await?;
        all_is_well(&self.world, &self.node).await
    }
}

async fn idle(bed: &Testbed) -> Result<()> {
    let Scene { world, node, objects: [storage, _] } = Scene::set(bed).await?;
    let bare = bed.node("worker-2", Kind::Light).await?;
    bare.join(&world.cluster).await?;
    all_is_well(&world, &bare).await?;
    // What waits for something is as idle as what is right.
    world.database.producer().insert(&storage, &Port::new(MISSING, "worker-1")).await?;
    world.settled(&node, MISSING, InterfaceState::DeviceMissing).await?;
    syncs_pass(2).await?;

    // To listen is to stir the node, so that its agent looks, and must find nothing to do.
    let monitor = node.monitor().await?;
    let (files, written, versions) = (Files::of(&node)?, writes(&world)?.len(), versions(&world).await?);
    let (syncs_before, before) = (syncs().await?, world.database.operator_statements().await?);
    syncs_pass(5).await?;
    let (syncs_after, after) = (syncs().await?, world.database.operator_statements().await?);

    assert_eq!(after.updates, before.updates);
    // Either count may have been taken in the middle of a sync.
    let (passed, selects) = (syncs_after - syncs_before, after.selects - before.selects);
    ensure!(passed.abs_diff(selects) <= 1, "{selects} SELECTs in {passed} syncs");
    assert_eq!(disturbances(&node, &monitor).await?, [""; 0]);
    assert_eq!(monitor.finish().await?, Harm::default());
    assert_eq!(writes(&world)?[written..], []);
    assert_eq!(self::versions(&world).await?, versions);
    assert_eq!(files.touched(&node)?, BTreeSet::new());
    for node in [&node, &bare] {
        node.agent()?.resident_memory().context("the agent idles by not running")?;
    }
    Ok(())
}

/// The resource versions of all Nodes and all objects.
async fn versions(world: &World<'_>) -> Result<Vec<(String, Option<String>)>> {
    let client = world.cluster.client();
    let nodes = Api::<KubeNode>::all(client.clone()).list(&ListParams::default()).await?;
    let configs = Api::<NodeNetworkConfig>::all(client).list(&ListParams::default()).await?;
    let nodes = nodes.iter().map(|node| (node.name_any(), node.resource_version()));
    let configs = configs.iter().map(|config| (config.name_any(), config.resource_version()));
    Ok(nodes.chain(configs).collect())
}

/// With an operator that sees it go, or `unseen` by any.
async fn deleted_object(bed: &Testbed, unseen: bool) -> Result<()> {
    let scene = Scene::set(bed).await?;
    let Scene { world, node, .. } = &scene;
    let before = world.config(node).await?;
    let (monitor, files) = (node.monitor().await?, Files::of(node)?);

    if unseen {
        world.operator.stop().await?;
    }
    world.cluster.kubectl(&["delete", "nodenetworkconfig", node.name(), "--wait=false"])?;
    if unseen {
        world.operator.resume()?;
    }
    eventually("the object to be made again, as it was", SOON, async || {
        let config = world.config(node).await?;
        ensure!(config.uid() != before.uid(), "still the old one");
        ensure!(config.spec == before.spec, "{:?}", config.spec);
        Ok(())
    })
    .await?;
    let after = scene.all_is_well().await?;

    assert_eq!(after.spec, before.spec);
    assert_eq!(disturbances(node, &monitor).await?, [""; 0]);
    assert_eq!(monitor.finish().await?, Harm::default());
    // The agent remembers another object, and may have asked netplan about the next boot in its own directory. That is all.
    let mut touched = files.touched(node)?;
    touched.retain(|path| {
        !["var/lib/multinic", "var/lib/multinic/object.json"].map(Path::new).contains(&&**path)
            && !path.starts_with("run/multinic")
    });
    assert_eq!(touched, BTreeSet::new());
    Ok(())
}

async fn agents(bed: &Testbed) -> Result<()> {
    let Scene { world, node, .. } = Scene::set(bed).await?;
    syncs_pass(2).await?;
    let (monitor, files, written) = (node.monitor().await?, Files::of(&node)?, writes(&world)?.len());

    node.stop_agent().await?;
    start_agent(&world, &node).await?;
    node.kill_agent()?;
    start_agent(&world, &node).await?;

    assert_eq!(disturbances(&node, &monitor).await?, [""; 0]);
    assert_eq!(monitor.finish().await?, Harm::default());
    assert_eq!(writes(&world)?[written..], []);
    // An agent that starts asks netplan about the next boot, in its own directory, and leaves nothing there.
    assert_eq!(files.touched(&node)?, [PathBuf::from("run/multinic")].into());
    Ok(())
}

async fn new_ids_and_reboot(bed: &Testbed) -> Result<()> {
    let scene = Scene::set(bed).await?;
    syncs_pass(2).await?;
    all_new_ids(&scene).await?;
    reboot(&scene).await?;
    given_back_after_all(&scene).await
}

async fn all_new_ids(scene: &Scene<'_>) -> Result<()> {
    let Scene { world, node, objects } = scene;
    let (monitor, files, written) = (node.monitor().await?, Files::of(node)?, writes(world)?.len());
    let before = ids(world).await?;

    for object in objects {
        world.database.producer().sync(object).await?;
    }
    ensure!(ids(world).await?.is_disjoint(&before), "a row kept its id");
    scene.all_is_well().await?;
    syncs_pass(2).await?;

    assert_eq!(disturbances(node, &monitor).await?, [""; 0]);
    assert_eq!(writes(world)?[written..], []);
    assert_eq!(files.touched(node)?, BTreeSet::new());
    Ok(())
}

async fn ids(world: &World<'_>) -> Result<BTreeSet<i32>> {
    let ids: Vec<i32> = sqlx::query_scalar("SELECT id FROM multi_interface")
        .fetch_all(world.database.administrator())
        .await?;
    Ok(ids.into_iter().collect())
}

async fn reboot(scene: &Scene<'_>) -> Result<()> {
    let Scene { world, node, .. } = scene;
    let before = [node.link(EARLIER)?, node.link(LATER)?];
    node.reboot().await?;
    for link in &before {
        node.exec(&["/usr/lib/systemd/systemd-networkd-wait-online", "--interface", &link.name])?;
        // A NIC that was plugged in anew has another number.
        let now = node.link(&link.mac)?;
        assert_eq!(Link { index: link.index, ..now }, *link);
    }
    ensure!(node.agent().is_err(), "an agent attended");

    let (monitor, files) = (node.monitor().await?, Files::of(node)?);
    start_agent(world, node).await?;
    let config = scene.all_is_well().await?;
    ensure!(!config.status.context("no status")?.boot_id.is_empty(), "no boot id");
    assert_eq!(disturbances(node, &monitor).await?, [""; 0]);
    assert_eq!(monitor.finish().await?, Harm::default());
    // Gone with the boot, and needed by an agent.
    let own = ["run/multinic", "run/multinic/agent.lock", "run/multinic/vital.json"].map(PathBuf::from);
    assert_eq!(files.touched(node)?, own.into());
    Ok(())
}

/// What networkd made of the boot files must not hold on to the NIC.
async fn given_back_after_all(scene: &Scene<'_>) -> Result<()> {
    let Scene { world, node, .. } = scene;
    let monitor = node.monitor().await?;
    let root = node.host_root()?;
    let files =
        ["etc/netplan/60-multinic-multinic1.yaml", "run/systemd/network/10-netplan-multinic1.network"];
    for file in files {
        ensure!(root.join(file).exists(), "there is no {file}");
    }
    world.database.producer().remove(LATER).await?;
    world.removed(node, LATER).await?;
    syncs_pass(2).await?;

    let link = node.link(LATER)?;
    assert_eq!((link.name.as_str(), link.up, link.addresses), ("eth1", false, vec![]));
    for file in files {
        ensure!(!root.join(file).exists(), "{file} is still there");
    }
    assert_eq!(monitor.about("multinic0").await?, [""; 0]);
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}
