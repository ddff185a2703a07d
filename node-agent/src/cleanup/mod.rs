//! `multinic-agent cleanup`: everything of ours off this node, on purpose, and the proof.
//!
//! ```text
//!  nothing wanted ─▶ prepare ─▶ carry out ─▶ tidy ─▶ look again ─▶ what is left
//!                                                                    │
//!   once: the exit status     --stay: readiness, and again in a while ◀
//! ```

mod left;
mod stay;

use std::collections::BTreeMap;

use anyhow::{bail, ensure};
use multinic_agent_core::{
    execute::Order,
    observed::ledger::Ledger,
    parse::desired::Desired,
    protected::{AllowedKind, Policy},
};
use multinic_crds::{MacAddress, Mode};
use multinic_runtime::shutdown::Stop;

use crate::{
    config::{CleanupArgs, HostArgs},
    host::{
        detect::{self, Backend},
        files, remains,
        root::HostRoot,
    },
    node::{Done, Host, PassError, Prepared},
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

const CLEAN: &str = "no NIC and no file of multinic is left on this node";

/// Who takes everything of ours off one node.
struct Cleaner {
    root: HostRoot,
    host: Host,
    /// What was ours when the first look was taken, by which a later one knows what is left of it.
    known: Ledger,
}

/// What one attempt came to.
struct Cleaned {
    given_back: usize,
    left: Vec<String>,
}

impl Cleaner {
    fn new(root: HostRoot, policy: Policy) -> Self {
        let os_image = detect::facts(&root).os_image;
        let backend = Backend::detect(&root, &os_image);
        let host = Host::new(root.clone(), None, backend, policy);
        Self { root, host, known: Ledger::default() }
    }

    /// One attempt. Once nothing is left, it changes nothing. None where it has to `stop` first:
    /// then what is under way is brought to its end, and nothing more is begun.
    async fn clean(&mut self, stop: &Stop) -> Result<Option<Cleaned>, PassError> {
        let nothing = Desired {
            generation: 0,
            mode: Mode::Enforce,
            keeps_unlisted: false,
            wanted: BTreeMap::new(),
            malformed: Vec::new(),
        };
        let Some(prepared) = stop.unless_asked(self.host.prepare(&nothing, BTreeMap::new())).await else {
            return Ok(None);
        };
        let prepared = prepared?;
        self.known.nics.extend(prepared.ledger.nics.clone());
        let done = self.host.carry_out(&prepared, Order::Together).await?;
        let given_back = tell(&prepared, &done);
        // Nobody will be here to give them back.
        files::forget_away(&self.root)?;
        let complaints = remains::tidy(&self.root);

        let Some(look) = stop.unless_asked(self.host.prepare(&nothing, BTreeMap::new())).await else {
            return Ok(None);
        };
        let look = look?;
        let mut left = left::nics(&look.plan, &done.failures);
        left.extend(left::links(&look, &self.known));
        left.extend(remains::list(&self.root, &look.definitions)?);
        left.extend(complaints);
        Ok(Some(Cleaned { given_back, left }))
    }
}

/// Says which NICs were given back; how many.
fn tell(prepared: &Prepared, done: &Done) -> usize {
    let members = prepared.plan.transactions.iter().flat_map(|transaction| &transaction.members);
    let mut given_back = 0;
    for mac in members.map(|member| member.mac).filter(|mac| !done.failures.contains_key(mac)) {
        let was = prepared.plan.decisions.get(&mac).map_or("", |decision| decision.name.as_str());
        let now = name_of(mac, done).unwrap_or("(not plugged in)");
        tracing::info!(%mac, was, now, "given back");
        given_back += 1;
    }
    given_back
}

fn name_of(mac: MacAddress, done: &Done) -> Option<&str> {
    let link = done.view.links.iter().find(|link| link.identity() == Some(mac));
    link.map(|link| link.name.as_str())
}
