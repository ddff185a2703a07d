//! The one who tells everybody: each status goes to log, metrics, API server and health, in this order.

use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use multinic_agent_core::{
    execute::Failures,
    parse::desired::Desired,
    plan::Plan,
    report::{HostFacts, Report, is_pressing, transitions},
    retry::{Budget, Retreat},
};
use multinic_crds::{GuardedConfig, NodeNetworkConfigStatus};

use super::{
    health::{ChangeLabels, Health, Metrics},
    log::{self, Change},
    publisher::Publisher,
};

/// Writes of the status that nobody waits for, such as those about a carrier that comes and goes.
const WRITES: Budget = Budget::new(10, Duration::from_secs(10));

/// Who reports on this node.
pub struct Reporter {
    publisher: Publisher,
    facts: HostFacts,
    health: Health,
    metrics: Metrics,
    retreat: Retreat,
    writes: Budget,
    /// When to tell again what the API server has not heard.
    next_attempt: Option<Instant>,
    /// The object cannot be watched.
    is_deaf: bool,
    /// Nobody knows which object there is, so that nothing is said of it there.
    from_memory: bool,
    /// What was told last, whether or not the API server has heard it.
    told: NodeNetworkConfigStatus,
}

impl Reporter {
    /// A reporter that has told nothing yet.
    #[must_use]
    pub fn new(publisher: Publisher, facts: HostFacts, health: Health, metrics: Metrics) -> Self {
        Self {
            publisher,
            facts,
            health,
            metrics,
            retreat: Retreat::default(),
            writes: WRITES,
            next_attempt: None,
            is_deaf: false,
            from_memory: false,
            told: NodeNetworkConfigStatus::default(),
        }
    }

    /// Reports on `object` from now on, or on none.
    pub fn adopt(&mut self, object: Option<&GuardedConfig>) {
        self.is_from_memory(false);
        match object {
            Some(object) => self.publisher.adopt(object),
            None => self.health.is(&NodeNetworkConfigStatus::default()),
        }
    }

    /// Reports on an object that the API server may not have any more: to everybody but it.
    pub fn recall(&mut self) {
        self.is_from_memory(true);
    }

    fn is_from_memory(&mut self, is_so: bool) {
        self.from_memory = is_so;
        self.health.works_from_memory(is_so);
    }

    /// Hears of this node's object, or of what keeps it from that.
    pub fn hear(&mut self, trouble: Option<String>) {
        let was_deaf = std::mem::replace(&mut self.is_deaf, trouble.is_some());
        if was_deaf && !self.is_deaf {
            // It is back, so there is nothing left to wait for.
            self.retreat.succeeded();
        }
        self.health.api_server("watch", trouble);
    }
    /// Tells what is about to be done, where nothing is published yet of this generation in this boot.
    pub async fn announce(&mut self, report: &Report<'_>) {
        let published = self.publisher.published();
        let is_known = published.observed_generation == Some(report.desired.generation)
            && published.boot_id == self.facts.boot_id;
        if !is_known {
            self.report(report).await;
        }
    }

    /// Tells everybody what `report` comes to. The API server is spared for a while after it failed, and news that
    /// comes in rapid succession, unless somebody waits for it.
    pub async fn report(&mut self, report: &Report<'_>) {
        let status = report.status(&self.facts, self.publisher.published(), Timestamp::now());
        transitions(&self.told, &status).for_each(log::transition);
        self.metrics.observe(&status);
        self.told.clone_from(&status);
        self.next_attempt = self.publish(status, Instant::now()).await;
        // Ready means that the API server has been told, or at least tried.
        self.health.is(&self.told);
    }

    /// Tells the API server a little more than it was told last in this boot.
    pub(super) async fn tell(
        &mut self,
        more: impl FnOnce(&NodeNetworkConfigStatus) -> NodeNetworkConfigStatus,
    ) {
        let published = self.publisher.published();
        if published.boot_id == self.facts.boot_id {
            self.publish(more(published), Instant::now()).await;
        }
    }

    /// Tells the API server; where it has not heard, when to try again.
    async fn publish(&mut self, status: NodeNetworkConfigStatus, now: Instant) -> Option<Instant> {
        if self.from_memory || self.publisher.has_published(&status) {
            return None;
        }
        let budget =
            if is_pressing(self.publisher.published(), &status) { now } else { self.writes.next(now) };
        let due = self.retreat.not_before().map_or(budget, |retreat| retreat.max(budget));
        if due > now {
            return Some(due);
        }
        self.writes.spend(now);
        let result = self.publisher.publish(status).await;
        self.health.api_server("status", result.as_ref().err().map(ToString::to_string));
        match result {
            Ok(()) => self.retreat.succeeded(),
            Err(error) => {
                tracing::warn!("{error}");
                self.retreat.failed(Instant::now());
            }
        }
        self.retreat.not_before()
    }

    /// When to tell again what the API server has not heard.
    #[must_use]
    pub const fn next_attempt(&self) -> Option<Instant> {
        self.next_attempt
    }

    /// Tells what was done, and how long it took.
    pub fn record_change(
        &self,
        desired: &Desired,
        plan: &Plan,
        failures: &Failures,
        repaired: u64,
        took: Duration,
    ) {
        let change = Change::of(plan, failures, repaired);
        log::failures(plan, failures);
        let result = if change.failed == 0 { "success" } else { "failure" };
        self.metrics.changes.get_or_create(&ChangeLabels { result }).inc();
        self.metrics.repairs.inc_by(repaired);
        self.metrics.duration.observe(took.as_secs_f64());
        self.health.did(change.configured, change.removed);
        log::change(desired, change, took);
    }
}
