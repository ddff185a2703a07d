//! From one Node and its object to what a person should know of.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use multinic_crds::{ConditionType, InterfaceState, Reason};

use crate::cluster::folded_id;

use super::{
    facts::{Node, Object},
    finding::{Finding, Severity},
};

/// A Node and its object, each where it is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) node: Option<&'a Node>,
    pub(super) object: Option<&'a Object>,
    /// Whether the Nodes could be listed, so that one that is not there is gone.
    pub(super) nodes_are_known: bool,
}

/// What is to be known of it, the Node first and its NICs last. `version` is what most agents have.
pub(super) fn judge(pair: Pair<'_>, version: &str) -> Vec<Finding> {
    let Pair { name, node, object, nodes_are_known } = pair;
    let Some(object) = object else {
        let down = node.and_then(|node| down(name, node));
        return down.into_iter().chain([Finding::new(name, Reason::NoObject, "")]).collect();
    };
    if node.is_none() && nodes_are_known {
        return vec![Finding::new(name, Reason::NodeGone, "")];
    }
    let mut findings: Vec<_> = node.and_then(|node| down(name, node)).into_iter().collect();
    findings.extend(outdated(name, node, object));
    // What was said before holds no more.
    let holds = findings.is_empty();
    findings.extend(synced(name, object));
    if object.status.agent_version.is_empty() {
        return findings;
    }
    if object.status.agent_version != version {
        let message = format!("version {}; most have {version}", object.status.agent_version);
        findings.push(Finding::new(name, Reason::VersionSkew, &message));
    }
    if holds {
        findings.extend(leaked(name, object));
        findings.extend(reported(name, object));
    }
    findings
}

fn down(name: &str, node: &Node) -> Option<Finding> {
    let down = node.down.as_ref()?;
    Some(Finding::of_word(name, Reason::NodeNotReady.as_str(), &down.message, down.since))
}

/// Why the agent's report is not of now.
fn outdated(name: &str, node: Option<&Node>, object: &Object) -> Option<Finding> {
    let status = &object.status;
    let boot = node.map(|node| folded_id(&node.boot_id)).unwrap_or_default();
    if status.agent_version.is_empty() {
        return Some(Finding::new(name, Reason::NeverReported, ""));
    }
    if !boot.is_empty() && !status.boot_id.is_empty() && boot != folded_id(&status.boot_id) {
        return Some(Finding::new(name, Reason::NodeRebooted, ""));
    }
    let observed = status.observed_generation.unwrap_or_default();
    // An agent that is kept from looking says so, and nothing of the generation.
    let is_outdated = observed < object.generation && obstacle(object).is_none();
    let message = format!("the spec is of generation {}, the report of {observed}", object.generation);
    is_outdated.then(|| Finding::new(name, Reason::ReportOutdated, &message))
}

fn of_condition(name: &str, condition: &Condition) -> Finding {
    Finding::of_word(name, &condition.reason, &condition.message, Some(condition.last_transition_time.0))
}

fn synced(name: &str, object: &Object) -> Option<Finding> {
    ConditionType::Synced
        .of(&object.status.conditions)
        .filter(|synced| synced.status != "True")
        .map(|synced| of_condition(name, synced))
}

fn leaked(name: &str, object: &Object) -> Option<Finding> {
    ConditionType::NodeAddressLeaked
        .of(&object.status.conditions)
        .filter(|leaked| leaked.status == "True")
        .map(|leaked| of_condition(name, leaked))
}

/// What keeps the agent from its work on the whole node, somebody's word included.
fn obstacle(object: &Object) -> Option<&Condition> {
    ConditionType::Ready.of(&object.status.conditions).filter(|ready| {
        ready.status != "True" && Reason::named(&ready.reason).is_some_and(Reason::keeps_from_looking)
    })
}

/// What the agent says of the node where that is all, and otherwise of each NIC that is not as wanted.
fn reported(name: &str, object: &Object) -> Vec<Finding> {
    let obstacle = obstacle(object);
    let told_once = |reason: &str| obstacle.is_some_and(|obstacle| obstacle.reason == reason);
    let nics = object.status.interfaces.iter().filter(|nic| {
        let is_right = nic.state == InterfaceState::Configured && nic.reason == Reason::Configured.as_str();
        !is_right && !told_once(&nic.reason)
    });
    let nics: Vec<_> = nics.map(|nic| Finding::of_nic(name, nic)).collect();
    let ready = ConditionType::Ready.of(&object.status.conditions);
    let untold = ready.filter(|ready| ready.status != "True" && !tells(&nics, &ready.reason));
    let node = obstacle.or(untold).map(|ready| of_condition(name, ready));
    let silent =
        nics.is_empty() && node.is_none() && object.status.applied_generation != Some(object.generation);
    let not_applied = silent.then(|| Finding::new(name, Reason::NotApplied, ""));
    node.into_iter().chain(not_applied).chain(nics).collect()
}

/// Whether what is said of NICs is all that such a `Ready` says. An entry of the spec that cannot be read is of no NIC.
fn tells(nics: &[Finding], ready: &str) -> bool {
    ready != Reason::InvalidSpec.as_str()
        && nics.iter().any(|nic| nic.severity == Severity::Wrong || nic.reason == ready)
}
