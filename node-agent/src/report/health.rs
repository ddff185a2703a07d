//! What the agent says of itself: the flat fields of the Go agent's endpoint, readiness, metrics.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use multinic_crds::{ConditionType, InterfaceState, InterfaceStatus, NodeNetworkConfigStatus, Reason, Scope};
use multinic_runtime::admin::{Health as Level, Report};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use serde_json::json;

/// Shared by the loop, which writes, and the admin endpoint, which reads.
#[derive(Debug, Clone)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    node: String,
    waiting_for: Option<String>,
    /// What keeps the API server from being heard or told, by what was tried.
    trouble: BTreeMap<&'static str, String>,
    from_memory: bool,
    status: NodeNetworkConfigStatus,
    configured: u64,
    removed: u64,
}

impl Health {
    /// An agent of `node` that has only just started.
    #[must_use]
    pub fn new(node: String) -> Self {
        Self(Arc::new(Mutex::new(State {
            node,
            waiting_for: Some("starting".to_owned()),
            trouble: BTreeMap::new(),
            from_memory: false,
            status: NodeNetworkConfigStatus::default(),
            configured: 0,
            removed: 0,
        })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The agent cannot do its work yet, and why.
    pub fn waits_for(&self, what: &str) {
        self.with(|state| state.waiting_for = Some(what.to_owned()));
    }

    /// Something was tried with the API server; what kept it from succeeding, where it did not.
    pub fn api_server(&self, what: &'static str, trouble: Option<String>) {
        self.with(|state| match trouble {
            Some(trouble) => state.trouble.insert(what, trouble),
            None => state.trouble.remove(what),
        });
    }

    /// Whether the agent acts upon the last object that an earlier one read, as the API server has not answered yet.
    pub fn works_from_memory(&self, is_so: bool) {
        self.with(|state| state.from_memory = is_so);
    }

    /// The agent works, and this is how its node is.
    pub fn is(&self, status: &NodeNetworkConfigStatus) {
        self.with(|state| {
            state.waiting_for = None;
            state.status = status.clone();
        });
    }

    /// So many NICs were configured, and so many given back.
    pub fn did(&self, configured: u64, removed: u64) {
        self.with(|state| {
            state.configured += configured;
            state.removed += removed;
        });
    }

    /// For the admin endpoint.
    #[must_use]
    pub fn report(&self) -> Report {
        self.with(|state| {
            let in_state = |wanted: &[InterfaceState]| {
                state.status.interfaces.iter().filter(|nic| wanted.contains(&nic.state)).count()
            };
            let failed = in_state(&[InterfaceState::Failed, InterfaceState::Refused]);
            let broken =
                state.status.conditions.iter().any(|one| one.type_ == "Degraded" && one.status == "True");
            let fields = json!({
                "node": state.node,
                "processed_vms": state.configured,
                "failed_configs": failed,
                "deleted_interfaces": state.removed,
                "configured_interfaces": in_state(&[InterfaceState::Configured]),
                "missing_interfaces": in_state(&[InterfaceState::DeviceMissing]),
                "observed_generation": state.status.observed_generation,
                "applied_generation": state.status.applied_generation,
                "backend": state.status.backend,
                "api_connected": state.trouble.is_empty(),
                "api_error": state.trouble.values().next(),
                "from_memory": state.from_memory,
            });
            let hindered = state.waiting_for.is_some() || !state.trouble.is_empty() || state.from_memory;
            let waiting_for = state.waiting_for.iter().chain(state.trouble.values()).cloned();
            Report {
                health: if hindered || broken { Level::Degraded } else { Level::Healthy },
                // NICs are kept right without the API server, too.
                ready: match state.waiting_for {
                    Some(_) => Err(waiting_for.collect::<Vec<_>>().join(": ")),
                    None => Ok(()),
                },
                fields: fields.as_object().cloned().unwrap_or_default(),
            }
        })
    }
}

/// What is counted and measured.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Passes that changed something, by how they ended.
    pub changes: Family<ChangeLabels, Counter>,
    /// Changes made because the node had drifted from a generation already applied.
    pub repairs: Counter,
    /// How long a reconcile took that changed something, in seconds.
    pub duration: Histogram,
    /// NICs in each state.
    pub interfaces: Family<StateLabels, Gauge>,
    /// Whether an address of a NIC of ours is among the node's own.
    pub leaked: Gauge,
    /// NICs of which an attempt could not be taken back.
    pub stuck: Gauge,
    /// Whether the node is as wanted, and why.
    pub ready: Family<ReadyLabels, Gauge>,
}

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ChangeLabels {
    /// `success` or `failure`.
    pub result: &'static str,
}

/// A state of a NIC.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StateLabels {
    /// As in the object's status.
    pub state: &'static str,
}

/// Why the node is as wanted, or is not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReadyLabels {
    /// As in the condition `Ready`.
    pub reason: &'static str,
}

impl Metrics {
    /// Metrics that `registry` shows.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            changes: Family::default(),
            repairs: Counter::default(),
            duration: Histogram::new([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
            interfaces: Family::default(),
            leaked: Gauge::default(),
            stuck: Gauge::default(),
            ready: Family::default(),
        };
        let registry = registry.sub_registry_with_prefix("multinic_agent");
        registry.register("build", "Version and commit of this agent", multinic_runtime::build_info());
        registry.register("changes", "Passes that changed the node, by result", metrics.changes.clone());
        registry.register("repairs", "Repairs of drift from an applied generation", metrics.repairs.clone());
        registry.register_with_unit(
            "change_duration",
            "How long a reconcile took that changed the node",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register("interfaces", "NICs in each state", metrics.interfaces.clone());
        registry.register(
            "node_address_leaked",
            "Whether the Node's addresses include one of a NIC that multinic configures",
            metrics.leaked.clone(),
        );
        registry.register(
            "rollback_failed",
            "NICs whose change failed and could not be taken back; they are left alone until a person acts",
            metrics.stuck.clone(),
        );
        registry.register(
            "ready",
            "Whether the condition Ready is True; one series, with the reason that it gives",
            metrics.ready.clone(),
        );
        metrics
    }

    /// Takes `status` into account.
    pub fn observe(&self, status: &NodeNetworkConfigStatus) {
        let holds = |one: &Condition| one.status == "True";
        self.leaked
            .set(i64::from(ConditionType::NodeAddressLeaked.of(&status.conditions).is_some_and(holds)));
        let stuck = |nic: &&InterfaceStatus| nic.reason == Reason::RollbackFailed.as_str();
        let stuck = status.interfaces.iter().filter(stuck).count();
        self.stuck.set(i64::try_from(stuck).unwrap_or(i64::MAX));
        if let Some(ready) = ConditionType::Ready.of(&status.conditions) {
            self.set_ready(&ready.reason, holds(ready));
        }
        for (state, name) in STATES {
            let count = status.interfaces.iter().filter(|nic| nic.state == state).count();
            self.interfaces
                .get_or_create(&StateLabels { state: name })
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    fn set_ready(&self, reason: &str, ready: bool) {
        for other in Reason::ALL.iter().filter(|one| one.shows_in(Scope::Ready)) {
            let labels = ReadyLabels { reason: other.as_str() };
            if labels.reason == reason {
                self.ready.get_or_create(&labels).set(i64::from(ready));
            } else {
                self.ready.remove(&labels);
            }
        }
    }
}

const STATES: [(InterfaceState, &str); 6] = [
    (InterfaceState::Pending, "Pending"),
    (InterfaceState::Configured, "Configured"),
    (InterfaceState::DeviceMissing, "DeviceMissing"),
    (InterfaceState::Refused, "Refused"),
    (InterfaceState::Failed, "Failed"),
    (InterfaceState::Removing, "Removing"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_with_the_api_server_is_told_until_it_is_over_and_leaves_a_working_agent_ready() {
        let health = Health::new("a".to_owned());
        health.waits_for("the API server");
        health.api_server("watch", Some("503 Service Unavailable".to_owned()));
        assert_eq!(health.report().ready, Err("the API server: 503 Service Unavailable".to_owned()));
        health.is(&NodeNetworkConfigStatus::default());
        health.api_server("status", Some("no answer".to_owned()));
        let report = health.report();
        assert_eq!((report.ready, report.health), (Ok(()), Level::Degraded));
        assert_eq!(report.fields["api_connected"], false);
        assert_eq!(report.fields["api_error"], "no answer");
        for what in ["watch", "status"] {
            health.api_server(what, None);
        }
        let report = health.report();
        assert_eq!((report.health, &report.fields["api_connected"]), (Level::Healthy, &json!(true)));
    }

    #[test]
    fn an_agent_that_works_from_memory_says_so_and_is_ready() {
        let health = Health::new("a".to_owned());
        for (from_memory, level) in [(true, Level::Degraded), (false, Level::Healthy)] {
            health.works_from_memory(from_memory);
            health.is(&NodeNetworkConfigStatus::default());
            let report = health.report();
            assert_eq!((report.ready, report.health), (Ok(()), level));
            assert_eq!(report.fields["from_memory"], from_memory);
        }
    }

    #[test]
    fn the_reason_of_ready_is_the_one_that_the_status_gives_and_no_earlier_one() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        for (status, reason) in [("False", "DeviceMissing"), ("True", "Configured")] {
            let ready = json!({
                "type": "Ready", "status": status, "reason": reason, "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            });
            let conditions = vec![serde_json::from_value(ready).unwrap()];
            metrics.observe(&NodeNetworkConfigStatus { conditions, ..NodeNetworkConfigStatus::default() });
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let shown: Vec<_> = text.lines().filter(|line| line.starts_with("multinic_agent_ready")).collect();
        assert_eq!(shown, [r#"multinic_agent_ready{reason="Configured"} 1"#]);
    }
}
