//! What was found, as plain values.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use serde::Deserialize;

use crate::{
    database::{Inspection, Refusal},
    kubernetes::Unanswered,
};

/// How long any one question may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// All that was found.
pub(super) struct Facts {
    pub(super) cluster: Cluster,
    pub(super) database: Result<Inspection, Refusal>,
    /// The name of the status table, where there is one, and whether it is as it must be.
    pub(super) status_table: Option<(String, Result<(), Refusal>)>,
}

/// What the API server, and then the Nodes, said.
pub(super) struct Cluster {
    /// Version of the API server.
    pub(super) version: Result<String, Unanswered>,
    /// What each object says, by its name.
    pub(super) objects: Result<BTreeMap<String, Object>, Unanswered>,
    /// The Nodes that should have an agent, in the order of their names.
    pub(super) nodes: Result<Vec<Node>, Unanswered>,
}

/// One object.
#[derive(Debug, Clone, Default)]
pub(super) struct Object {
    /// The version of the agent that reported last; empty where none has.
    pub(super) agent_version: String,
    /// The addresses that it asks for, each with the name of its NIC.
    pub(super) addresses: BTreeMap<IpAddr, String>,
}

/// One Node, and what its agent says now.
pub(super) struct Node {
    pub(super) name: String,
    /// Where the cluster looks for it.
    pub(super) internal_ips: Vec<IpAddr>,
    pub(super) agent: Result<Agent, String>,
}

/// The fields of an agent's own overview that matter here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Agent {
    pub(super) status: String,
    pub(super) version: String,
    pub(super) node: String,
}
