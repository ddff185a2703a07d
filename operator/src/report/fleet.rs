//! The fleet as this operator knows it: one value, made anew with every change and shared by all who read it.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use multinic_crds::InterfaceState;
use multinic_operator_core::{
    cluster::{Index, Object},
    table::Rejection,
};
use multinic_runtime::admin::{Health, Report};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

/// What this operator is among several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// The one that acts, or alone.
    #[default]
    Leader,
    /// Ready to act when the leader does no more.
    StandBy,
}

/// The state of the operator and of what it looks after, as of the last turn of its loop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a field of the health endpoint")]
pub struct Fleet {
    /// What it is among several.
    pub role: Role,
    /// Who acts, where this one stands by and knows.
    pub leader: Option<String>,
    /// Whether the API server has told what there is: Nodes and objects, or who leads.
    pub listed: bool,
    /// Whether the API server still tells of it, as far as is known.
    pub watching: bool,
    /// Whether the table was read at the last attempt.
    pub database_connected: bool,
    /// Why it was not.
    pub read_error: Option<&'static str>,
    /// Why `netplan_success` could not be written at the last attempt.
    pub write_error: Option<&'static str>,
    /// Why the status table could not be written at the last attempt, where there is one.
    pub status_table_error: Option<&'static str>,
    /// Rows whose `netplan_success` is still to be written.
    pub unwritten_rows: usize,
    /// When the table was last read.
    pub last_sync: Option<Instant>,
    /// Nodes of the cluster.
    pub nodes: usize,
    /// Nodes that have NICs.
    pub nodes_with_nics: usize,
    /// NICs that the specs ask for.
    pub interfaces: usize,
    /// NICs whose agent could not, or would not, configure them.
    pub failed_interfaces: usize,
    /// Rows read.
    pub rows: usize,
    /// The rows that cannot be used, and why.
    pub rejected: Arc<Vec<Rejection>>,
    /// Rows of servers that are no Nodes.
    pub unmatched_rows: usize,
    /// Those servers, and how many rows each has; the first of very many.
    pub unmatched: Arc<BTreeMap<String, usize>>,
    /// NICs dropped from specs since the start.
    pub dropped: u64,
    /// Objects that could not be written in the last sync.
    pub failed_objects: usize,
    /// Whether removals wait for a person.
    pub guarded: bool,
}

impl Fleet {
    /// What the health endpoint says of this at `now`.
    #[must_use]
    pub fn report(&self, now: Instant) -> Report {
        let failed = self.rejected.len() + self.failed_interfaces;
        let writes = self.write_error.is_none() && self.status_table_error.is_none();
        let uses_table = self.database_connected && writes;
        let acts_well = uses_table && failed + self.failed_objects == 0 && !self.guarded;
        let well = self.watching && (acts_well || self.role == Role::StandBy);
        let health = match (self.listed, well) {
            (false, _) => Health::Unhealthy,
            (true, false) => Health::Degraded,
            (true, true) => Health::Healthy,
        };
        let unready = match self.role {
            Role::Leader => "Nodes and objects are not listed yet",
            Role::StandBy => "the lease that says who leads could not be read yet",
        };
        let ready = self.listed.then_some(()).ok_or_else(|| unready.to_owned());
        let fields = json!({
            "leader": self.role == Role::Leader,
            "processed_vms": self.nodes_with_nics,
            "failed_configs": failed,
            "deleted_interfaces": self.dropped,
            "api_connected": self.watching,
            "database_connected": self.database_connected,
            "database_error": self.read_error,
            "write_error": self.write_error,
            "status_table_error": self.status_table_error,
            "unwritten_rows": self.unwritten_rows,
            "last_sync_age_seconds": self.last_sync_age(now),
            "nodes": self.nodes,
            "interfaces": self.interfaces,
            "failed_interfaces": self.failed_interfaces,
            "failed_objects": self.failed_objects,
            "rows": self.rows,
            "rejected_rows": self.rejected.len(),
            "unmatched_rows": self.unmatched_rows,
            "shrink_guard": self.guarded,
        });
        let fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Report { health, ready, fields }
    }

    /// How many seconds ago, at `now`, the table was last read.
    #[must_use]
    pub fn last_sync_age(&self, now: Instant) -> Option<u64> {
        self.last_sync.map(|last| now.saturating_duration_since(last).as_secs())
    }

    /// Forgets what only the leader knows.
    pub fn stand_by(&mut self) {
        let Self { listed, watching, dropped, .. } = *self;
        *self = Self { role: Role::StandBy, listed, watching, dropped, ..Self::default() };
    }

    /// Begins to act, with everything yet to be listed.
    pub fn lead(&mut self) {
        *self = Self { dropped: self.dropped, ..Self::default() };
    }

    /// Takes in whether the API server tells who leads.
    pub fn hear(&mut self, heard: bool) {
        (self.listed, self.watching) = (self.listed || heard, heard);
    }

    /// Takes in who leads: the pod, of an identity that has a number behind its name.
    pub fn follow(&mut self, holder: Option<&str>) {
        let pod = holder.and_then(|holder| holder.split('_').next()).filter(|pod| !pod.is_empty());
        self.leader = pod.map(str::to_owned);
    }

    /// Counts what the objects say.
    pub fn count(&mut self, objects: &Index<Object>) {
        let failed = |object: &Object| {
            let failed = |state| matches!(state, InterfaceState::Failed | InterfaceState::Refused);
            object.reported.iter().filter(|reported| failed(reported.state)).count()
        };
        self.interfaces = objects.iter().map(|(_, object)| object.interfaces.len()).sum();
        self.failed_interfaces = objects.iter().map(|(_, object)| failed(object)).sum();
    }
}

/// Where the fleet is shown. Clones show the same.
#[derive(Debug, Clone)]
pub struct Board(watch::Sender<Arc<Fleet>>);

impl Board {
    /// A board that shows nothing yet, and a place to read it from.
    #[must_use]
    pub fn new() -> (Self, watch::Receiver<Arc<Fleet>>) {
        let (sender, receiver) = watch::channel(Arc::default());
        (Self(sender), receiver)
    }

    /// What it shows.
    #[must_use]
    pub fn shown(&self) -> Arc<Fleet> {
        Arc::clone(&self.0.borrow())
    }

    /// Shows the fleet after `change`. Who waits for news hears of it only if anything is another than before.
    pub fn change(&self, change: impl FnOnce(&mut Fleet)) {
        self.0.send_if_modified(|shown| {
            let mut next = Fleet::clone(shown);
            change(&mut next);
            let is_news = next != **shown;
            if is_news {
                *shown = Arc::new(next);
            }
            is_news
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(fleet: &Fleet) -> (Health, bool, Value) {
        let mut report = fleet.report(Instant::now());
        (report.health, report.ready.is_ok(), report.fields.remove("leader").unwrap())
    }

    #[test]
    fn a_table_that_cannot_be_written_is_something_to_look_at_and_says_why() {
        let well = Fleet { listed: true, watching: true, database_connected: true, ..Fleet::default() };
        assert_eq!(well.report(Instant::now()).health, Health::Healthy);
        let unwritable = Fleet { write_error: Some("why"), ..well.clone() };
        let report = unwritable.report(Instant::now());
        assert_eq!((report.health, &report.fields["write_error"]), (Health::Degraded, &"why".into()));
        let unkept = Fleet { status_table_error: Some("why"), ..well.clone() };
        assert_eq!(unkept.report(Instant::now()).health, Health::Degraded);
        // Whoever has the rows locked will let go of them.
        let waiting = Fleet { unwritten_rows: 3, ..well };
        assert_eq!(waiting.report(Instant::now()).health, Health::Healthy);
    }

    #[test]
    fn a_stand_by_is_ready_and_healthy_once_it_knows_who_leads_and_a_leader_once_it_acts() {
        let mut fleet = Fleet { dropped: 3, ..Fleet::default() };
        fleet.stand_by();
        assert_eq!(says(&fleet), (Health::Unhealthy, false, false.into()));
        fleet.hear(true);
        assert_eq!(says(&fleet), (Health::Healthy, true, false.into()));
        fleet.hear(false);
        assert_eq!(says(&fleet), (Health::Degraded, true, false.into()));

        fleet.lead();
        assert_eq!(says(&fleet), (Health::Unhealthy, false, true.into()));
        fleet = Fleet { listed: true, watching: true, database_connected: true, ..fleet };
        assert_eq!(says(&fleet), (Health::Healthy, true, true.into()));
        assert_eq!(fleet.dropped, 3);
    }

    #[test]
    fn what_stays_is_no_news_and_whoever_holds_what_was_shown_keeps_it() {
        let (board, mut seen) = Board::new();
        board.change(|fleet| fleet.hear(true));
        assert!(seen.has_changed().unwrap());
        let shown = Arc::clone(&seen.borrow_and_update());

        board.change(|fleet| fleet.hear(true));
        assert!(!seen.has_changed().unwrap());
        board.change(|fleet| fleet.hear(false));
        assert!(seen.has_changed().unwrap());

        let heard = Fleet { listed: true, watching: true, ..Fleet::default() };
        assert_eq!((&*shown, &**seen.borrow()), (&heard, &Fleet { watching: false, ..heard.clone() }));
    }
}
