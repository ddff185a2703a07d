//! A node whose object the story writes itself, without an operator; and which ways packets take on it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use multinic_crds::{NodeNetworkConfig, NodeNetworkConfigStatus};
use multinic_testbed::{ControlPlane, Harm, Node};
use serde_json::{Value, json};

/// Has the node's object ask for these interfaces, and for no others.
pub(crate) async fn want(cluster: &ControlPlane<'_>, node: &Node<'_>, interfaces: &Value) -> Result<()> {
    let configs: Api<NodeNetworkConfig> = Api::all(cluster.client());
    let spec = json!({ "interfaces": interfaces });
    if configs.get_opt(node.name()).await?.is_some() {
        let patch = Patch::Merge(json!({ "spec": spec }));
        configs.patch(node.name(), &PatchParams::default(), &patch).await?;
        return Ok(());
    }
    let object = json!({
        "apiVersion": "multinic.io/v1alpha1", "kind": "NodeNetworkConfig",
        "metadata": { "name": node.name() }, "spec": spec,
    });
    configs.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    Ok(())
}

/// What the agent says of the object as it is now, in the boot that is now.
pub(crate) async fn status(cluster: &ControlPlane<'_>, node: &Node<'_>) -> Result<NodeNetworkConfigStatus> {
    let configs: Api<NodeNetworkConfig> = Api::all(cluster.client());
    let config = configs.get(node.name()).await?;
    let status = config.status.context("no status")?;
    ensure!(status.observed_generation == config.metadata.generation, "the status is of an older generation");
    let boot_id = node.exec(&["cat", "/proc/sys/kernel/random/boot_id"])?;
    ensure!(status.boot_id == boot_id.trim(), "the status is of an earlier boot");
    Ok(status)
}

/// Every rule and every route, as the node shows them.
pub(crate) fn ways(node: &Node<'_>) -> Result<BTreeSet<String>> {
    let script = "ip rule; ip -6 rule; ip route show table all; ip -6 route show table all";
    Ok(node.exec(&["sh", "-c", script])?.lines().map(|line| line.trim_end().to_owned()).collect())
}

/// Fails where they are not the same, with what is.
pub(crate) fn same(wanted: &BTreeSet<String>, now: &BTreeSet<String>) -> Result<()> {
    let (missing, more): (Vec<_>, Vec<_>) =
        (wanted.difference(now).collect(), now.difference(wanted).collect());
    ensure!(missing.is_empty() && more.is_empty(), "missing {missing:#?}, and there is {more:#?}");
    Ok(())
}

/// Rules belong to no link: those of ours are no harm to the uplink.
pub(crate) fn without_rules_of_ours(mut harm: Harm) -> Harm {
    harm.notifications
        .retain(|line| !line.contains("lookup 53") && !line.contains("suppress_prefixlength 0"));
    harm
}
