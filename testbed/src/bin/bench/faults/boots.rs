//! Boots with a file of somebody else's that netplan cannot read: up to release 1.0 its generator then makes nothing of any file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use multinic_testbed::setup::system::NETWORKD;
use multinic_testbed::{Link, Node, UPLINK, eventually};

use super::contender::{CONTENDERS, Contender};
use super::looks::Looks;
use super::{LOOKS, NEVER, PACKAGES};
use crate::output::say;
use crate::peers::{facts, load};

const BAD: &str = include_str!("on-node/not-for-netplan.yaml");
const BAD_FILE: &str = "etc/netplan/55-somebody.yaml";

/// What was measured.
pub(crate) struct Boots {
    pub(crate) outcomes: Vec<Outcome>,
    /// What it was measured on, as lines.
    pub(crate) facts: Vec<String>,
}

/// How one contender's node booted.
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    /// With good files alone.
    pub(crate) good: Boot,
    /// With the bad file, where netplan has the uplink.
    pub(crate) uplink_of_netplan: Boot,
    /// With the bad file, where a file of networkd's has the uplink.
    pub(crate) uplink_of_networkd: Boot,
}

/// What came of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Boot {
    /// Whether the uplink had its address in time.
    pub(crate) uplink: bool,
    /// How long after the boot all of the NICs was there.
    pub(crate) nics: Option<Duration>,
}

/// Boots every contender's node: with good files alone, then with the bad one, then with that and an uplink of networkd's.
pub(super) async fn boots(nodes: &[Node<'_>], build: &str) -> Result<Boots> {
    let before = load()?;
    let mut outcomes = Vec::new();
    for (contender, node) in CONTENDERS.iter().zip(nodes).filter(|(contender, _)| !contender.is_rebooted()) {
        let outcome = each_boot(contender, node).await.with_context(|| contender.name)?;
        say(&format!("boots, {}: {}", contender.name, outcome.line()))?;
        outcomes.push(outcome);
    }
    Ok(Boots { outcomes, facts: facts(&nodes[0], &PACKAGES, build, &before)? })
}

async fn each_boot(contender: &Contender, node: &Node<'_>) -> Result<Outcome> {
    let good = boot(contender, node, "good").await?;
    put(&node.host_root()?)?;
    let uplink_of_netplan = boot(contender, node, "bad").await?;
    node.add_uplink_of(&NETWORKD)?;
    let uplink_of_networkd = boot(contender, node, "bad-uplink").await?;
    Ok(Outcome { name: contender.name, good, uplink_of_netplan, uplink_of_networkd })
}

fn put(root: &Path) -> Result<()> {
    let path = root.join(BAD_FILE);
    fs::write(&path, BAD)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
}

async fn boot(contender: &Contender, node: &Node<'_>, name: &str) -> Result<Boot> {
    node.reboot_in_doubt().await?;
    let booted = Instant::now();
    if contender.is_agent() {
        node.start_agent_again()?;
    }
    let watch = node.run_beside(&format!("looks-{name}"), LOOKS)?;
    let all = eventually("all of the NICs", NEVER, async || {
        let looks = Looks::parse(&watch.log()?);
        ensure!(contender.is_complete(&looks.last()), "something is missing");
        Ok(booted.elapsed())
    });
    let uplink = eventually("the uplink", NEVER, async || {
        let address = format!("{}/", node.address());
        let is_uplink = |link: &Link| {
            link.name == UPLINK && link.up && link.addresses.iter().any(|one| one.starts_with(&address))
        };
        ensure!(node.links()?.iter().any(is_uplink), "it has no address");
        Ok(())
    });
    let (all, uplink) = tokio::join!(all, uplink);
    Ok(Boot { uplink: uplink.is_ok(), nics: all.ok() })
}

impl Outcome {
    fn line(&self) -> String {
        let Self { name: _, good, uplink_of_netplan, uplink_of_networkd } = self;
        format!("{good:?}, {uplink_of_netplan:?}, {uplink_of_networkd:?}")
    }
}
