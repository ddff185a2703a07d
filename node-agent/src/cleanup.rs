//! `multinic-agent cleanup`: everything of ours off this node, on purpose.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use multinic_crds::Mode;

use crate::{
    config::HostArgs,
    desired::Desired,
    fence::{AllowedKind, Policy},
    host::{detect, lock::NodeLock, root::HostRoot},
    node::Host,
    plan::Verdict,
};

/// Gives every NIC of ours back, removes our files, and looks whether anything is left.
pub async fn run(args: HostArgs) -> anyhow::Result<()> {
    let HostArgs { host_root } = args;
    let root = HostRoot::new(host_root);
    let lock = NodeLock::try_take(&root).context("failed to take the node's lock")?;
    ensure!(lock.is_some(), "an agent is running on this node; stop it first, or it would undo the clean-up");

    let (_, backend) = detect::survey(&root)?;
    // What is ours was of an allowed kind when it was taken. Default routes and other files
    // still protect; the node's addresses are not known here.
    let policy = Policy {
        link_kinds: [AllowedKind::Physical, AllowedKind::Veth].into_iter().collect(),
        ..Policy::default()
    };
    let mut host = Host::new(root, backend, policy)?;
    let nothing =
        Desired { generation: 0, mode: Mode::Enforce, wanted: BTreeMap::new(), malformed: Vec::new() };

    let prepared = host.prepare(&nothing, BTreeMap::new()).await?;
    let given_back = prepared.plan.transactions.len();
    let outcome = host.carry_out(&prepared).await?;
    for (mac, failure) in &outcome.failures {
        tracing::error!(%mac, "failed to give the NIC back: {failure}");
    }
    let left = host.prepare(&nothing, BTreeMap::new()).await?.plan;
    for (mac, decision) in &left.decisions {
        if let Verdict::Keep(refusal) = &decision.verdict {
            tracing::error!(%mac, reason = refusal.reason, "kept: {}", refusal.message);
        }
    }
    if !left.decisions.is_empty() {
        bail!("{} NICs of ours are left; see above", left.decisions.len());
    }
    tracing::info!(given_back, "no NIC and no boot file of multinic is left on this node");
    Ok(())
}
