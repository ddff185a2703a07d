//! What the health endpoint says.

pub(crate) mod log;
pub mod metrics;

use std::time::Instant;

use multinic_crds::InterfaceState;
use multinic_operator_core::cluster::{Index, Object};
use multinic_runtime::admin::{Health, Report};
use serde_json::{Map, Value, json};

/// What this operator is among several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// The one that acts, or alone.
    #[default]
    Leader,
    /// Ready to act when the leader does no more.
    StandBy,
}

/// The state of the operator, as of the last turn of its loop.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a field of the health endpoint")]
pub struct Overview {
    /// What it is among several.
    pub role: Role,
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
    /// Rows that cannot be used.
    pub rejected_rows: usize,
    /// Rows of servers that are no Nodes.
    pub unmatched_rows: usize,
    /// NICs dropped from specs since the start.
    pub dropped: u64,
    /// Objects that could not be written in the last sync.
    pub failed_objects: usize,
    /// Whether removals wait for a person.
    pub guarded: bool,
}

impl Overview {
    /// What the health endpoint says of this at `now`.
    #[must_use]
    pub fn report(&self, now: Instant) -> Report {
        let failed = self.rejected_rows + self.failed_interfaces;
        let uses_table = self.database_connected && self.write_error.is_none();
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
        let age = self.last_sync.map(|last| now.saturating_duration_since(last).as_secs());
        let fields = json!({
            "leader": self.role == Role::Leader,
            "processed_vms": self.nodes_with_nics,
            "failed_configs": failed,
            "deleted_interfaces": self.dropped,
            "api_connected": self.watching,
            "database_connected": self.database_connected,
            "database_error": self.read_error,
            "write_error": self.write_error,
            "unwritten_rows": self.unwritten_rows,
            "last_sync_age_seconds": age,
            "nodes": self.nodes,
            "interfaces": self.interfaces,
            "failed_interfaces": self.failed_interfaces,
            "failed_objects": self.failed_objects,
            "rows": self.rows,
            "rejected_rows": self.rejected_rows,
            "unmatched_rows": self.unmatched_rows,
            "shrink_guard": self.guarded,
        });
        let fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Report { health, ready, fields }
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

    /// Takes in whether the API server tells who leads; says whether that changes anything.
    pub fn hear(&mut self, heard: bool) -> bool {
        let before = (self.listed, self.watching);
        (self.listed, self.watching) = (self.listed || heard, heard);
        before != (self.listed, self.watching)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn says(overview: &Overview) -> (Health, bool, Value) {
        let mut report = overview.report(Instant::now());
        (report.health, report.ready.is_ok(), report.fields.remove("leader").unwrap())
    }

    #[test]
    fn a_table_that_cannot_be_written_is_something_to_look_at_and_says_why() {
        let well = Overview { listed: true, watching: true, database_connected: true, ..Overview::default() };
        assert_eq!(well.report(Instant::now()).health, Health::Healthy);
        let unwritable = Overview { write_error: Some("why"), ..well };
        let report = unwritable.report(Instant::now());
        assert_eq!((report.health, &report.fields["write_error"]), (Health::Degraded, &"why".into()));
        // Whoever has the rows locked will let go of them.
        let waiting = Overview { unwritten_rows: 3, ..well };
        assert_eq!(waiting.report(Instant::now()).health, Health::Healthy);
    }

    #[test]
    fn a_stand_by_is_ready_and_healthy_once_it_knows_who_leads_and_a_leader_once_it_acts() {
        let mut overview = Overview { dropped: 3, ..Overview::default() };
        overview.stand_by();
        assert_eq!(says(&overview), (Health::Unhealthy, false, false.into()));
        assert!(overview.hear(true) && !overview.hear(true));
        assert_eq!(says(&overview), (Health::Healthy, true, false.into()));
        assert!(overview.hear(false));
        assert_eq!(says(&overview), (Health::Degraded, true, false.into()));

        overview.lead();
        assert_eq!(says(&overview), (Health::Unhealthy, false, true.into()));
        overview = Overview { listed: true, watching: true, database_connected: true, ..overview };
        assert_eq!(says(&overview), (Health::Healthy, true, true.into()));
        assert_eq!(overview.dropped, 3);
    }
}
