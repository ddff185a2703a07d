//! Shows the product on real parts, and tells what happens as it happens.

mod keep;
mod narrator;
mod story;

use anyhow::{Result, bail};
use multinic_testbed::{Kind, Testbed, binaries, full_node_obstacle, setup};

use narrator::Narrator;

fn main() -> Result<()> {
    let keep = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--keep") => true,
        Some(other) => {
            bail!("unknown argument {other}: the only one is --keep, which leaves the demo running")
        }
    };
    if let Some(obstacle) = setup::obstacle() {
        bail!("the demo cannot run here: {obstacle}");
    }
    let narrator = Narrator::start();
    narrator.tell("Setting up; only the first time takes minutes.")?;
    setup::ensure()?;
    binaries()?;
    let kind = match full_node_obstacle() {
        None => Kind::Full,
        Some(obstacle) => {
            narrator.tell(&format!("{obstacle}\nThe demo uses light nodes, which cannot reboot."))?;
            Kind::Light
        }
    };

    Testbed::run(async |bed: &Testbed| {
        tokio::select! {
            told = story::tell(bed, &narrator, kind, keep) => told,
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        }
    })?;
    Ok(narrator.tell("Everything is torn down.")?)
}
