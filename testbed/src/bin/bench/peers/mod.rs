//! multinic beside other ways to configure a NIC that is plugged in, on the same node and in one run.

mod cloud_init;
mod contender;
mod metadata;
mod round;
mod timeline;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use multinic_testbed::setup::node_image;
use multinic_testbed::{Kind, Node, Schema, Testbed, World};

use crate::output::say;
use contender::{CONTENDERS, Contender, PLUGS, Way};
use metadata::Metadata;
use round::Round;

/// What takes part.
const PACKAGES: [&str; 4] = ["systemd", "netplan.io", "cloud-init", "iproute2"];

/// What was measured.
pub(crate) struct Comparison {
    pub(crate) outcomes: Vec<Outcome>,
    /// The processor time of a plug that nobody acts on, udev and networkd included.
    pub(crate) nobody: Duration,
    /// What it was measured on, as lines.
    pub(crate) facts: Vec<String>,
}

/// How one contender did.
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    /// Whether the NIC has its lasting name before the next boot.
    pub(crate) names: bool,
    pub(crate) rounds: Vec<Round>,
    /// Of what stays running.
    pub(crate) memory: Option<u64>,
}

/// The image of the node. All contenders have the same one, so cloud-init is on it, and off.
pub(crate) fn image() -> Result<PathBuf> {
    node_image::ensure_with("bench-node-image", "node image with cloud-init", "cloud-init")
}

/// Has every contender configure a NIC, then every one the next, so that what else this machine does falls on all of them.
pub(crate) async fn compare(bed: &Testbed, image: &Path, build: &str) -> Result<Comparison> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let _names = cloud_init::name_server(bed).await?;
    let mut nodes = Vec::new();
    for contender in &CONTENDERS {
        nodes.push(node(bed, image, contender).await?);
    }
    let before = load()?;
    let metadata = Metadata::default();
    let mut outcomes = tokio::select! {
        outcomes = take_turns(&world, &nodes, &metadata) => outcomes?,
        ended = metadata.serve(bed) => return ended.and_then(|()| bail!("the metadata service has ended")),
    };
    let nobody = outcomes.remove(0);
    ensure!(nobody.name == CONTENDERS[0].name, "nobody comes first");
    let facts = facts(&nodes[0], &PACKAGES, build, &before)?;
    Ok(Comparison { outcomes, nobody: nobody.cpu(), facts })
}

/// A node of its own for each, so that none finds what another has left.
async fn node<'bed>(bed: &'bed Testbed, image: &Path, contender: &Contender) -> Result<Node<'bed>> {
    let mut node = Node::build(bed, contender.node, bed.next_node(), Kind::Full, image)?;
    cloud_init::put_aside(&mut node)?;
    node.power_on().await?;
    Ok(node)
}

async fn take_turns(world: &World<'_>, nodes: &[Node<'_>], metadata: &Metadata) -> Result<Vec<Outcome>> {
    for (contender, node) in CONTENDERS.iter().zip(nodes) {
        contender.start(world, node, metadata).await.with_context(|| contender.name)?;
    }
    let mut rounds = CONTENDERS.map(|_| Vec::new());
    for n in 0..PLUGS {
        say(&format!("NIC {} of {PLUGS}", n + 1))?;
        for ((contender, node), rounds) in CONTENDERS.iter().zip(nodes).zip(&mut rounds) {
            let round = contender.plug(world, node, metadata, n).await.with_context(|| contender.name)?;
            if let Some(took) = round.took {
                let (took, events) = (took.as_millis(), round.harm.notifications.len());
                say(&format!("  {}: {took} ms, {events} uplink events", contender.name))?;
            }
            rounds.push(round);
        }
    }
    let outcome = |((contender, node), rounds): ((&Contender, &Node<'_>), Vec<Round>)| {
        let memory = (contender.way == Way::Agent).then(|| node.agent()?.resident_memory()).transpose()?;
        Ok(Outcome { name: contender.name, names: contender.names, rounds, memory })
    };
    CONTENDERS.iter().zip(nodes).zip(rounds).map(outcome).collect()
}

impl Outcome {
    /// From the least to the most.
    pub(crate) fn took(&self) -> Vec<Duration> {
        let mut took: Vec<_> = self.rounds.iter().filter_map(|round| round.took).collect();
        took.sort_unstable();
        took
    }

    /// The processor time of a plug, on average.
    pub(crate) fn cpu(&self) -> Duration {
        let rounds = u32::try_from(self.rounds.len()).unwrap_or(u32::MAX);
        self.rounds.iter().map(|round| round.cpu).sum::<Duration>() / rounds
    }
}

/// What it was measured on: the machine, what is on the node, the agent's `build`, and how busy the machine was `before`.
pub(crate) fn facts(node: &Node<'_>, names: &[&str], build: &str, before: &str) -> Result<Vec<String>> {
    let build = format!("The agent is its {build} build.");
    let load = format!("Load average of the last minute: {before} at the start, {} at the end.", load()?);
    Ok(vec![processors()?, packages(node, names)?, build, load])
}

fn processors() -> Result<String> {
    let processors = std::thread::available_parallelism()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    // What follows the version is how this host was made.
    let version = kernel.trim().split('-').next().unwrap_or_default();
    Ok(format!("{processors} processors, Linux {version}."))
}

pub(crate) fn load() -> Result<String> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    Ok(load.split(' ').next().unwrap_or_default().to_owned())
}

/// The versions of what takes part.
fn packages(node: &Node<'_>, names: &[&str]) -> Result<String> {
    let query = ["dpkg-query", "-W", "-f=${Package} ${Version}, "];
    let listed = node.exec(&[&query, names].concat())?;
    Ok(format!("On the node: {}.", listed.trim_end_matches(", ")))
}
