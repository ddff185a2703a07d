//! What to do, from what is wanted and what there is: pure, and the same for the same inputs.

use std::time::{Duration, Instant};

use multinic_crds::{Guarded, GuardedInterface, InterfaceName, MacAddress, Reason};

use crate::{
    absence::Absences,
    cluster::{self, Index, Name, Node, Object, slot_of},
    inventory::{Fault, Rejection, Snapshot},
    slots,
    verdict::Verdict,
};

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
    /// The NICs whose rows are missing, for the next plan.
    pub absences: Absences,
    /// Whether NICs are kept only because the table is empty.
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
#[derive(Debug, Clone, PartialEq)]
pub struct SpecWrite {
    /// The uid of the Node, for the owner reference.
    pub owner: String,
    /// The wanted NICs, in the order of slots.
    pub interfaces: Vec<GuardedInterface>,
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
/// - No NIC is dropped while a usable row asks for it, while an unusable one may stand for it,
///   while the table is empty, or before its absence is proven.
/// - Once a plan is carried out, the same inputs plan no write, unless a slot became free
///   for a row that found none.
#[must_use]
pub fn plan(snapshot: &Snapshot, world: &World, before: &Absences) -> Plan {
    let mut plan = Plan::default();
    let rejected = by_node(&snapshot.rejected);
    for (name, node) in world.nodes.iter() {
        let planner = Planner { snapshot, world, before, name, node };
        planner.plan(rejected_on(&rejected, name), &mut plan);
    }
    plan
}

struct Planner<'a> {
    snapshot: &'a Snapshot,
    world: &'a World<'a>,
    before: &'a Absences,
    name: &'a Name,
    node: &'a Node,
}

impl Planner<'_> {
    fn plan(&self, rejected: &[&Rejection], plan: &mut Plan) {
        let (mut interfaces, surplus) = self.wanted(plan);
        let kept = self.kept(plan);
        let missing: Vec<_> = kept.iter().filter_map(GuardedInterface::mac_address).collect();
        interfaces.extend(kept);
        cluster::sort(&mut interfaces);

        let rejected: Vec<_> = rejected.iter().copied().chain(&surplus).collect();
        let verdict = if self.snapshot.rows == 0 && !missing.is_empty() {
            plan.guarded = true;
            Verdict::shrink_guard()
        } else if rejected.is_empty() && !missing.is_empty() {
            Verdict::rows_missing(&missing)
        } else {
            Verdict::of(&rejected)
        };
        plan.rejected.extend(surplus);

        let stored = self.world.objects.get(self.name);
        let right = stored.is_some_and(|stored| {
            stored.owner.as_ref() == Some(&self.node.uid) && stored.interfaces == interfaces
        });
        let write = (!right).then(|| SpecWrite { owner: self.node.uid.clone(), interfaces });
        plan.tasks.push(Task { node: Name::clone(self.name), write, verdict });
    }

    /// The object as it is, or as it was until it was deleted, with the Node or by somebody:
    /// its slots still hold.
    fn last_known(&self) -> Option<&Object> {
        self.world.objects.last_known(self.name)
    }

    /// The object as it is, or as it was until somebody deleted it: its NICs are still on the node.
    fn object(&self) -> Option<&Object> {
        let deleted = || self.last_known().filter(|last| last.owner.as_ref() == Some(&self.node.uid));
        self.world.objects.get(self.name).or_else(deleted)
    }

    /// The entries for the rows of this Node, and the rows that find no slot.
    fn wanted(&self, plan: &mut Plan) -> (Vec<GuardedInterface>, Vec<Rejection>) {
        let object = self.object();
        let nics = self.snapshot.wanted(self.name);
        let macs: Vec<_> = nics.iter().map(|nic| nic.mac).collect();
        let slots = slots::assign(&macs, self.last_known(), self.world.max_interfaces);
        let (mut interfaces, mut surplus) = (Vec::new(), Vec::new());
        for nic in nics {
            let Some(slot) = slots.get(&nic.mac).copied() else {
                surplus.push(self.no_free_slot(nic.mac, &nic.port_id));
                continue;
            };
            if !object.is_some_and(|object| object.has(nic.mac)) {
                plan.added.push(self.change(nic.mac, Some(slot)));
            }
            interfaces.push(Guarded::Valid(nic.interface(slot)));
        }
        (interfaces, surplus)
    }

    /// The entries that no row asks for and that must stay for now.
    fn kept(&self, plan: &mut Plan) -> Vec<GuardedInterface> {
        let entries = self.object().map_or(&[][..], |object| &object.interfaces);
        let kept = |entry: &&GuardedInterface| {
            // An entry without a MAC address asks for nothing.
            let Some(mac) = entry.mac_address() else { return false };
            if self.snapshot.nic(self.name, mac).is_some() {
                return false;
            }
            let dropped = self.may_drop(entry, mac, &mut plan.absences);
            if dropped {
                plan.dropped.push(self.change(mac, slot_of(entry)));
            }
            !dropped
        };
        entries.iter().filter(kept).cloned().collect()
    }

    fn may_drop(&self, entry: &GuardedInterface, mac: MacAddress, absences: &mut Absences) -> bool {
        let port_id = entry.valid().map(|interface| interface.port_id.as_str());
        let kept = self.snapshot.rows == 0 || self.snapshot.protection.covers(self.name, mac, port_id);
        !kept && absences.observe(self.before, self.name, mac, self.world.now, self.world.grace)
    }

    fn change(&self, mac: MacAddress, slot: Option<InterfaceName>) -> Change {
        Change { node: Name::clone(self.name), mac, slot }
    }

    fn no_free_slot(&self, mac: MacAddress, port_id: &str) -> Rejection {
        let limit = self.world.max_interfaces;
        let message = format!(
            "{mac} finds none of the {limit} slots of the Node free; delete rows or raise operator.maxInterfaces"
        );
        Rejection {
            node: Some(Name::clone(self.name)),
            candidates: None,
            port_id: Some(port_id.to_owned()),
            mac: Some(mac),
            fault: Fault::new(Reason::NoFreeSlot, message),
        }
    }
}

/// The rejections of known Nodes, in an order in which those of one Node are together.
fn by_node(rejected: &[Rejection]) -> Vec<&Rejection> {
    let mut sorted: Vec<_> = rejected.iter().filter(|rejection| rejection.node.is_some()).collect();
    sorted.sort_unstable();
    sorted
}

fn rejected_on<'a, 'b>(sorted: &'a [&'b Rejection], node: &Name) -> &'a [&'b Rejection] {
    let start = sorted.partition_point(|rejection| rejection.node.as_ref() < Some(node));
    let end = sorted.partition_point(|rejection| rejection.node.as_ref() <= Some(node));
    &sorted[start..end]
}

#[cfg(test)]
mod tests;
