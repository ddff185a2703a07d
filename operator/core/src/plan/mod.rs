//! What to do, from what is wanted and what there is: pure, and the same for the same inputs.
//!
//! ```text
//!  missing (Node by Node)    guard (all Nodes)        spec (Node by Node)
//!  what no row asks for  ──▶ which of it may go,  ──▶ entries, condition,
//!  and how sure that is      which is held            what to write
//! ```

mod guard;
mod memory;
mod missing;
mod rejected;
mod removal_grace;
mod slots;
mod spec;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::{Duration, Instant};

use multinic_crds::{GuardedInterface, InterfaceName, MacAddress, Mode};

use crate::{
    cluster::{Index, Name, Node, Object},
    plan::removal_grace::Absences,
    table::{Rejection, Snapshot},
};
pub(crate) use guard::{Extent, Hold, command};
pub use memory::Memory;
pub(crate) use rejected::Rejected;
pub use verdict::Verdict;

/// What planning goes by, besides the table.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The Nodes that exist.
    pub nodes: &'a Index<Node>,
    /// Their objects.
    pub objects: &'a Index<Object>,
    /// The slots that a Node has.
    pub max_interfaces: usize,
    /// How long a row must be missing, at the least.
    pub grace: Duration,
    /// The moment of this plan.
    pub now: Instant,
}

/// What to do now, and what to remember.
#[derive(Debug, Default)]
pub struct Plan {
    /// One for each Node.
    pub tasks: Vec<Task>,
    /// The rows that find no slot.
    pub rejected: Vec<Rejection>,
    /// NICs that a spec has from now on.
    pub added: Vec<Change>,
    /// NICs that a spec has no more.
    pub dropped: Vec<Change>,
    /// For the next plan.
    pub memory: Memory,
    /// Whether removals wait for a person.
    pub guarded: bool,
}

/// What one Node's object should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The Node, and so the object.
    pub node: Name,
    /// The spec to write; none where it is right.
    pub write: Option<SpecWrite>,
    /// What its condition should say.
    pub verdict: Verdict,
}

/// All that the operator owns of an object, except for the condition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpecWrite {
    /// The uid of the Node, for the owner reference.
    pub owner: String,
    /// The wanted NICs, in the order of slots.
    pub interfaces: Vec<GuardedInterface>,
    /// Whether the agent keeps what an earlier object gave it and this one does not list.
    pub keeps_unlisted: bool,
    /// What a person allowed the agent, where the object that said so is gone.
    pub mode: Option<Mode>,
}

/// A NIC that comes or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// On which Node.
    pub node: Name,
    /// Which NIC.
    pub mac: MacAddress,
    /// In which slot, if its entry says.
    pub slot: Option<InterfaceName>,
}

/// Plans one sync.
///
/// # Guarantees
/// - No NIC is dropped while a usable row asks for it, while an unusable one may stand for it, before its
///   absence is proven, or without a person's word where most of a Node's or the cluster's would go at once.
/// - Once a plan is carried out, the same inputs plan no write, unless a slot became free
///   for a row that found none.
#[must_use]
pub fn plan(snapshot: &Snapshot, world: &World<'_>, before: &Memory) -> Plan {
    let mut absences = Absences::default();
    let nodes = world.nodes.iter();
    let shares: Vec<_> =
        nodes.map(|node| missing::Share::of(node, snapshot, world, before, &mut absences)).collect();
    let ruling = guard::guard(&shares, snapshot.is_empty(), world, &before.holds, before.begun);

    let rejected = rejected::ByNode::new(&snapshot.rejected);
    let mut past = memory::Past::default();
    let mut plan = Plan { guarded: ruling.holds_any(), ..Plan::default() };
    for (share, fates) in shares.iter().zip(&ruling.fates) {
        let known = before.past.of(share.name, share.node, world);
        let mode = known.map(|known| known.mode).unwrap_or_default();
        let decided = spec::Decided { share, fates, holds: &ruling.holds, snapshot, world, mode };
        let interfaces = decided.plan(rejected.on(share.name), &mut plan);
        past.keep(known, share.name, share.node, &interfaces, world);
    }
    past.keep_away(&before.past, world);
    plan.memory = Memory { absences, holds: ruling.holds, past, begun: true };
    plan
}
