//! What the health endpoint says.

use std::time::Instant;

use multinic_crds::InterfaceState;
use multinic_runtime::admin::{Health, Report};
use serde_json::{Map, Value, json};

use crate::cluster::{Index, Object};

/// The state of the operator, as of the last turn of its loop.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a field of the health endpoint")]
pub struct Overview {
    /// Whether Nodes and objects have been listed.
    pub listed: bool,
    /// Whether Nodes and objects are watched, as far as is known.
    pub watching: bool,
    /// Whether the table was read at the last attempt.
    pub database_connected: bool,
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
    /// Whether NICs are kept only because the table is empty.
    pub guarded: bool,
}

impl Overview {
    /// What the health endpoint says of this at `now`.
    #[must_use]
    pub fn report(&self, now: Instant) -> Report {
        let failed = self.rejected_rows + self.failed_interfaces;
        let well =
            self.database_connected && self.watching && failed + self.failed_objects == 0 && !self.guarded;
        let health = match (self.listed, well) {
            (false, _) => Health::Unhealthy,
            (true, false) => Health::Degraded,
            (true, true) => Health::Healthy,
        };
        let ready =
            self.listed.then_some(()).ok_or_else(|| "Nodes and objects are not listed yet".to_owned());
        let age = self.last_sync.map(|last| now.saturating_duration_since(last).as_secs());
        let fields = json!({
            "processed_vms": self.nodes_with_nics,
            "failed_configs": failed,
            "deleted_interfaces": self.dropped,
            "api_connected": self.watching,
            "database_connected": self.database_connected,
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
