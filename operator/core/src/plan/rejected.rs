//! The rejected rows, by the Nodes that they are or may be about.

use std::{collections::HashMap, sync::Arc};

use multinic_crds::Reason;

use crate::{
    cluster::{Name, Several},
    few::NAMED,
    table::Rejection,
};

/// Rejected rows of one Node: the first of them, and how many there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rejected<'a> {
    /// The first, in a fixed order.
    pub(crate) first: Vec<&'a Rejection>,
    /// All of them.
    pub(crate) total: usize,
    /// Those that only lack a slot.
    pub(crate) slotless: usize,
}

impl<'a> Rejected<'a> {
    pub(super) fn add(&mut self, rejection: &'a Rejection) {
        self.total += 1;
        self.slotless += usize::from(rejection.fault.reason == Reason::NoFreeSlot);
        if self.first.len() < NAMED {
            self.first.push(rejection);
        }
    }

    fn join(&mut self, more: &Self) {
        self.total += more.total;
        self.slotless += more.slotless;
        let room = NAMED.saturating_sub(self.first.len());
        self.first.extend(more.first.iter().take(room));
    }
}

/// All rejected rows.
#[derive(Debug, Default)]
pub(super) struct ByNode<'a> {
    certain: HashMap<&'a Name, Rejected<'a>>,
    ambiguous: HashMap<*const (), (&'a Several, Rejected<'a>)>,
}

impl<'a> ByNode<'a> {
    pub(super) fn new(rejected: &'a [Rejection]) -> Self {
        let mut sorted: Vec<_> = rejected.iter().collect();
        sorted.sort_by(|a, b| (&a.port_id, a.mac, &a.fault).cmp(&(&b.port_id, b.mac, &b.fault)));
        let mut by_node = Self::default();
        for rejection in sorted {
            if let Some(node) = &rejection.node {
                by_node.certain.entry(node).or_default().add(rejection);
            } else if let Some(nodes) = &rejection.candidates {
                // Thousands of rows may share one set.
                let key = Arc::as_ptr(nodes).cast();
                by_node.ambiguous.entry(key).or_insert_with(|| (nodes, Rejected::default())).1.add(rejection);
            }
        }
        by_node
    }

    pub(super) fn on(&self, node: &Name) -> Rejected<'a> {
        let mut rejected = self.certain.get(node).cloned().unwrap_or_default();
        let mut ambiguous: Vec<_> =
            self.ambiguous.values().filter(|(nodes, _)| nodes.contains(node)).map(|(_, rows)| rows).collect();
        ambiguous.sort_by_key(|rows| rows.first.first().map(|row| (&row.port_id, row.mac)));
        for rows in ambiguous {
            rejected.join(rows);
        }
        rejected
    }
}
