//! What a table says by accident takes no NIC away; what it says on purpose does, once a person confirms.

use anyhow::{Context, Result, ensure};
use multinic_testbed::{Kind, Needs, Node, OpenstackConfig, Port, Schema, Suite, Testbed, World};

const CONTROL: &str = "fa:16:3e:00:00:0c";
/// Its row stays as it is: a table without any row for this cluster takes nothing away.
const STAYS: &str = "fa:16:3e:00:00:0d";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell("names_that_stop_matching_take_no_nic_off_its_node", Needs::Testbed, renamed).tell(
        "five_of_six_nics_and_then_the_last_go_only_once_a_person_confirms",
        Needs::Testbed,
        confirmed,
    )
}

/// Two nodes with three NICs each, all configured.
struct Scene<'bed> {
    world: World<'bed>,
    nodes: [Node<'bed>; 2],
    object: OpenstackConfig,
}

impl<'bed> Scene<'bed> {
    async fn set(bed: &'bed Testbed) -> Result<Self> {
        let world = bed.world(Schema::ProducerWithAddressing).await?;
        let nodes = [bed.node("worker-1", Kind::Light).await?, bed.node("worker-2", Kind::Light).await?];
        let mut object = OpenstackConfig::new("storage", "10.20.0.0/24");
        for (number, node) in nodes.iter().enumerate() {
            for nic in 0..3 {
                let last = 3 * number + nic + 1;
                let mac = format!("fa:16:3e:00:00:{last:02x}");
                node.plug(&mac)?;
                object = object.with(Port::new(&mac, node.name()).address(&format!("10.20.0.{last}")));
            }
            node.join(&world.cluster).await?;
        }
        world.database.producer().sync(&object).await?;
        let scene = Self { world, nodes, object };
        for port in &scene.object.ports {
            scene.world.configured(scene.node_of(port), &port.mac).await?;
        }
        Ok(scene)
    }

    fn node_of(&self, port: &Port) -> &Node<'bed> {
        &self.nodes[usize::from(self.nodes[1].name() == port.node)]
    }

    /// Every NIC of `ports` is on its node as it was configured.
    fn are_there(&self, ports: &[Port]) -> Result<()> {
        for port in ports {
            let nic = self.node_of(port).link(&port.mac)?;
            ensure!(nic.up && nic.name.starts_with("multinic") && !nic.addresses.is_empty(), "{nic:?}");
        }
        Ok(())
    }

    /// Runs the command that the condition of `node` asks for.
    async fn confirm(&self, node: &Node<'_>) -> Result<()> {
        let message = self.world.condition(node, "Synced").await?.message;
        let (_, command) =
            message.split_once("kubectl ").with_context(|| format!("no command: {message}"))?;
        let (arguments, rest) = command.split_once("confirm-removal=").context("no token")?;
        let token = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let command = format!("{arguments}confirm-removal={token}");
        self.world.cluster.kubectl(&command.split_whitespace().collect::<Vec<_>>())?;
        Ok(())
    }
}

async fn renamed(bed: &Testbed) -> Result<()> {
    let scene = Scene::set(bed).await?;
    let Scene { world, nodes, object } = &scene;
    let producer = world.database.producer();
    // One whose row goes at the same time, and so tells when the others would have gone.
    nodes[0].plug(CONTROL)?;
    nodes[1].plug(STAYS)?;
    let control = OpenstackConfig::new("control", "10.30.0.0/24").with(Port::new(CONTROL, "worker-1"));
    let stays = OpenstackConfig::new("stays", "10.40.0.0/24").with(Port::new(STAYS, "worker-2"));
    producer.sync(&control).await?;
    producer.sync(&stays).await?;
    world.configured(&nodes[0], CONTROL).await?;
    world.configured(&nodes[1], STAYS).await?;

    let rename = |port: &Port| Port { node: format!("{}-of-a-new-form", port.node), ..port.clone() };
    let renamed = OpenstackConfig { ports: object.ports.iter().map(rename).collect(), ..object.clone() };
    producer.sync(&renamed).await?;
    producer.delete(&control).await?;
    world.removed(&nodes[0], CONTROL).await?;
    for node in nodes {
        let synced = world.synced(node, "UnmatchedRows").await?;
        ensure!(synced.status == "False" && synced.message.contains("-of-a-new-form"), "{synced:?}");
    }
    scene.are_there(&object.ports)?;
    for port in &object.ports {
        ensure!(producer.success(&port.mac).await? == Some(false), "{} is a success", port.mac);
    }

    producer.sync(object).await?;
    for port in &object.ports {
        world.configured(scene.node_of(port), &port.mac).await?;
    }
    world.synced(&nodes[0], "Synced").await?;
    Ok(())
}

async fn confirmed(bed: &Testbed) -> Result<()> {
    let scene = Scene::set(bed).await?;
    let Scene { world, nodes, object } = &scene;
    let producer = world.database.producer();
    let (last, gone) = object.ports.split_last().context("no ports")?;
    let left = OpenstackConfig { ports: vec![last.clone()], ..object.clone() };
    producer.sync(&left).await?;
    as_long_as_a_proof(world).await?;
    for node in nodes {
        world.synced(node, "ShrinkGuard").await?;
    }
    scene.are_there(&object.ports)?;

    scene.confirm(&nodes[0]).await?;
    for port in gone {
        world.removed(scene.node_of(port), &port.mac).await?;
    }
    for node in nodes {
        world.synced(node, "Synced").await?;
    }
    scene.are_there(std::slice::from_ref(last))?;

    producer.delete(&left).await?;
    world.synced(&nodes[1], "ShrinkGuard").await?;
    as_long_as_a_proof(world).await?;
    scene.are_there(std::slice::from_ref(last))?;
    scene.confirm(&nodes[1]).await?;
    world.removed(&nodes[1], &last.mac).await?;
    world.synced(&nodes[1], "Synced").await?;
    Ok(())
}

/// As many syncs as would prove that rows are gone, and some more.
async fn as_long_as_a_proof(world: &World<'_>) -> Result<()> {
    for _ in 0..5 {
        world.syncs(8).await?;
    }
    Ok(())
}
