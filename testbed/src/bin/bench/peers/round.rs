//! One NIC that is plugged in, and all that comes of it.

use std::time::Duration;

use anyhow::{Context, Result};
use multinic_testbed::{Harm, Node, SOON, eventually};

use super::timeline::{Wanted, took};

/// How long after the NIC is right something may still happen that counts: networkd and udev go on for a while.
const AFTERMATH: Duration = Duration::from_secs(4);

/// What was measured.
#[derive(Debug)]
pub(crate) struct Round {
    /// From plug to right, where that was waited for.
    pub(crate) took: Option<Duration>,
    pub(crate) harm: Harm,
    /// The processor time of everything on the node.
    pub(crate) cpu: Duration,
}

/// Plugs the NIC in and waits for it to be right, if anybody `acts` on it, and for what comes after that.
pub(super) async fn measure(node: &Node<'_>, wanted: &Wanted, acts: bool) -> Result<Round> {
    let monitor = node.monitor().await?;
    let cpu = node.cpu_time()?;
    node.plug(&wanted.mac)?;
    let right = || took(&monitor.record()?, wanted).with_context(|| format!("{wanted:?} is not there"));
    if acts {
        eventually("the NIC to be right", SOON, async || right()).await?;
    }
    tokio::time::sleep(AFTERMATH).await;
    // Some take away again what they gave.
    let took = acts.then(right).transpose()?;
    let cpu = node.cpu_time()?.saturating_sub(cpu);
    Ok(Round { took, harm: monitor.finish().await?, cpu })
}
