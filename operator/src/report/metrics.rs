//! What Prometheus sees. Every label has few, known values.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use multinic_crds::{Reason, Scope};
use multinic_operator_core::{
    cluster::{Index, Object},
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

type Label = [(&'static str, &'static str); 1];

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
    leader: Gauge,
    rejected: Family<Label, Gauge>,
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
            leader: Gauge::default(),
            rejected: Family::default(),
        };
        metrics.register_each(registry);
        metrics.set_rejected([]);
        metrics
    }

    fn register_each(&self, registry: &mut Registry) {
        let seconds = self.sync_seconds.clone();
        registry.register_with_unit("sync", "Time that a sync took", Unit::Seconds, seconds);
        registry.register(
            "last_sync_timestamp_seconds",
            "When the table was last read and carried over",
            self.last_sync.clone(),
        );
        for (name, help, gauge) in [
            ("leader", "Whether this operator is the one that acts", &self.leader),
            ("database_up", "Whether the table was read at the last attempt", &self.database_up),
            (
                "database_writable",
                "Whether no error kept netplan_success from being written at the last attempt",
                &self.database_writable,
            ),
            ("unwritten_rows", "Rows whose netplan_success is still to be written", &self.unwritten),
            ("nodes", "Nodes of the cluster", &self.nodes),
            ("rows", "Rows of the table", &self.rows),
            ("unmatched_rows", "Rows of servers that are no Nodes of this cluster", &self.unmatched),
            ("wanted_interfaces", "NICs that the specs ask for", &self.interfaces),
        ] {
            registry.register(name, help, gauge.clone());
        }
        let rejected = self.rejected.clone();
        registry.register("rejected_rows", "Rows that cannot be used", rejected);
        for (name, help, counter) in [
            ("dropped_interfaces", "NICs dropped from specs", &self.dropped),
            ("api_writes", "Calls to the API server that write", &self.api_writes),
            ("api_failures", "Objects that could not be written", &self.api_failures),
            ("row_writes", "Rows whose netplan_success was changed", &self.row_writes),
        ] {
            registry.register(name, help, counter.clone());
        }
    }

    /// Shows whether this operator acts. One that does not knows nothing of the rest.
    pub fn set_leader(&self, leader: bool) {
        self.leader.set(i64::from(leader));
        if !leader {
            for gauge in [
                &self.database_up,
                &self.database_writable,
                &self.unwritten,
                &self.nodes,
                &self.rows,
                &self.unmatched,
                &self.interfaces,
            ] {
                gauge.set(0);
            }
            self.set_rejected([]);
        }
    }

    /// Shows how many rows are rejected now, by reason.
    fn set_rejected(&self, reasons: impl IntoIterator<Item = Reason>) {
        // The zeros too.
        for reason in Reason::ALL.iter().filter(|reason| reason.shows_in(Scope::Row)) {
            self.rejected.get_or_create(&[("reason", reason.as_str())]).set(0);
        }
        for reason in reasons {
            self.rejected.get_or_create(&[("reason", reason.as_str())]).inc();
        }
    }

    /// Shows the fleet after a sync that read the table.
    pub fn show(&self, fleet: &Fleet) {
        for (gauge, value) in [
            (&self.database_writable, usize::from(fleet.write_error.is_none())),
            (&self.unwritten, fleet.unwritten_rows),
            (&self.nodes, fleet.nodes),
            (&self.rows, fleet.rows),
            (&self.unmatched, fleet.unmatched_rows),
            (&self.interfaces, fleet.interfaces),
        ] {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        self.set_rejected(fleet.rejected.iter().map(|rejection| rejection.fault.reason));
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_sync.set(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX));
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
