//! What changed from one sync to the next, as plain values: found once, and told to all who want to know.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use multinic_crds::{InterfaceName, InterfaceState, MacAddress, Reason};

use crate::{
    cluster::Name,
    plan::{Applied, Change, Plan},
    table::{Rejection, Unmatched},
};

/// One thing that changed, or that did not although it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transition {
    /// The table cannot be read; or still not, for another cause.
    DatabaseLost {
        /// The word for it.
        reason: Reason,
        /// Why, for people.
        error: String,
    },
    /// The table is read again.
    DatabaseFound {
        /// After so many failed readings.
        failures: u32,
    },
    /// `netplan_success` was written.
    RowsWritten {
        /// Rows that changed.
        rows: u64,
    },
    /// `netplan_success` cannot be written; or still not, for another cause.
    WritesFail(Unwritten),
    /// `netplan_success` can be written again.
    WritesWork,
    /// More would go at once than is believed.
    GuardRaised {
        /// The Nodes whose NICs are kept from now on, and what a person can do, as their conditions say it.
        held: Vec<(Name, String)>,
    },
    /// Nothing waits for a person any more.
    GuardCleared,
    /// A spec has this NIC from now on.
    NicAdded(Change),
    /// A spec has this NIC no more.
    NicDropped(Change),
    /// The agent says something else of a NIC than before.
    NicMoved {
        /// Which NIC.
        nic: Nic,
        /// What it said before; none where it had said nothing.
        before: Option<NicState>,
        /// What it says now.
        after: NicState,
    },
    /// The agent says nothing of a NIC any more: it gave the NIC back.
    NicRemoved {
        /// Which NIC.
        nic: Nic,
        /// What it said before.
        before: NicState,
    },
    /// Specs were written.
    SpecsWritten {
        /// So many.
        specs: u64,
    },
    /// An object could not be written.
    ObjectFailed {
        /// The Node whose object it is.
        node: Name,
        /// Why not, for people.
        error: String,
    },
    /// Objects were no longer as their specs were planned from.
    ObjectsOutdated {
        /// So many.
        objects: usize,
    },
    /// Objects were not written for want of time.
    ObjectsPostponed {
        /// So many.
        objects: usize,
    },
    /// A row cannot be used.
    RowRejected(Rejection),
    /// Rows that could not be used were corrected or deleted.
    RowsCorrected {
        /// So many.
        rows: usize,
        /// And so many are left.
        left: usize,
    },
    /// NICs go without something that somebody asks for.
    LeftOut {
        /// What, and why.
        what: String,
    },
    /// Rows name servers that are no Nodes here.
    ServersUnmatched {
        /// The servers, as the rows name them.
        servers: Vec<String>,
    },
}

/// A NIC as an agent names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// On which Node.
    pub node: Name,
    /// Which NIC.
    pub mac: MacAddress,
    /// What it should be called, or was.
    pub name: Option<InterfaceName>,
}

/// How a NIC is, by the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NicState {
    /// Where it is on its way.
    pub state: InterfaceState,
    /// Why, where that is a word of ours.
    pub reason: Option<Reason>,
}

/// Why not all of `netplan_success` could be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritten {
    /// The kind of trouble, in words that stay the same from one attempt to the next.
    pub cause: &'static str,
    /// All of it, for people.
    pub error: String,
    /// Rows that are still to be written.
    pub rows: usize,
}

/// What a sync that read the table came to.
#[derive(Debug, Default)]
pub struct Synced {
    /// What was planned, without the NICs that neither came nor went.
    pub plan: Plan,
    /// What came of it.
    pub applied: Applied,
    /// All rows that cannot be used.
    pub rejected: Arc<Vec<Rejection>>,
    /// What NICs go without, although somebody asks for it.
    pub without: BTreeSet<String>,
    /// The rows of servers that are no Nodes here.
    pub unmatched: Vec<Unmatched>,
    /// Rows whose `netplan_success` changed.
    pub written: u64,
    /// Why not all that should.
    pub unwritten: Option<Unwritten>,
}

/// How things stood after the last sync that read the table. A restart loses it: what stands then is told again.
#[derive(Debug, Default)]
pub struct Standing {
    rejected: Arc<Vec<Rejection>>,
    without: BTreeSet<String>,
    unmatched: BTreeSet<Unmatched>,
    /// The Nodes whose removals wait for a person.
    held: BTreeSet<Name>,
    /// Why not all of `netplan_success` could be written.
    trouble: Option<&'static str>,
}

impl Standing {
    /// Takes in another sync, and tells what it changed: what is alike stands together.
    #[must_use]
    pub fn follow(&mut self, synced: Synced) -> Vec<Transition> {
        let Synced { plan, applied, rejected, without, unmatched, written, unwritten } = synced;
        let mut changed = self.wrote(written, unwritten);
        changed.extend(self.follow_guard(&plan));
        changed.extend(plan.added.into_iter().map(Transition::NicAdded));
        changed.extend(plan.dropped.into_iter().map(Transition::NicDropped));
        changed.extend(carried_out(applied));
        self.follow_rejected(rejected, &mut changed);
        let left_out = |what: &String| Transition::LeftOut { what: what.clone() };
        changed.extend(without.difference(&self.without).map(left_out));
        self.without = without;
        changed.extend(self.follow_unmatched(unmatched));
        changed
    }

    /// Takes in that so many rows were written, and why not all that should.
    #[must_use]
    pub fn wrote(&mut self, written: u64, unwritten: Option<Unwritten>) -> Vec<Transition> {
        let rows = (written > 0).then_some(Transition::RowsWritten { rows: written });
        rows.into_iter().chain(self.follow_writes(unwritten)).collect()
    }

    fn follow_writes(&mut self, unwritten: Option<Unwritten>) -> Option<Transition> {
        let trouble = unwritten.as_ref().map(|unwritten| unwritten.cause);
        let before = mem::replace(&mut self.trouble, trouble);
        match unwritten {
            _ if before == trouble => None,
            Some(unwritten) => Some(Transition::WritesFail(unwritten)),
            None => Some(Transition::WritesWork),
        }
    }

    /// Each Node is told when its NICs begin to be held, and the end once nobody's are.
    fn follow_guard(&mut self, plan: &Plan) -> Option<Transition> {
        let held = plan.tasks.iter().filter(|task| task.verdict.reason == Reason::ShrinkGuard);
        let held: BTreeMap<_, _> =
            held.map(|task| (Name::clone(&task.node), task.verdict.message.clone())).collect();
        let before = mem::replace(&mut self.held, held.keys().cloned().collect());
        let new: Vec<_> = held.into_iter().filter(|(node, _)| !before.contains(node)).collect();
        if !new.is_empty() {
            return Some(Transition::GuardRaised { held: new });
        }
        (!before.is_empty() && self.held.is_empty()).then_some(Transition::GuardCleared)
    }

    fn follow_rejected(&mut self, rejected: Arc<Vec<Rejection>>, changed: &mut Vec<Transition>) {
        let before = mem::replace(&mut self.rejected, rejected);
        let (before, now): (BTreeSet<_>, BTreeSet<_>) =
            (before.iter().collect(), self.rejected.iter().collect());
        changed
            .extend(now.difference(&before).map(|rejection| Transition::RowRejected((*rejection).clone())));
        let rows = before.difference(&now).count();
        changed.extend((rows > 0).then_some(Transition::RowsCorrected { rows, left: now.len() }));
    }

    fn follow_unmatched(&mut self, unmatched: Vec<Unmatched>) -> Option<Transition> {
        let before = mem::replace(&mut self.unmatched, unmatched.into_iter().collect());
        let new = self.unmatched.difference(&before).map(|unmatched| unmatched.server.clone());
        let servers: Vec<_> = new.collect();
        (!servers.is_empty()).then_some(Transition::ServersUnmatched { servers })
    }
}

/// What carrying out a plan changed.
pub fn carried_out(applied: Applied) -> impl Iterator<Item = Transition> {
    let Applied { writes: _, specs, failed, outdated, postponed } = applied;
    let written = (specs > 0).then_some(Transition::SpecsWritten { specs });
    let failed = failed.into_iter().map(|(node, error)| Transition::ObjectFailed { node, error });
    let outdated = (outdated > 0).then_some(Transition::ObjectsOutdated { objects: outdated });
    let postponed = (postponed > 0).then_some(Transition::ObjectsPostponed { objects: postponed });
    written.into_iter().chain(failed).chain(outdated).chain(postponed)
}

#[cfg(test)]
mod tests {
    use multinic_crds::Explanation;

    use super::*;
    use crate::{
        fixtures::{mac, slot},
        plan::{Task, Verdict},
    };

    fn change(last: u8) -> Change {
        let port_id = Some(format!("p{last}"));
        Change { node: "a".into(), mac: mac(last), slot: Some(slot(0)), port_id }
    }

    fn rejection(port: &str) -> Rejection {
        let fault = Explanation::new(Reason::InvalidMtu, "why");
        let port_id = Some(port.to_owned());
        Rejection { node: Some("a".into()), port_id, mac: Some(mac(1)), fault, candidates: None }
    }

    fn unwritten(cause: &'static str, rows: usize) -> Unwritten {
        Unwritten { cause, error: format!("{cause}, and more"), rows }
    }

    #[test]
    fn all_that_one_sync_changes_is_told_in_a_fixed_order_and_what_is_alike_stands_together() {
        let synced = Synced {
            plan: Plan { added: vec![change(1), change(2)], dropped: vec![change(3)], ..Plan::default() },
            applied: Applied {
                writes: 9,
                specs: 2,
                failed: vec![("a".into(), "no".to_owned()), ("b".into(), "never".to_owned())],
                outdated: 3,
                postponed: 4,
            },
            written: 5,
            ..Synced::default()
        };
        let failed =
            |node: &str, error: &str| Transition::ObjectFailed { node: node.into(), error: error.to_owned() };
        assert_eq!(
            Standing::default().follow(synced),
            [
                Transition::RowsWritten { rows: 5 },
                Transition::NicAdded(change(1)),
                Transition::NicAdded(change(2)),
                Transition::NicDropped(change(3)),
                Transition::SpecsWritten { specs: 2 },
                failed("a", "no"),
                failed("b", "never"),
                Transition::ObjectsOutdated { objects: 3 },
                Transition::ObjectsPostponed { objects: 4 },
            ]
        );
    }

    #[test]
    fn a_sync_that_changes_nothing_says_nothing() {
        assert_eq!(Standing::default().follow(Synced::default()), []);
    }

    #[test]
    fn the_guard_is_told_when_it_is_raised_with_what_waits_and_when_it_is_cleared() {
        let task = |node: &str, verdict| Task { node: node.into(), write: None, verdict };
        let held = Verdict::unread(Reason::ShrinkGuard, "confirm it".to_owned());
        let guarded = |nodes: &[&str]| {
            let held = nodes.iter().map(|node| task(node, held.clone()));
            let tasks = held.chain([task("z", Verdict::synced())]).collect();
            Synced { plan: Plan { guarded: true, tasks, ..Plan::default() }, ..Synced::default() }
        };
        let raised =
            |node: &str| Transition::GuardRaised { held: vec![(node.into(), "confirm it".to_owned())] };
        let mut standing = Standing::default();
        assert_eq!(standing.follow(guarded(&["a"])), [raised("a")]);
        assert_eq!(standing.follow(guarded(&["a"])), []);
        assert_eq!(standing.follow(guarded(&["a", "b"])), [raised("b")]);
        assert_eq!(standing.follow(guarded(&["b"])), []);
        assert_eq!(standing.follow(Synced::default()), [Transition::GuardCleared]);
    }

    #[test]
    fn writing_that_fails_is_told_once_for_each_cause_until_it_works() {
        let synced = |unwritten| Synced { unwritten, ..Synced::default() };
        let mut standing = Standing::default();
        let (locked, full) = (unwritten("read-only", 3), unwritten("full", 3));
        assert_eq!(standing.follow(synced(Some(locked.clone()))), [Transition::WritesFail(locked)]);
        assert_eq!(standing.follow(synced(Some(unwritten("read-only", 4)))), []);
        assert_eq!(standing.follow(synced(Some(full.clone()))), [Transition::WritesFail(full)]);
        assert_eq!(standing.follow(synced(None)), [Transition::WritesWork]);
    }

    #[test]
    fn a_row_is_rejected_once_however_often_it_is_there_and_is_corrected_once() {
        let synced = |ports: &[&str]| {
            let rejected = Arc::new(ports.iter().map(|port| rejection(port)).collect());
            Synced { rejected, ..Synced::default() }
        };
        let rejected = |port| Transition::RowRejected(rejection(port));
        let mut standing = Standing::default();
        assert_eq!(standing.follow(synced(&["q", "p", "p"])), [rejected("p"), rejected("q")]);
        assert_eq!(standing.follow(synced(&["p", "q"])), []);
        assert_eq!(
            standing.follow(synced(&["r"])),
            [rejected("r"), Transition::RowsCorrected { rows: 2, left: 1 }]
        );
    }

    #[test]
    fn what_is_left_out_is_told_once_until_it_is_had() {
        let synced = |what: &[&str]| {
            let without = what.iter().map(|what| (*what).to_owned()).collect();
            Synced { without, ..Synced::default() }
        };
        let left_out = |what: &str| Transition::LeftOut { what: what.to_owned() };
        let mut standing = Standing::default();
        assert_eq!(standing.follow(synced(&["a", "b"])), [left_out("a"), left_out("b")]);
        assert_eq!(standing.follow(synced(&["b", "c"])), [left_out("c")]);
        assert_eq!(standing.follow(synced(&["a"])), [left_out("a")]);
    }

    #[test]
    fn servers_that_are_no_nodes_are_named_when_they_are_new() {
        let synced = |servers: &[&str]| {
            let unmatched = servers.iter().map(|server| Unmatched { server: (*server).to_owned() });
            Synced { unmatched: unmatched.collect(), ..Synced::default() }
        };
        let named = |server: &str| Transition::ServersUnmatched { servers: vec![server.to_owned()] };
        let mut standing = Standing::default();
        assert_eq!(standing.follow(synced(&["x", "x"])), [named("x")]);
        assert_eq!(standing.follow(synced(&["x", "y"])), [named("y")]);
        assert_eq!(standing.follow(synced(&["y"])), []);
        assert_eq!(standing.follow(synced(&["x"])), [named("x")]);
    }
}
