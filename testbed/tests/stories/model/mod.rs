//! Random lives of a node against a plain model of what must hold.
//!
//! Deeds of everybody, the object's author, the cloud, other programs on the node, and whatever kills agents, happen one after
//! the other or at once. Whenever the node has settled, every NIC must be what the model says, and the uplink may never
//! notice. A life that goes wrong is told by its seed, and by the fewest of its deeds that still go wrong.

mod deed;
mod expected;
mod life;

use anyhow::{Context, Result};
use multinic_testbed::{
    ControlPlane, Draw, Kind, Needs, Suite, System, Testbed, at_length, named, setup, skip,
};

use self::{deed::Deed, expected::Expected, life::Life};

/// How many lives are led to find the fewest deeds that go wrong.
const ATTEMPTS: usize = 40;
/// How many deeds a short life has, and a long one.
const DEEDS: [usize; 2] = [24, 1000];

pub(crate) fn tell(suite: Suite) -> Suite {
    let systems = setup::SYSTEMS.into_iter().filter(|system| at_length() || system.is_usual());
    systems.fold(suite, |suite, system| {
        let name = named(&format!("a_random_life_never_leaves_what_is_wanted_on_{}", system.name));
        suite.tell(&name, Needs::FullNodes, async move |bed: &Testbed| random(bed, system).await)
    })
}

async fn random(bed: &Testbed, system: &'static System) -> Result<()> {
    if let Some(obstacle) = system.obstacle() {
        return Err(skip(obstacle));
    }
    let mut draw = Draw::new(system.name, DEEDS[usize::from(at_length())])?;
    let deeds = deeds(&mut draw);
    let lives = Lives { bed, system, cluster: bed.control_plane().await? };
    let Err(error) = lives.live("worker-1", &deeds).await else {
        let count: usize = deeds.iter().map(Vec::len).sum();
        eprintln!(
            "{}: {count} deeds; of the uplink 0 notifications, 0 pings and nothing of others lost",
            system.name
        );
        return Ok(());
    };
    let fewest = lives.fewest(deeds).await;
    let told: Vec<_> = fewest.iter().flatten().map(ToString::to_string).collect();
    let seed = draw.seed;
    Err(error).with_context(|| format!("MULTINIC_SOAK_SEED={seed}; the fewest deeds:\n{}", told.join("\n")))
}

/// Bursts of one to three deeds, of which each is possible at its time.
fn deeds(draw: &mut Draw) -> Vec<Vec<Deed>> {
    let (mut expected, mut bursts) = (Expected::default(), Vec::new());
    let mut left = draw.inputs;
    while left > 0 {
        let mut burst = Vec::new();
        for _ in 0..=draw.up_to(2) {
            let deed = Deed::draw(draw);
            if expected.allows(deed) {
                expected.follow(deed);
                burst.push(deed);
            }
        }
        left = left.saturating_sub(burst.len());
        bursts.push(burst);
    }
    bursts
}

/// Where lives are led, each on a node of its own.
struct Lives<'bed> {
    bed: &'bed Testbed,
    system: &'static System,
    cluster: ControlPlane<'bed>,
}

impl Lives<'_> {
    async fn live(&self, name: &str, bursts: &[Vec<Deed>]) -> Result<()> {
        let node = self.bed.node(name, Kind::Of(self.system)).await?;
        let monitor = node.monitor().await?;
        let mut life = Life::begin(&self.cluster, &node).await?;
        for (number, burst) in bursts.iter().enumerate() {
            life.happen(burst).await.with_context(|| format!("burst {number}: {burst:?}"))?;
        }
        life.end(monitor).await
    }

    /// The fewest bursts that still go wrong, of those that lead to it.
    async fn fewest(&self, mut bursts: Vec<Vec<Deed>>) -> Vec<Vec<Deed>> {
        let mut part = bursts.len().div_ceil(2);
        let mut lives = 1..ATTEMPTS;
        while part > 0 {
            let mut shorter = None;
            for start in (0..bursts.len()).step_by(part) {
                let mut some = bursts.clone();
                some.drain(start..(start + part).min(bursts.len()));
                let some = possible(some);
                let Some(number) = lives.next() else { return bursts };
                if !some.is_empty() && self.live(&format!("again-{number}"), &some).await.is_err() {
                    shorter = Some(some);
                    break;
                }
            }
            match shorter {
                Some(some) => bursts = some,
                None => part /= 2,
            }
        }
        bursts
    }
}

/// Without what is not possible any more once other deeds are left out.
fn possible(bursts: Vec<Vec<Deed>>) -> Vec<Vec<Deed>> {
    let mut expected = Expected::default();
    let mut keep = |deed: &Deed| {
        let allowed = expected.allows(*deed);
        if allowed {
            expected.follow(*deed);
        }
        allowed
    };
    let kept = bursts.into_iter().map(|burst| burst.into_iter().filter(&mut keep).collect::<Vec<_>>());
    kept.filter(|burst| !burst.is_empty()).collect()
}
