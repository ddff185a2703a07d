//! What others do to NICs that are configured, and how long it stays so: multinic beside other ways to configure them.

mod boots;
mod contender;
mod looks;

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use multinic_testbed::{ControlPlane, Kind, Node, SOON, Testbed, eventually};

use crate::output::say;
use crate::peers::{facts, load};
pub(crate) use boots::{Boot, Boots, Outcome as BootOutcome};
use contender::{CONTENDERS, Contender};
use looks::{Gap, Looks};

const LOOKS: &str = include_str!("on-node/looks.sh");
const RESTART: [&str; 3] = ["systemctl", "restart", "systemd-networkd"];
/// What takes part.
const PACKAGES: [&str; 3] = ["systemd", "netplan.io", "iproute2"];
/// multinic leaves a NIC alone that is broken five times within ten minutes.
const ROUNDS: usize = 3;
/// What is not there by then never comes.
pub(crate) const NEVER: Duration = Duration::from_secs(20);
/// What multinic promises.
pub(crate) const LIMIT: Duration = Duration::from_millis(500);

/// What was measured.
pub(crate) struct Restarts {
    pub(crate) outcomes: Vec<Outcome>,
    /// What it was measured on, as lines.
    pub(crate) facts: Vec<String>,
}

/// How one contender did.
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    /// How many addresses, routes and rules there are of its NICs.
    pub(crate) count: usize,
    pub(crate) rounds: Vec<Gap>,
}

/// Restarts networkd on every contender's node, then on every one again; then boots them all with a bad file.
pub(crate) async fn faults(bed: &Testbed, build: &str) -> Result<(Restarts, Boots)> {
    let cluster = bed.control_plane().await?;
    let mut nodes = Vec::new();
    for contender in &CONTENDERS {
        let node = bed.node(contender.node, Kind::Full).await?;
        contender.start(&cluster, &node).await.with_context(|| contender.name)?;
        nodes.push(node);
    }
    let restarts = restarts(&cluster, &nodes, build).await?;
    let boots = boots::boots(&nodes, build).await?;
    Ok((restarts, boots))
}

async fn restarts(cluster: &ControlPlane<'_>, nodes: &[Node<'_>], build: &str) -> Result<Restarts> {
    let before = load()?;
    let mut outcomes: Vec<_> = CONTENDERS.iter().map(Outcome::of).collect();
    for round in 0..ROUNDS {
        say(&format!("restart {} of {ROUNDS}", round + 1))?;
        for ((contender, node), outcome) in CONTENDERS.iter().zip(nodes).zip(&mut outcomes) {
            contender.configure(cluster, node).await.with_context(|| contender.name)?;
            let (count, gap) = restart(node, contender, round).await.with_context(|| contender.name)?;
            say(&format!("  {}: {gap:?}", contender.name))?;
            outcome.count = count;
            outcome.rounds.push(gap);
        }
    }
    Ok(Restarts { outcomes, facts: facts(&nodes[0], &PACKAGES, build, &before)? })
}

/// How much there is of the NICs, and what came of it.
async fn restart(node: &Node<'_>, contender: &Contender, round: usize) -> Result<(usize, Gap)> {
    let watch = node.run_beside(&format!("looks-{round}"), LOOKS)?;
    let wanted = eventually("all of the NICs to be there", SOON, async || {
        let wanted = Looks::parse(&watch.log()?).last();
        ensure!(contender.is_complete(&wanted), "there is {wanted:#?}");
        Ok(wanted)
    })
    .await?;
    let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    node.exec(&RESTART)?;
    // All of it, since what came back may go once more.
    tokio::time::sleep(NEVER).await;
    Ok((wanted.len(), Looks::parse(&watch.log()?).gap(&wanted, at)))
}

impl Outcome {
    fn of(contender: &Contender) -> Self {
        Self { name: contender.name, count: 0, rounds: Vec::new() }
    }

    /// How much of it went, in the worst round.
    pub(crate) fn went(&self) -> usize {
        self.rounds.iter().map(|gap| gap.went.len()).max().unwrap_or(0)
    }

    /// The rounds in which a look found something gone. Where there are fewer than restarts, looks came too seldom to tell.
    pub(crate) fn seen(&self) -> impl Iterator<Item = &Gap> {
        self.rounds.iter().filter(|gap| !gap.went.is_empty())
    }

    /// Of those, from the least to the most; one after which something stays away counts as never, the most.
    pub(crate) fn sorted(&self, time: impl Fn(&Gap) -> Option<Duration>) -> Vec<Option<Duration>> {
        let mut times: Vec<_> = self.seen().map(time).collect();
        times.sort_unstable_by_key(|time| time.unwrap_or(Duration::MAX));
        times
    }
}
