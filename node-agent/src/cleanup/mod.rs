//! `multinic-agent cleanup`: everything of ours off this node, on purpose, and the proof.
//!
//! ```text
//!  nothing wanted ─▶ prepare ─▶ carry out ─▶ tidy ─▶ look again ─▶ what is left
//!                                                                    │
//!   once: the exit status     --stay: readiness, and again in a while ◀
//! ```

mod cleaner;
mod left;
mod stay;

use anyhow::{bail, ensure};
use multinic_agent_core::protected::{AllowedKind, Policy};
use multinic_runtime::shutdown::Stop;

use self::cleaner::{CLEAN, Cleaned, Cleaner};
use crate::{
    config::{CleanupArgs, HostArgs},
    host::root::HostRoot,
};

/// Gives every NIC of ours back, removes our files, and looks whether anything is left.
pub async fn run(
    args: CleanupArgs,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let CleanupArgs { host: HostArgs { host_root, node_ips }, stay, runtime } = args;
    let root = HostRoot::new(host_root);
    // Where the host is not, nothing of ours is either.
    ensure!(root.is_directory("/etc"), "{} is no host's root; set HOST_ROOT", root.path().display());
    // What is ours was of an allowed kind when it was taken.
    let policy = Policy {
        node_ips: node_ips.0,
        link_kinds: [AllowedKind::Physical, AllowedKind::Veth].into_iter().collect(),
    };
    let mut cleaner = Cleaner::new(root, policy);
    if stay {
        return stay::run(cleaner, runtime, shutdown).await;
    }
    let Cleaned { given_back, left } = match cleaner.clean(&Stop::at(shutdown)).await {
        Ok(Some(attempt)) => attempt,
        Ok(None) => bail!("asked to stop before everything was looked at; run it again"),
        Err(error) => bail!("{}", error.explain()),
    };
    for line in &left {
        tracing::error!("left: {line}");
    }
    ensure!(left.is_empty(), "{} things of ours are left; see above", left.len());
    tracing::info!(given_back, "{CLEAN}");
    Ok(())
}
