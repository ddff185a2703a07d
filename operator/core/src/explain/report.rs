//! The whole: which Nodes were asked for, and what is to be known of each.

use std::collections::{BTreeMap, BTreeSet};

use multinic_crds::InterfaceState;
use serde::Serialize;

use super::{
    facts::{Fleet, Node, Object},
    finding::{Finding, Severity},
    judge::{Pair, judge},
};

/// What is wrong and what to do. Serialized, it is what scripts read: fields are added, and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How many nodes were looked at.
    pub nodes: usize,
    /// How many of them have a finding that is wrong.
    pub nodes_wrong: usize,
    /// How many NICs their objects ask for.
    pub nics: usize,
    /// How many NICs are configured.
    pub nics_configured: usize,
    /// The version that most agents have; empty where none has reported.
    pub agent_version: String,
    /// Whether the Nodes could be listed. Where not, nobody knows which are Ready, and which have no object.
    pub nodes_listed: bool,
    /// By node: what is to be known.
    pub findings: Vec<Finding>,
}

/// There is nothing of which something could be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Nothing {
    /// A node was asked for by name that is not there.
    #[error(
        "there is no Node {0:?} and no NodeNetworkConfig of that name; `kubectl get nodes` lists the names"
    )]
    UnknownNode(String),
    /// All nodes were asked for, and there are none.
    #[error("there are no Nodes, or none with these labels; correct --selector, or NODE_SELECTOR")]
    NoNodes,
}

impl Report {
    /// Whether all is known, and nothing is wrong.
    #[must_use]
    pub const fn is_all_well(&self) -> bool {
        self.nodes_wrong == 0 && self.nodes_listed
    }
}

/// What is to be known of the nodes `asked` for, or of all. `own_version` decides where as many agents have one version as
/// have another.
pub fn report(fleet: &Fleet, asked: &[String], own_version: &str) -> Result<Report, Nothing> {
    let nodes: BTreeMap<&str, &Node> =
        fleet.nodes.iter().flatten().map(|node| (node.name.as_str(), node)).collect();
    let objects: BTreeMap<&str, &Object> =
        fleet.objects.iter().map(|object| (object.name.as_str(), object)).collect();
    let names: BTreeSet<&str> = if asked.is_empty() {
        // Where Nodes are not known, nobody knows which are meant.
        let others = objects.keys().filter(|_| !fleet.is_selection || fleet.nodes.is_none());
        nodes.keys().chain(others).copied().collect()
    } else {
        asked.iter().map(String::as_str).collect()
    };
    let nodes_are_known = fleet.nodes.is_some() && !fleet.is_selection;
    let pair = |name| Pair {
        name,
        node: nodes.get(name).copied(),
        object: objects.get(name).copied(),
        nodes_are_known,
    };
    let pairs: Vec<_> = names.into_iter().map(pair).collect();
    if let Some(unknown) = pairs.iter().find(|pair| pair.node.is_none() && pair.object.is_none()) {
        return Err(Nothing::UnknownNode(unknown.name.to_owned()));
    }
    if pairs.is_empty() {
        return Err(Nothing::NoNodes);
    }
    let version = usual_version(&fleet.objects, own_version);
    let findings: Vec<_> = pairs.iter().flat_map(|pair| judge(*pair, version)).collect();
    let wrong = findings.iter().filter(|finding| finding.severity == Severity::Wrong);
    let nics = pairs.iter().filter_map(|pair| pair.object).flat_map(|object| &object.status.interfaces);
    Ok(Report {
        nodes: pairs.len(),
        nodes_wrong: wrong.map(|finding| &finding.node).collect::<BTreeSet<_>>().len(),
        nics: pairs.iter().filter_map(|pair| pair.object).map(|object| object.wanted).sum(),
        nics_configured: nics.filter(|nic| nic.state == InterfaceState::Configured).count(),
        agent_version: version.to_owned(),
        nodes_listed: fleet.nodes.is_some(),
        findings,
    })
}

/// The version that most agents have.
fn usual_version<'a>(objects: &'a [Object], own: &str) -> &'a str {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let versions = objects.iter().map(|object| object.status.agent_version.as_str());
    for version in versions.filter(|version| !version.is_empty()) {
        *counts.entry(version).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(version, count)| (*count, *version == own));
    most.map(|(version, _)| version).unwrap_or_default()
}
