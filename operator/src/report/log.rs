//! The log: one line for each thing that changes, none for what stays.

use std::collections::BTreeSet;

use multinic_operator_core::{
    plan::{Change, Plan},
    table::{Rejection, Unmatched},
};

use crate::{
    database::{DatabaseError, Written},
    kubernetes::apply::Applied,
};

/// Lines of one kind in one sync; the rest is only counted.
const MAX_LINES: usize = 50;

fn each<T>(what: &'static str, items: impl ExactSizeIterator<Item = T>, line: impl Fn(T)) {
    let more = items.len().saturating_sub(MAX_LINES);
    items.take(MAX_LINES).for_each(line);
    if more > 0 {
        tracing::info!(more, "{what}");
    }
}

pub(crate) fn outage(error: &DatabaseError) {
    tracing::warn!(%error, "the table cannot be read; every NIC is kept, and reading is retried");
}

pub(crate) fn changes(plan: &Plan) {
    let slot = |change: &Change| change.slot.map(|slot| slot.to_string());
    each("further NICs added", plan.added.iter(), |change| {
        tracing::info!(node = %change.node, mac = %change.mac, name = slot(change), "NIC added");
    });
    each("further NICs dropped", plan.dropped.iter(), |change| {
        tracing::info!(node = %change.node, mac = %change.mac, name = slot(change), "NIC dropped, its row is gone");
    });
}

/// More would go at once than is believed, or no more.
pub(crate) fn guard(before: bool, now: bool) {
    match (before, now) {
        (false, true) => {
            tracing::warn!("too many NICs would go at once; they are kept until somebody confirms");
        }
        (true, false) => tracing::info!("no NIC waits for a confirmation any more"),
        _ => {}
    }
}

pub(crate) fn applied(applied: &Applied) {
    if applied.specs > 0 {
        tracing::info!(specs = applied.specs, "specs written");
    }
    if let Some((node, error)) = applied.failed.first() {
        let objects = applied.failed.len();
        tracing::warn!(objects, %node, %error, "objects not written, retried at the next sync; this is the first");
    }
    if applied.outdated > 0 {
        tracing::info!(objects = applied.outdated, "objects changed meanwhile, so they are planned anew");
    }
    if applied.postponed > 0 {
        tracing::warn!(
            objects = applied.postponed,
            "the API server is slow, the rest is left to the next sync"
        );
    }
}

/// What was written, and, `before` and now, why not all of it.
pub(crate) fn written(before: Option<&str>, written: &Written) {
    if written.rows > 0 {
        tracing::info!(rows = written.rows, "netplan_success written");
    }
    // The producer holds its locks for minutes; that is no news.
    tracing::debug!(rows = written.unwritten, "rows left to a later sync");
    match (before, written.error.as_ref()) {
        (before, Some(error)) if before != Some(error.cause().as_str()) => {
            let rows = written.unwritten;
            tracing::warn!(%error, rows, "netplan_success cannot be written, which is retried at every sync");
        }
        (Some(_), None) => tracing::info!("netplan_success can be written again"),
        _ => {}
    }
}

pub(crate) fn rejected(before: &BTreeSet<&Rejection>, now: &BTreeSet<&Rejection>) {
    let new: Vec<_> = now.difference(before).collect();
    each("further rows rejected", new.into_iter(), |rejection| {
        tracing::warn!(
            node = rejection.node.as_deref(),
            port_id = rejection.port_id,
            reason = rejection.fault.reason.as_str(),
            "row rejected: {}",
            rejection.fault,
        );
    });
    let gone = before.difference(now).count();
    if gone > 0 {
        tracing::info!(rows = gone, left = now.len(), "rejected rows were corrected or deleted");
    }
}

pub(crate) fn unmatched(before: &BTreeSet<Unmatched>, now: &BTreeSet<Unmatched>) {
    let new: Vec<_> = now.difference(before).map(|unmatched| unmatched.server.as_str()).collect();
    if !new.is_empty() {
        let named = new.len().min(MAX_LINES);
        tracing::info!(
            servers = new.len(),
            names = new[..named].join(", "),
            "rows of servers that are no Nodes here"
        );
    }
}
