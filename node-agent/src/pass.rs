//! One pass for one object: look, decide, do, say.

use std::{collections::BTreeMap, time::Instant};

use multinic_agent_core::{
    execute::{Failures, Order},
    history::{Backoff, FULL_CHECK, History, next_pass},
    observed::link::KernelView,
    parse::desired::Desired,
    plan::{Plan, Verdict},
    report::{Phase, Report},
};
use multinic_crds::{Explanation, GuardedConfig, MacAddress, Mode};
use multinic_runtime::shutdown::Stop;

use crate::{
    node::{Done, Host, PassError},
    voice::Voice,
};

/// The agent, between one object and one node.
pub struct Agent {
    /// The node.
    pub host: Host,
    /// Who speaks for it.
    pub voice: Voice,
    /// The object, while there is one.
    pub object: Option<GuardedConfig>,
    history: History,
    /// Passes that could not even look.
    backoff: Backoff,
}

impl Agent {
    /// An agent that knows of no object yet.
    #[must_use]
    pub fn new(host: Host, voice: Voice) -> Self {
        Self { host, voice, object: None, history: History::default(), backoff: Backoff::default() }
    }

    /// Before this, announcements alone are no reason for a pass.
    #[must_use]
    pub const fn not_before(&self) -> Option<Instant> {
        self.backoff.not_before()
    }

    /// One pass; when the next one is due.
    ///
    /// Once it has to `stop`, nothing more is begun: what was not touched yet is left, and what is
    /// under way is brought to its end and told.
    pub async fn pass(&mut self, stop: &Stop) -> Instant {
        let began = Instant::now();
        let Some(object) = &self.object else { return began + FULL_CHECK };
        let desired = Desired::parse(object);
        self.host.detect_again(self.voice.os_image());
        match self.reconcile(&desired, stop).await {
            Ok(()) => self.backoff.succeeded(),
            Err(error) => {
                self.tell_blind(&desired, &error).await;
                self.backoff.failed(Instant::now());
            }
        }
        let own = self.backoff.not_before().into_iter().chain(self.voice.next_attempt());
        next_pass(began, Instant::now(), own.chain(self.history.next_attempts()))
    }

    /// Says that nobody knows how the node is.
    async fn tell_blind(&mut self, desired: &Desired, error: &PassError) {
        tracing::error!(reason = %error.reason(), "the pass ended early: {error}");
        let refusal = Explanation::new(error.reason(), error.explain());
        let (failures, view) = (Failures::new(), KernelView::default());
        let status = self.voice.status(&Report {
            desired,
            plan: None,
            failures: &failures,
            obstacle: Some(&refusal),
            backend: self.host.backend(),
            view: &view,
            phase: Phase::Settled,
        });
        self.voice.say(status).await;
    }

    async fn reconcile(&mut self, desired: &Desired, stop: &Stop) -> Result<(), PassError> {
        let started = Instant::now();
        self.history.begin(desired.generation);
        let blocked = self.history.blocked(started);
        // To prepare touches nothing, and may take as long as the host's programs do.
        let Some(prepared) = stop.unless_asked(self.host.prepare(desired, blocked.clone())).await else {
            return Ok(());
        };
        let prepared = prepared?;
        self.learn(&prepared.plan, &blocked, started);
        let obstacle = self.host.obstacle().cloned();
        let nothing_failed = Failures::new();
        let report = Report {
            desired,
            plan: Some(&prepared.plan),
            failures: &nothing_failed,
            obstacle: obstacle.as_ref(),
            backend: self.host.backend(),
            view: &prepared.view,
            phase: Phase::Progressing,
        };
        let progress = self.voice.is_news(desired.generation).then(|| self.voice.status(&report));
        // The kernel does not wait for the API server to hear that it is being changed.
        let announced = async {
            if let Some(progress) = progress {
                self.voice.say(progress).await;
            }
        };
        let acts = desired.mode == Mode::Enforce && obstacle.is_none() && !prepared.plan.is_idle();
        if !acts {
            announced.await;
            let status = self.voice.status(&Report { phase: Phase::Settled, ..report });
            self.voice.say(status).await;
            return Ok(());
        }
        let stops = || stop.is_asked();
        let order = if self.history.suspects_a_change() { Order::OneByOne(&stops) } else { Order::Together };
        let ((), outcome) = tokio::join!(announced, self.host.carry_out(&prepared, order));
        let Done { failures, view } = outcome?;
        let repaired = self.remember(&prepared.plan, &failures);
        self.voice.account(desired, &prepared.plan, &failures, repaired, started.elapsed());
        let report = Report { failures: &failures, view: &view, phase: Phase::Settled, ..report };
        let status = self.voice.status(&report);
        self.voice.say(status).await;
        Ok(())
    }

    /// Takes into the history what the look showed: NICs that are right, or away, and unfit files.
    fn learn(&mut self, plan: &Plan, blocked: &BTreeMap<MacAddress, Explanation>, now: Instant) {
        for (mac, decision) in &plan.decisions {
            match &decision.verdict {
                Verdict::Right => self.history.right(*mac),
                Verdict::Missing => self.history.away(*mac, now),
                Verdict::Fail(unfit) if !blocked.contains_key(mac) => {
                    self.history.failed(*mac, unfit.clone(), now);
                }
                _ => {}
            }
        }
    }

    /// Takes what was done into the history; how many of it were repairs.
    fn remember(&mut self, plan: &Plan, failures: &Failures) -> u64 {
        let now = Instant::now();
        let mut repaired = 0;
        for transaction in &plan.transactions {
            // One that only waited for the kernel to prove an address changed nothing.
            let changed = !(transaction.steps.is_empty() && transaction.files.is_empty());
            for member in &transaction.members {
                if let Some(failure) = failures.get(&member.mac) {
                    let failure = Explanation::new(failure.reason(), failure.to_string());
                    self.history.failed(member.mac, failure, now);
                } else {
                    repaired += u64::from(self.history.succeeded(member.mac, changed, now));
                }
            }
        }
        repaired
    }
}
