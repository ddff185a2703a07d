//! What Prometheus sees. Every label has few, known values, but for the names of Nodes that nobody reports on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use multinic_crds::{Reason, Scope};
use multinic_operator_core::{
    cluster::{Index, Name, Object},
    transition::Transition,
};
use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::{fleet::Fleet, sink::Sink};

type Label<Value = &'static str> = [(&'static str, Value); 1];

/// The metrics of one operator. Clones share their values.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each has its help text where it is registered")]
pub struct Metrics {
    pub sync_seconds: Histogram,
    pub last_sync: Gauge,
    pub database_up: Gauge,
    pub database_writable: Gauge,
    pub unwritten: Gauge,
    pub nodes: Gauge,
    pub rows: Gauge,
    pub unmatched: Gauge,
    pub interfaces: Gauge,
    pub dropped: Counter,
    pub api_writes: Counter,
    pub api_failures: Counter,
    pub row_writes: Counter,
    pub status_writes: Counter,
    pub status_table_failing: Gauge,
    pub busy: Gauge,
    sync_interval: Gauge,
    leader: Gauge,
    removals_held: Gauge,
    rejected: Family<Label, Gauge>,
    unreported: Family<Label<String>, Gauge>,
    /// The Nodes that `unreported` has.
    named: Arc<Mutex<BTreeSet<Name>>>,
}

impl Metrics {
    /// Metrics that `registry` shows.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("multinic");
        let metrics = Self {
            // 5 ms to 40 s.
            sync_seconds: Histogram::new(exponential_buckets(0.005, 2.0, 14)),
            last_sync: Gauge::default(),
            database_up: Gauge::default(),
            database_writable: Gauge::default(),
            unwritten: Gauge::default(),
            nodes: Gauge::default(),
            rows: Gauge::default(),
            unmatched: Gauge::default(),
            interfaces: Gauge::default(),
            dropped: Counter::default(),
            api_writes: Counter::default(),
            api_failures: Counter::default(),
            row_writes: Counter::default(),
            status_writes: Counter::default(),
            status_table_failing: Gauge::default(),
            busy: Gauge::default(),
            sync_interval: Gauge::default(),
            leader: Gauge::default(),
            removals_held: Gauge::default(),
            rejected: Family::default(),
            unreported: Family::default(),
            named: Arc::default(),
        };
        metrics.register_each(registry);
        metrics.set_rejected([]);
        metrics
    }

    fn register_each(&self, registry: &mut Registry) {
        registry.register("build", "Version and commit of this operator", multinic_runtime::build_info());
        let seconds = self.sync_seconds.clone();
        registry.register_with_unit("sync", "Time that a sync took", Unit::Seconds, seconds);
        registry.register(
            "last_sync_timestamp_seconds",
            "When the table was last read and carried over",
            self.last_sync.clone(),
        );
        registry.register(
            "sync_interval_seconds",
            "Time between two readings of the table at rest, as it was set",
            self.sync_interval.clone(),
        );
        for (name, help, gauge) in [
            ("leader", "Whether this operator is the one that acts", &self.leader),
            (
                "busy",
                "Whether the table is read more often, since something changes or is unsettled",
                &self.busy,
            ),
            ("database_up", "Whether the table was read at the last attempt", &self.database_up),
            (
                "database_writable",
                "Whether no error kept netplan_success from being written at the last attempt",
                &self.database_writable,
            ),
            ("unwritten_rows", "Rows whose netplan_success is still to be written", &self.unwritten),
            (
                "status_table_failing",
                "Whether an error keeps the status table from being written, where there is one",
                &self.status_table_failing,
            ),
            ("nodes", "Nodes of the cluster", &self.nodes),
            ("rows", "Rows of the table", &self.rows),
            ("unmatched_rows", "Rows of servers that are no Nodes of this cluster", &self.unmatched),
            ("wanted_interfaces", "NICs that the specs ask for", &self.interfaces),
            ("removals_held", "Whether removals wait for a person to confirm them", &self.removals_held),
        ] {
            registry.register(name, help, gauge.clone());
        }
        let rejected = self.rejected.clone();
        registry.register("rejected_rows", "Rows that cannot be used", rejected);
        registry.register(
            "node_unreported",
            "Nodes with NICs of whose object, as it is now, no agent has told anything in the Node's present boot",
            self.unreported.clone(),
        );
        for (name, help, counter) in [
            ("dropped_interfaces", "NICs dropped from specs", &self.dropped),
            ("api_writes", "Calls to the API server that write", &self.api_writes),
            ("api_failures", "Objects that could not be written", &self.api_failures),
            ("row_writes", "Rows whose netplan_success was changed", &self.row_writes),
            (
                "status_table_writes",
                "Rows that were written to the status table, or deleted there",
                &self.status_writes,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
    }

    /// Shows whether this operator acts. One that does not knows nothing of the rest.
    pub fn set_leader(&self, leader: bool) {
        self.leader.set(i64::from(leader));
        if !leader {
            for gauge in [
                &self.busy,
                &self.database_up,
                &self.database_writable,
                &self.unwritten,
                &self.status_table_failing,
                &self.nodes,
                &self.rows,
                &self.unmatched,
                &self.interfaces,
                &self.removals_held,
            ] {
                gauge.set(0);
            }
            self.set_rejected([]);
            self.set_unreported([]);
        }
    }

    /// Shows how often the table is read.
    pub fn set_sync_interval(&self, interval: Duration) {
        self.sync_interval.set(i64::try_from(interval.as_secs()).unwrap_or(i64::MAX));
    }

    /// Shows how many rows are rejected now, by reason.
    fn set_rejected(&self, reasons: impl IntoIterator<Item = Reason>) {
        // The zeros too. Each is set once, so that nobody sees a zero on the way from one number to the next.
        let shown = Reason::ALL.iter().filter(|reason| reason.shows_in(Scope::Row));
        let mut counts: BTreeMap<_, i64> = shown.map(|reason| (*reason, 0)).collect();
        for reason in reasons {
            *counts.entry(reason).or_default() += 1;
        }
        for (reason, count) in counts {
            self.rejected.get_or_create(&[("reason", reason.as_str())]).set(count);
        }
    }

    /// Shows the Nodes that nobody reports on. The others have no series at all.
    pub fn set_unreported(&self, nodes: impl IntoIterator<Item = Name>) {
        let label = |node: &Name| [("node", node.to_string())];
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *named, nodes.into_iter().collect());
        for node in &*named {
            self.unreported.get_or_create(&label(node)).set(1);
        }
        for node in before.difference(&named) {
            self.unreported.remove(&label(node));
        }
    }

    /// Shows the fleet after a sync that read the table.
    pub fn show(&self, fleet: &Fleet) {
        self.show_writes(fleet);
        for (gauge, value) in [
            (&self.unwritten, fleet.unwritten_rows),
            (&self.nodes, fleet.nodes),
            (&self.rows, fleet.rows),
            (&self.unmatched, fleet.unmatched_rows),
            (&self.interfaces, fleet.interfaces),
            (&self.removals_held, usize::from(fleet.guarded)),
        ] {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        self.set_rejected(fleet.rejected.iter().map(|rejection| rejection.fault.reason));
        self.last_sync.set(Timestamp::now().as_second());
    }

    /// Shows whether `netplan_success` could be written.
    pub fn show_writes(&self, fleet: &Fleet) {
        self.database_writable.set(i64::from(fleet.write_error.is_none()));
    }

    /// A sync took this long.
    pub fn observe_sync(&self, took: Duration) {
        self.sync_seconds.observe(took.as_secs_f64());
    }
}

impl Sink for Metrics {
    fn take(&self, transitions: &[Transition], _: &Index<Object>) {
        for transition in transitions {
            match transition {
                Transition::RowsWritten { rows } => _ = self.row_writes.inc_by(*rows),
                Transition::NicDropped(_) => _ = self.dropped.inc(),
                Transition::ObjectFailed { .. } => _ = self.api_failures.inc(),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn series(registry: &Registry, name: &str) -> Vec<String> {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
    }

    #[test]
    fn a_node_has_a_series_only_while_nobody_reports_on_it() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let shown = || series(&registry, "multinic_node_unreported");
        assert_eq!(shown(), [""; 0]);
        metrics.set_unreported(["a".into(), "b".into()]);
        metrics.set_unreported(["b".into()]);
        assert_eq!(shown(), [r#"multinic_node_unreported{node="b"} 1"#]);
        metrics.set_leader(false);
        assert_eq!(shown(), [""; 0]);
    }

    #[test]
    fn a_raised_guard_shows_and_a_stand_by_shows_none() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        metrics.show(&Fleet { guarded: true, ..Fleet::default() });
        assert_eq!(series(&registry, "multinic_removals_held"), ["multinic_removals_held 1"]);
        metrics.set_leader(false);
        assert_eq!(series(&registry, "multinic_removals_held"), ["multinic_removals_held 0"]);
    }
}
