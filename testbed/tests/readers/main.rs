//! What the agent takes for configured by others, against what the real tools configure.
//!
//! Each story draws inputs, gives them to a tool on a real node, and asks the agent's own reading of the same files:
//! it must cover whatever the tool takes. `MULTINIC_SOAK_INPUTS` says how many inputs each story draws, and
//! `MULTINIC_SOAK_SEED` draws those of an earlier run again.
//!
//! The agent may cover more, and does so
//! - where a link, a host or a kernel must have something that the agent does not look at (`Driver=`, `Host=`);
//! - where releases differ, as about quotes, odd sets of characters, and files without a `[Match]`;
//! - where a file is broken, so that its tool ignores it or a part of it;
//! - where a file below `/run` hides another one, which counts again after the next boot;
//! - where networkd leaves a link alone by a file that comes before what netplan makes of ours, or where a file that
//!   does so hides another one;
//! - where ifupdown is told of a link in any way, and has no stanza for it;
//! - where wicked ignores a line or a whole file with the name of a link in it, or such a name is no name there.
//!
//! Inputs with none of these are plain ones, of which the agent must cover exactly what the tool takes.

mod draw;
mod ifupdown;
mod netplan;
mod networkd;
mod wicked;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use multinic_agent::host::files::survey;
use multinic_agent::host::root::HostRoot;
use multinic_agent_core::observed::link::{Link, LinkKind};
use multinic_agent_core::parse::foreign::Definition;
use multinic_testbed::{Needs, Node, Suite};

fn main() -> ExitCode {
    Suite::default()
        .tell(
            "networkd_takes_exactly_the_links_that_plain_files_are_read_to_mean",
            Needs::FullNodes,
            networkd::plain,
        )
        .tell("networkd_takes_no_link_that_is_not_covered", Needs::FullNodes, networkd::odd)
        .tell("netplan_has_networkd_take_no_link_that_is_not_covered", Needs::FullNodes, netplan::any)
        .tell("ifupdown_takes_no_link_that_is_not_covered", Needs::FullNodes, ifupdown::any)
        .tell("wicked_takes_no_link_that_is_not_covered", Needs::Testbed, wicked::any)
        .tell(
            "wicked_takes_no_link_that_is_not_covered_where_files_of_ours_are",
            Needs::Testbed,
            wicked::beside_ours,
        )
        .run()
}

/// The NICs of the node: MAC address, name, alternative name.
pub(crate) const NICS: [(&str, &str, &str); 4] = [
    ("fa:16:3e:00:00:01", "eth1", ""),
    ("fa:16:3e:00:00:02", "ens7", "enp0s7"),
    ("fa:16:3e:00:00:03", "lan", "eth9"),
    ("fa:16:3e:00:00:04", "multinic0", "ens9"),
];

/// Plugs [`NICS`] in; they come back as the agent would see them.
pub(crate) fn plug(node: &Node<'_>) -> Result<Vec<Link>> {
    for (mac, name, alternative) in NICS {
        let plugged = node.plug(mac)?;
        node.exec(&["udevadm", "settle"])?;
        if plugged != name {
            node.exec(&["ip", "link", "set", "dev", &plugged, "name", name])?;
        }
        if !alternative.is_empty() {
            node.exec(&["ip", "link", "property", "add", "dev", name, "altname", alternative])?;
        }
    }
    NICS.iter().map(|(mac, name, alternative)| seen(node, mac, name, alternative)).collect()
}

fn seen(node: &Node<'_>, mac: &str, name: &str, alternative: &str) -> Result<Link> {
    let found = node.link(mac)?;
    ensure!(found.name == name, "{mac} is called {}", found.name);
    let mac = mac.parse().context("no MAC address")?;
    let alternative = [alternative].into_iter().filter(|name| !name.is_empty());
    Ok(Link {
        alt_names: alternative.map(str::to_owned).collect(),
        kind: LinkKind::Virtual("veth".to_owned()),
        permanent_mac: None,
        up: found.up,
        mtu: found.mtu,
        ..Link::physical(found.index, &found.name, mac)
    })
}

/// What the agent reads on a host with these `files`. What is on every node says nothing of [`NICS`].
pub(crate) fn definitions(files: &draw::Files) -> Result<Vec<Definition>> {
    let directory = tempfile::tempdir()?;
    draw::write(directory.path(), files)?;
    Ok(survey(&HostRoot::new(directory.path().to_owned()))?.0)
}

/// The names of `links` that any of `definitions` covers.
pub(crate) fn covered(definitions: &[Definition], links: &[Link]) -> BTreeSet<String> {
    let covered = |link: &&Link| definitions.iter().any(|definition| definition.covers(link));
    links.iter().filter(covered).map(|link| link.name.clone()).collect()
}

/// How many links a tool took over all inputs, and how many more were covered.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) taken: usize,
    pub(crate) more: usize,
}

impl Tally {
    /// Counts an input of which `tool` takes these links, each by something that is named after it: all must be covered.
    pub(crate) fn count<'a>(
        &mut self,
        tool: &str,
        taken: impl IntoIterator<Item = (&'a str, String)>,
        covered: &BTreeSet<String>,
        evidence: impl Fn() -> String,
    ) -> Result<()> {
        let taken: BTreeMap<_, _> = taken.into_iter().collect();
        for (name, by) in &taken {
            ensure!(covered.contains(*name), "{tool} takes {name}{by}, which is not covered; {}", evidence());
        }
        self.taken += taken.len();
        self.more += covered.len() - taken.len();
        Ok(())
    }
}
