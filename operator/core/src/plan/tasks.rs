//! What a plan comes to.

use multinic_crds::{GuardedInterface, InterfaceName, MacAddress, Mode};

use super::{memory::Memory, verdict::Verdict};
use crate::{
    cluster::{Index, Name, Object},
    table::Rejection,
};

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

impl Plan {
    /// Keeps of the NICs that come or go those that did, by the `objects` once the plan is carried out.
    pub fn settle(&mut self, objects: &Index<Object>) {
        let asked_for =
            |change: &Change| objects.get(&change.node).is_some_and(|object| object.has(change.mac));
        self.added.retain(asked_for);
        self.dropped.retain(|change| !asked_for(change));
    }
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
    /// What the agent may do, for an object that is not there yet: what a person chose for the one before, or for new Nodes.
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
    /// Its Neutron port, if its row or its entry says.
    pub port_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::fixtures::{mac, object};

    #[test]
    fn of_what_comes_and_goes_that_counts_which_the_objects_show() {
        let change = |last: u8| Change { node: "a".into(), mac: mac(last), slot: None, port_id: None };
        let all = || (1..=4).map(change).collect::<Vec<_>>();
        let mut objects = Index::default();
        objects.record(object("a", 1, &[(1, 0), (3, 1)], Value::Null));
        let mut plan = Plan { added: all(), dropped: all(), ..Plan::default() };
        plan.settle(&objects);
        assert_eq!((plan.added, plan.dropped), (vec![change(1), change(3)], vec![change(2), change(4)]));
    }
}
