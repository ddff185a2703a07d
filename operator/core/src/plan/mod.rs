//! What to do, from what is wanted and what there is: pure, and the same for the same inputs.
//!
//! ```text
//!  missing (Node by Node)    guard (all Nodes)        spec (Node by Node)
//!  what no row asks for  ──▶ which of it may go,  ──▶ entries, condition,
//!  and how sure that is      which is held            what to write
//! ```

mod applied;
mod guard;
mod hold;
mod memory;
mod missing;
mod rejected;
mod removal_grace;
mod slots;
mod spec;
mod tasks;
#[cfg(test)]
mod tests;
mod unread;
mod verdict;
mod world;

pub use applied::Applied;
pub use memory::Memory;
pub use tasks::{Change, Plan, SpecWrite, Task};
pub use unread::unread;
pub use verdict::Verdict;
pub use world::World;

use crate::table::Snapshot;
use removal_grace::Absences;

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
        let mode = known.map_or(world.initial_mode, |known| known.mode);
        let decided = spec::Decided { share, fates, holds: &ruling.holds, snapshot, world, mode };
        let interfaces = decided.plan(rejected.on(share.name), &mut plan);
        past.keep(known, share.name, share.node, &interfaces, world);
    }
    past.keep_away(&before.past, world);
    plan.memory = Memory { absences, holds: ruling.holds, past, begun: true };
    plan
}
