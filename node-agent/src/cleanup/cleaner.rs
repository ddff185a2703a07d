//! One attempt after the other to take everything of ours off a node.

use std::collections::BTreeMap;

use multinic_agent_core::{
    execute::Order, leases::Leases, observed::ledger::Ledger, parse::desired::Desired, protected::Policy,
};
use multinic_crds::MacAddress;
use multinic_runtime::shutdown::Stop;

use super::left;
use crate::host::{
    error::HostError,
    files,
    machine::{Done, Host, Prepared},
    remains,
    root::HostRoot,
};

pub(super) const CLEAN: &str = "no NIC and no file of multinic is left on this node";

/// Who takes everything of ours off one node.
pub(super) struct Cleaner {
    root: HostRoot,
    host: Host,
    /// What was ours when the first look was taken, by which a later one knows what is left of it.
    known: Ledger,
}

/// What one attempt came to.
pub(super) struct Cleaned {
    pub(super) given_back: usize,
    pub(super) left: Vec<String>,
}

impl Cleaner {
    pub(super) fn new(root: HostRoot, policy: Policy) -> Self {
        let host = Host::new(root.clone(), None, policy);
        Self { root, host, known: Ledger::default() }
    }

    async fn look(&mut self, desired: &Desired) -> Result<Prepared, HostError> {
        let look = self.host.observe().await?;
        self.host.plan(desired, look, &Leases::default(), BTreeMap::new()).await
    }

    /// One attempt. Once nothing is left, it changes nothing. None where it has to `stop` first:
    /// then what is under way is brought to its end, and nothing more is begun.
    pub(super) async fn clean(&mut self, stop: &Stop) -> Result<Option<Cleaned>, HostError> {
        let nothing = Desired::default();
        let Some(prepared) = stop.unless_asked(self.look(&nothing)).await else {
            return Ok(None);
        };
        let prepared = prepared?;
        self.known.nics.extend(prepared.ledger.nics.clone());
        let done = self.host.execute(&prepared, Order::Together).await?;
        let given_back = tell(&prepared, &done);
        // Nobody will be here to give them back.
        files::forget_away(&self.root)?;
        let complaints = remains::tidy(&self.root);

        let Some(look) = stop.unless_asked(self.look(&nothing)).await else {
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
    done.view.links_with(mac).next().map(|link| link.name.as_str())
}
