//! The questions to the API server, with the rights of whoever asks.

use std::path::PathBuf;

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use multinic_crds::GuardedConfig;
use multinic_operator_core::explain::{Fleet, ListedNode, Node, Object};
use multinic_runtime::api;
use tokio::join;

use crate::kubernetes::{Unanswered, list};

const FORBIDDEN: u16 = 403;
const NOT_FOUND: u16 = 404;

/// All Nodes with the labels of `selector`, and all objects; or why there are none, with the remedy.
pub(super) async fn ask(
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
    selector: &str,
) -> Result<Fleet, String> {
    let client = client(kubeconfig, context).await.map_err(|error| {
        format!(
            "no way to Kubernetes: {error}; set KUBECONFIG, --kubeconfig or --context, or run this in a pod"
        )
    })?;
    let (nodes, objects) = join!(
        list(&client, selector, |node: ListedNode| Some(Node::from(node))),
        list(&client, "", |object: GuardedConfig| Some(Object::from(object))),
    );
    let nodes = match nodes {
        Ok(nodes) => Some(nodes),
        // `view` has no Nodes; what the objects say is worth something by itself.
        Err(Unanswered { code: Some(FORBIDDEN), .. }) => None,
        Err(unanswered) => return Err(failure("the Nodes", &unanswered)),
    };
    let objects = objects.map_err(|unanswered| failure("the NodeNetworkConfigs", &unanswered))?;
    Ok(Fleet { nodes, is_selection: !selector.is_empty(), objects })
}

async fn client(kubeconfig: Option<PathBuf>, context: Option<String>) -> anyhow::Result<Client> {
    let config = match (kubeconfig, context) {
        // As kubectl does, and as a pod does.
        (None, None) => Config::infer().await?,
        (file, context) => {
            let kubeconfig = file.map_or_else(Kubeconfig::read, Kubeconfig::read_from)?;
            let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
            Config::from_custom_kubeconfig(kubeconfig, &options).await?
        }
    };
    Ok(api::client(config)?)
}

fn failure(what: &str, Unanswered { code, why }: &Unanswered) -> String {
    let remedy = match code {
        Some(FORBIDDEN) => {
            "have somebody bind the ClusterRole multinic-view to you, or run this in the operator's pod"
        }
        Some(NOT_FOUND) => "install the definition of NodeNetworkConfig that the chart ships",
        Some(_) => "look at the API server",
        None => "look at the address in the kubeconfig, and at the way there",
    };
    format!("{what} cannot be listed: {why}; {remedy}")
}
