//! Everything the agent says: status, log, health, metrics.

use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use multinic_agent_core::{
    execute::Failures,
    history::{Budget, Retreat},
    parse::desired::Desired,
    plan::Plan,
    report::{HostFacts, Report, is_pressing},
};
use multinic_crds::{GuardedConfig, NodeNetworkConfigStatus};

use crate::{
    health::{ChangeLabels, Health, Metrics},
    publish::Publisher,
};

/// Writes of the status that nobody waits for, such as those about a carrier that comes and goes.
const WRITES: Budget = Budget::new(10, Duration::from_secs(10));

/// The one who speaks for this node.
pub struct Voice {
    publisher: Publisher,
    facts: HostFacts,
    health: Health,
    metrics: Metrics,
    retreat: Retreat,
    writes: Budget,
    /// When to say again what the API server has not heard.
    next_attempt: Option<Instant>,
    /// The object cannot be watched.
    is_deaf: bool,
    /// What was said last, whether or not the API server has heard it.
    said: NodeNetworkConfigStatus,
}

impl Voice {
    /// A voice that has said nothing yet.
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
            said: NodeNetworkConfigStatus::default(),
        }
    }

    /// Speaks about `object` from now on, or about none.
    pub fn turn_to(&mut self, object: Option<&GuardedConfig>) {
        match object {
            Some(object) => self.publisher.adopt(object),
            None => self.health.is(&NodeNetworkConfigStatus::default()),
        }
    }

    /// Hears of this node's object, or of what keeps it from that.
    pub fn hears(&mut self, trouble: Option<String>) {
        let was_deaf = std::mem::replace(&mut self.is_deaf, trouble.is_some());
        if was_deaf && !self.is_deaf {
            // It is back, so there is nothing left to wait for.
            self.retreat.succeeded();
        }
        self.health.api_server("watch", trouble);
    }

    /// Whether nothing is published yet of this generation in this boot.
    #[must_use]
    pub fn is_news(&self, generation: i64) -> bool {
        let published = self.publisher.published();
        published.observed_generation != Some(generation) || published.boot_id != self.facts.boot_id
    }

    /// The operating system, as its os-release names it.
    #[must_use]
    pub fn os_image(&self) -> &str {
        &self.facts.os_image
    }

    /// What `report` comes to, after what was published last.
    #[must_use]
    pub fn status(&self, report: &Report<'_>) -> NodeNetworkConfigStatus {
        report.status(&self.facts, self.publisher.published(), Timestamp::now())
    }

    /// Says `status` to everybody. The API server is spared for a while after it failed, and news that
    /// comes in rapid succession, unless somebody waits for it.
    pub async fn say(&mut self, status: NodeNetworkConfigStatus) {
        log_changes(&self.said, &status);
        self.metrics.observe(&status);
        self.said.clone_from(&status);
        self.next_attempt = self.publish(status, Instant::now()).await;
        // Ready means that the API server has been told, or at least tried.
        self.health.is(&self.said);
    }

    /// Tells the API server; where it has not heard, when to try again.
    async fn publish(&mut self, status: NodeNetworkConfigStatus, now: Instant) -> Option<Instant> {
        if self.publisher.has_published(&status) {
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

    /// When to say again what the API server has not heard.
    #[must_use]
    pub const fn next_attempt(&self) -> Option<Instant> {
        self.next_attempt
    }

    /// Tells what was done, and how long it took.
    pub fn account(
        &self,
        desired: &Desired,
        plan: &Plan,
        failures: &Failures,
        repaired: u64,
        took: Duration,
    ) {
        let (mut configured, mut removed) = (0, 0);
        for member in plan.transactions.iter().flat_map(|transaction| &transaction.members) {
            match failures.get(&member.mac) {
                Some(failure) if failure.reason().passes() => {
                    tracing::info!(mac = %member.mac, reason = %failure.reason(), "{failure}");
                }
                Some(failure) => tracing::error!(mac = %member.mac, reason = %failure.reason(), "{failure}"),
                None if member.wanted.is_some() => configured += 1,
                None => removed += 1,
            }
        }
        let failed = failures.values().filter(|failure| !failure.reason().passes()).count();
        let result = if failed == 0 { "success" } else { "failure" };
        self.metrics.changes.get_or_create(&ChangeLabels { result }).inc();
        self.metrics.repairs.inc_by(repaired);
        self.metrics.duration.observe(took.as_secs_f64());
        self.health.did(configured, removed);
        tracing::info!(
            generation = desired.generation,
            configured,
            removed,
            repaired,
            failed,
            milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "changed this node's NICs"
        );
    }
}

/// One line for each NIC that is now in another state, or in it for another reason.
fn log_changes(before: &NodeNetworkConfigStatus, after: &NodeNetworkConfigStatus) {
    for nic in &after.interfaces {
        let known = before.interfaces.iter().find(|known| known.mac_address == nic.mac_address);
        if known.is_none_or(|known| (known.state, &known.reason) != (nic.state, &nic.reason)) {
            tracing::info!(
                mac = nic.mac_address,
                interface = nic.name,
                state = ?nic.state,
                reason = nic.reason,
                // Where all is well there is no more to say.
                detail = Some(nic.message.as_str()).filter(|detail| !detail.is_empty()),
                "NIC is in another state"
            );
        }
    }
}
