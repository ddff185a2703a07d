//! What the status table has, and what is still to be written.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use kube::ResourceExt;
use multinic_crds::GuardedConfig;

use super::{Entry, Id, entry::entries};
use crate::cluster::{Event, Name};

/// Rows of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batch {
    /// They are inserted, or take the place of those that are there.
    Put(Vec<(Id, Entry)>),
    /// They go.
    Delete(Vec<Id>),
}

impl Batch {
    /// How many rows it writes; never none.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it never is")]
    pub const fn len(&self) -> usize {
        match self {
            Self::Put(rows) => rows.len(),
            Self::Delete(ids) => ids.len(),
        }
    }
}

/// A synchronous state machine: what a watch tells in, rows to write out.
///
/// What it gives out counts as written; where writing fails, it is made anew from what the table has.
#[derive(Debug, Default)]
pub struct Sheet {
    /// By Node and MAC address, what tells the row from another one.
    known: BTreeMap<Name, BTreeMap<String, u64>>,
    /// The Nodes of the list that is under way.
    listed: BTreeSet<Name>,
    puts: BTreeMap<Id, Entry>,
    deletes: BTreeSet<Id>,
}

impl Sheet {
    /// Of a table that has these rows.
    pub fn new(rows: impl IntoIterator<Item = (Id, Entry)>) -> Self {
        let mut sheet = Self::default();
        for (Id { node, mac }, entry) in rows {
            sheet.known.entry(node).or_default().insert(mac, entry.digest());
        }
        sheet
    }

    /// Takes in what a watch of all objects tells.
    pub fn handle(&mut self, event: Event<GuardedConfig>) {
        match event {
            Event::Apply(config) => self.take(config),
            Event::Delete(config) => self.lose(&Name::from(config.name_any())),
            Event::Init => self.listed.clear(),
            Event::InitApply(config) => {
                self.listed.insert(config.name_any().into());
                self.take(config);
            }
            Event::InitDone => {
                let listed = mem::take(&mut self.listed);
                let gone: Vec<_> =
                    self.known.keys().filter(|node| !listed.contains(*node)).cloned().collect();
                for node in gone {
                    self.lose(&node);
                }
            }
        }
    }

    /// Up to `size` rows to write next, which count as written from now on.
    pub fn next(&mut self, size: usize) -> Option<Batch> {
        let deletes: Vec<_> = (0..size).map_while(|_| self.deletes.pop_first()).collect();
        if !deletes.is_empty() {
            return Some(Batch::Delete(deletes));
        }
        let puts: Vec<_> = (0..size).map_while(|_| self.puts.pop_first()).collect();
        (!puts.is_empty()).then_some(Batch::Put(puts))
    }

    /// How many rows are still to be written.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.puts.len() + self.deletes.len()
    }

    fn take(&mut self, config: GuardedConfig) {
        let node = Name::from(config.name_any());
        let mut before = self.known.remove(&node).unwrap_or_default();
        let mut known = BTreeMap::new();
        for (mac, entry) in entries(config) {
            let digest = entry.digest();
            known.insert(mac.clone(), digest);
            if before.remove(&mac) != Some(digest) {
                let id = Id { node: Name::clone(&node), mac };
                self.deletes.remove(&id);
                self.puts.insert(id, entry);
            }
        }
        for mac in before.into_keys() {
            self.drop(Id { node: Name::clone(&node), mac });
        }
        if !known.is_empty() {
            self.known.insert(node, known);
        }
    }

    fn lose(&mut self, node: &Name) {
        for mac in self.known.remove(node).unwrap_or_default().into_keys() {
            self.drop(Id { node: Name::clone(node), mac });
        }
    }

    fn drop(&mut self, id: Id) {
        self.puts.remove(&id);
        self.deletes.insert(id);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{mac, object};

    /// An object of `node` whose agent says these states of NICs.
    fn config(node: &str, nics: &[(u8, &str)]) -> GuardedConfig {
        let nic = |(last, state): &(u8, &str)| json!({ "macAddress": mac(*last), "name": "multinic0", "state": state, "reason": state });
        let interfaces: Vec<_> = nics.iter().map(nic).collect();
        object(node, 1, &[], json!({ "observedGeneration": 1, "interfaces": interfaces }))
    }

    fn id(node: &str, last: u8) -> Id {
        Id { node: node.into(), mac: mac(last).to_string() }
    }

    /// All that is to be written: what is put, and what goes.
    fn written(sheet: &mut Sheet) -> (Vec<(Id, String)>, Vec<Id>) {
        let (mut puts, mut deletes) = (Vec::new(), Vec::new());
        while let Some(batch) = sheet.next(2) {
            match batch {
                Batch::Put(rows) => {
                    assert!(rows.len() <= 2);
                    puts.extend(rows.into_iter().map(|(id, entry)| (id, entry.state)));
                }
                Batch::Delete(ids) => deletes.extend(ids),
            }
        }
        assert_eq!(sheet.pending(), 0);
        (puts, deletes)
    }

    fn listed(sheet: &mut Sheet, configs: impl IntoIterator<Item = GuardedConfig>) {
        sheet.handle(Event::Init);
        for config in configs {
            sheet.handle(Event::InitApply(config));
        }
        sheet.handle(Event::InitDone);
    }

    #[test]
    fn only_what_differs_from_what_the_table_has_is_written() {
        let configs = || [config("a", &[(1, "Configured"), (2, "Failed")]), config("b", &[(3, "Pending")])];
        let mut first = Sheet::default();
        listed(&mut first, configs());
        let all = [(id("a", 1), "Configured"), (id("a", 2), "Failed"), (id("b", 3), "Pending")];
        let all: Vec<_> = all.into_iter().map(|(id, state)| (id, state.to_owned())).collect();
        assert_eq!(written(&mut first), (all, vec![]));
        listed(&mut first, configs());
        assert_eq!(written(&mut first), (vec![], vec![]));

        let rows = configs().into_iter().flat_map(|config| {
            let node = Name::from(config.name_any());
            entries(config).into_iter().map(move |(mac, entry)| (Id { node: Name::clone(&node), mac }, entry))
        });
        let mut second = Sheet::new(rows.collect::<Vec<_>>());
        listed(&mut second, configs());
        assert_eq!(written(&mut second), (vec![], vec![]));
        second.handle(Event::Apply(config("a", &[(1, "Failed"), (2, "Failed")])));
        assert_eq!(written(&mut second), (vec![(id("a", 1), "Failed".to_owned())], vec![]));
    }

    #[test]
    fn nics_and_nodes_that_are_gone_leave_the_table() {
        let mut sheet = Sheet::new([(id("gone", 9), Entry::default()), (id("a", 8), Entry::default())]);
        listed(&mut sheet, [config("a", &[(1, "Configured")]), config("b", &[(2, "Configured")])]);
        assert_eq!(written(&mut sheet).1, [id("a", 8), id("gone", 9)]);
        sheet.handle(Event::Apply(config("a", &[])));
        sheet.handle(Event::Delete(config("b", &[])));
        assert_eq!(written(&mut sheet), (vec![], vec![id("a", 1), id("b", 2)]));
    }

    #[test]
    fn of_what_changes_to_and_fro_before_it_is_written_the_last_counts() {
        let mut sheet = Sheet::default();
        listed(&mut sheet, [config("a", &[(1, "Pending")])]);
        sheet.handle(Event::Apply(config("a", &[(1, "Configured")])));
        sheet.handle(Event::Apply(config("a", &[])));
        assert_eq!(written(&mut sheet), (vec![], vec![id("a", 1)]));
        sheet.handle(Event::Apply(config("a", &[])));
        sheet.handle(Event::Apply(config("a", &[(1, "Configured")])));
        assert_eq!(written(&mut sheet), (vec![(id("a", 1), "Configured".to_owned())], vec![]));
    }
}
