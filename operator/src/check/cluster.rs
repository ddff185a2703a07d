//! The questions to the API server, with no more rights than the operator has.

use std::{collections::BTreeMap, net::IpAddr};

use futures::{StreamExt, stream};
use k8s_openapi::{api::core::v1::Node as KubeNode, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::Client;
use multinic_crds::{Guarded, Interface, NodeNetworkConfig};
use serde::Deserialize;
use tokio::join;

use super::{
    agents::Agents,
    facts::{Cluster, Node, Object},
};
use crate::kubernetes::{Unanswered, list, within};

/// Agents that are asked at the same time.
const CONCURRENCY: usize = 256;

/// A Node as far as it is read here.
#[derive(kube::Resource, Clone, Debug, Deserialize)]
#[resource(inherit = KubeNode)]
struct ListedNode {
    metadata: ObjectMeta,
    #[serde(default)]
    status: ListedNodeStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ListedNodeStatus {
    addresses: Vec<ListedAddress>,
}

#[derive(Clone, Debug, Deserialize)]
struct ListedAddress {
    #[serde(rename = "type")]
    kind: String,
    address: String,
}

impl ListedNode {
    fn internal_ips(&self) -> Vec<IpAddr> {
        let internal = self.status.addresses.iter().filter(|address| address.kind == "InternalIP");
        internal.filter_map(|address| address.address.parse().ok()).collect()
    }
}

/// An object as far as it is read here.
#[derive(kube::Resource, Clone, Debug, Deserialize)]
#[resource(inherit = NodeNetworkConfig)]
struct ListedConfig {
    metadata: ObjectMeta,
    #[serde(default)]
    spec: ListedSpec,
    #[serde(default)]
    status: ListedStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ListedSpec {
    /// Entries of older schemas may be anything.
    interfaces: Vec<Guarded<Interface>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListedStatus {
    agent_version: String,
}

/// Asks the API server for everything, and every selected Node's agent on `agent_port`.
pub(super) async fn ask(node_selector: &str, agent_port: u16) -> Cluster {
    let client = match Client::try_default().await {
        Ok(client) => client,
        Err(error) => {
            let why = format!("no way to Kubernetes: {error}");
            let unanswered = || Unanswered { code: None, why: why.clone() };
            return Cluster {
                version: Err(unanswered()),
                objects: Err(unanswered()),
                nodes: Err(unanswered()),
            };
        }
    };
    let version = async { Ok(client.apiserver_version().await?.git_version) };
    let (version, objects, nodes) =
        join!(within(version), list_objects(&client), list_nodes(&client, node_selector));
    let nodes = match nodes {
        Ok(nodes) => Ok(ask_agents(nodes, agent_port).await),
        Err(unanswered) => Err(unanswered),
    };
    Cluster { version, objects, nodes }
}

impl ListedConfig {
    fn object(self) -> Object {
        let nics = self.spec.interfaces.into_iter().filter_map(|entry| match entry {
            Guarded::Valid(nic) => Some(nic),
            Guarded::Malformed { .. } => None,
        });
        let addresses = nics.flat_map(|nic| {
            let name = nic.name.to_string();
            nic.addresses.into_iter().map(move |address| (address.ip(), name.clone()))
        });
        Object { agent_version: self.status.agent_version, addresses: addresses.collect() }
    }
}

async fn list_objects(client: &Client) -> Result<BTreeMap<String, Object>, Unanswered> {
    let named = |config: ListedConfig| Some((config.metadata.name.clone()?, config.object()));
    Ok(list(client, "", named).await?.into_iter().collect())
}

async fn list_nodes(client: &Client, selector: &str) -> Result<Vec<(String, Vec<IpAddr>)>, Unanswered> {
    let named = |node: ListedNode| {
        let addresses = node.internal_ips();
        Some((node.metadata.name?, addresses))
    };
    list(client, selector, named).await
}

async fn ask_agents(nodes: Vec<(String, Vec<IpAddr>)>, port: u16) -> Vec<Node> {
    let agents = Agents::new(port);
    let ask = async |(name, internal_ips): (String, Vec<IpAddr>)| {
        let agent = match internal_ips.first() {
            Some(address) => agents.ask(*address).await,
            None => Err("no InternalIP".to_owned()),
        };
        Node { name, internal_ips, agent }
    };
    stream::iter(nodes).map(ask).buffered(CONCURRENCY).collect().await
}
