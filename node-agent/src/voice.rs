//! Everything the agent says: status, log, health, metrics.

use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use multinic_crds::{GuardedConfig, NodeNetworkConfigStatus};

use crate::{
    desired::Desired,
    health::{ChangeLabels, Health, Metrics},
    node::Failures,
    pacing::Backoff,
    plan::Plan,
    publish::Publisher,
    status::{HostFacts, Report},
};

/// The one who speaks for this node.
pub struct Voice {
    publisher: Publisher,
    facts: HostFacts,
    health: Health,
    metrics: Metrics,
    backoff: Backoff,
    /// What was said last, whether or not the API server has heard it.
    said: NodeNetworkConfigStatus,
}

impl Voice {
    /// A voice that has said nothing yet.
    #[must_use]
    pub fn new(publisher: Publisher, facts: HostFacts, health: Health, metrics: Metrics) -> Self {
        let (backoff, said) = (Backoff::default(), NodeNetworkConfigStatus::default());
        Self { publisher, facts, health, metrics, backoff, said }
    }

    /// Speaks about `object` from now on, or about none.
    pub fn turn_to(&mut self, object: Option<&GuardedConfig>) {
        match object {
            Some(object) => self.publisher.adopt(object),
            None => self.health.is(&NodeNetworkConfigStatus::default()),
        }
    }

    /// What the API server has heard.
    #[must_use]
    pub const fn published(&self) -> &NodeNetworkConfigStatus {
        self.publisher.published()
    }

    /// The operating system, as its os-release names it.
    #[must_use]
    pub fn os_image(&self) -> &str {
        &self.facts.os_image
    }

    /// What `report` comes to, after what was published last.
    #[must_use]
    pub fn status(&self, report: &Report<'_>) -> NodeNetworkConfigStatus {
        report.status(&self.facts, self.published(), Timestamp::now())
    }

    /// Says `status` to everybody; the API server is spared for a while after it failed.
    pub async fn say(&mut self, status: NodeNetworkConfigStatus) {
        log_changes(&self.said, &status);
        self.metrics.observe(&status);
        self.said.clone_from(&status);
        if self.backoff.is_due(Instant::now()) {
            match self.publisher.publish(status).await {
                Ok(()) => self.backoff.succeeded(),
                Err(error) => {
                    tracing::warn!("{error}");
                    self.backoff.failed(Instant::now());
                }
            }
        }
        // Ready means that the API server has been told, or at least tried.
        self.health.is(&self.said);
    }

    /// When to try again what the API server has not heard.
    #[must_use]
    pub const fn next_attempt(&self) -> Option<Instant> {
        self.backoff.not_before()
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
                Some(failure) => tracing::error!(mac = %member.mac, reason = %failure.reason(), "{failure}"),
                None if member.wanted.is_some() => configured += 1,
                None => removed += 1,
            }
        }
        let result = if failures.is_empty() { "success" } else { "failure" };
        self.metrics.changes.get_or_create(&ChangeLabels { result }).inc();
        self.metrics.repairs.inc_by(repaired);
        self.metrics.duration.observe(took.as_secs_f64());
        self.health.did(configured, removed);
        tracing::info!(
            generation = desired.generation,
            configured,
            removed,
            repaired,
            failed = failures.len(),
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
