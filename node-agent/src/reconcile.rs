//! One reconcile of one object with one node.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use multinic_agent_core::{
    asking::asking,
    execute::{Failures, Order},
    history::History,
    last_object::LastObject,
    leases::{Leases, learned},
    observed::{ledger::Ledger, link::KernelView},
    parse::desired::Desired,
    report::{Phase, Report},
    retry::{Backoff, FULL_CHECK, next_pass},
};
use multinic_crds::{Explanation, GuardedConfig, InterfaceAddress, MacAddress, Mode};
use multinic_runtime::shutdown::Stop;
use tokio::sync::oneshot;

use crate::{
    host::{
        error::HostError,
        leases::{Clients, Heard, News},
        machine::{Done, Host, Prepared},
    },
    report::Reporter,
    wire::Wire,
};

/// The agent, between one object and one node.
pub struct Agent {
    /// The node.
    pub host: Host,
    /// Who reports on it.
    pub reporter: Reporter,
    /// Its name.
    pub node: String,
    /// The object, while there is one.
    pub object: Option<GuardedConfig>,
    /// It is the one that an earlier agent read last.
    pub(crate) from_memory: bool,
    /// What an earlier agent read last, until the API server answers.
    pub(crate) last: Option<LastObject>,
    /// The links that the node lived by at the last look.
    pub(crate) lives_by: BTreeSet<MacAddress>,
    /// Who asks the networks of its NICs for addresses.
    clients: Clients,
    /// What they were last known to give.
    learned: BTreeMap<MacAddress, Vec<InterfaceAddress>>,
    /// What the networks of its NICs say.
    pub wire: Wire,
    history: History,
    /// Reconciles that could not even look.
    backoff: Backoff,
}

impl Agent {
    /// The agent of `node` that knows of no object yet but the `last` one that an earlier agent read.
    #[must_use]
    pub fn new(
        node: String,
        host: Host,
        last: Option<LastObject>,
        reporter: Reporter,
        clients: Clients,
    ) -> Self {
        let (wire, history, backoff) = (Wire::default(), host.history(), Backoff::default());
        Self {
            host,
            reporter,
            node,
            object: None,
            from_memory: false,
            last,
            lives_by: BTreeSet::new(),
            clients,
            learned: BTreeMap::new(),
            wire,
            history,
            backoff,
        }
    }

    /// Takes in what the network of a NIC says; whether it is news.
    pub async fn hear(&mut self, heard: Heard) -> bool {
        match self.clients.hear(heard) {
            None => false,
            Some(News::Changed) => true,
            Some(News::Renewed(mac, lease)) => {
                if let Err(error) = self.host.extend(mac, &lease).await {
                    tracing::warn!(%mac, "cannot give a leased address for longer: {error}");
                }
                true
            }
        }
    }

    /// Before this, announcements alone are no reason to reconcile.
    #[must_use]
    pub const fn not_before(&self) -> Option<Instant> {
        self.backoff.not_before()
    }

    /// Whether the object asks for the NIC with this MAC address.
    #[must_use]
    pub fn wants(&self, mac: MacAddress) -> bool {
        let asks = |object: &GuardedConfig| {
            object.spec.interfaces.iter().any(|entry| entry.mac_address() == Some(mac))
        };
        self.object.as_ref().is_some_and(asks)
    }

    /// One turn; when the next one is due.
    ///
    /// Once it has to `stop`, nothing more is begun: what was not touched yet is left, and what is
    /// under way is brought to its end and told.
    pub async fn turn(&mut self, stop: &Stop) -> Instant {
        let began = Instant::now();
        let Some(object) = &self.object else { return began + FULL_CHECK };
        let desired = Desired::parse(object);
        self.host.detect_again();
        match self.reconcile(&desired, stop).await {
            Ok(()) => self.backoff.succeeded(),
            Err(error) => {
                self.report_blind(&desired, &error).await;
                self.backoff.failed(Instant::now());
            }
        }
        let own = self.backoff.not_before().into_iter().chain(self.reporter.next_attempt());
        next_pass(
            began,
            Instant::now(),
            own.chain(self.history.next_attempts()).chain(self.wire.next_attempts()),
        )
    }

    /// Reports that nobody knows how the node is.
    async fn report_blind(&mut self, desired: &Desired, error: &HostError) {
        tracing::error!(reason = %error.reason(), "the reconcile ended early: {error}");
        let refusal = Explanation::new(error.reason(), error.explain());
        let (failures, view) = (Failures::new(), KernelView::default());
        let report = Report {
            desired,
            plan: None,
            failures: &failures,
            obstacle: Some(&refusal),
            backend: self.host.backend(),
            view: &view,
            phase: Phase::Settled,
        };
        self.reporter.report(&report).await;
    }

    /// Observe, plan and validate, announce, execute, report: the diagram of ARCHITECTURE.md.
    async fn reconcile(&mut self, desired: &Desired, stop: &Stop) -> Result<(), HostError> {
        let started = Instant::now();
        if self.host.recover().await? {
            self.history = self.host.history();
        }
        self.history.begin(desired);
        // This touches nothing, and may take as long as the host's programs do.
        let Some(ready) = stop.unless_asked(self.prepare(desired, started)).await else { return Ok(()) };
        let Ready { desired, leases, mut prepared } = ready?;
        self.history.learn(&prepared.plan, started);
        self.host.remember(self.history.record());
        self.lives_by.clone_from(&prepared.lives_by);
        self.wire.judge(&desired, &mut prepared.plan);

        let obstacle = self.host.obstacle().cloned();
        let nothing_failed = Failures::new();
        let report = Report {
            desired: &desired,
            plan: Some(&prepared.plan),
            failures: &nothing_failed,
            obstacle: obstacle.as_ref(),
            backend: self.host.backend(),
            view: &prepared.view,
            phase: Phase::Progressing,
        };
        if desired.mode != Mode::Enforce || obstacle.is_some() || prepared.plan.is_idle() {
            self.reporter.announce(&report).await;
            if desired.mode == Mode::Enforce && obstacle.is_none() {
                self.wire.talk(prepared.done(&desired, &nothing_failed, &prepared.view));
            }
            self.reporter.report(&Report { phase: Phase::Settled, ..report }).await;
            self.ask(&report, &leases, &prepared.ledger);
            return Ok(());
        }
        let stops = || stop.is_asked();
        let order = if self.history.suspects_a_change() { Order::OneByOne(&stops) } else { Order::Together };
        let (host, reporter) = (&mut self.host, &mut self.reporter);
        let (progress, (ended, end)) = (host.progress(), oneshot::channel());
        let telling = async {
            reporter.announce(&report).await;
            tokio::select! {
                _ = end => {}
                () = reporter.follow(progress, desired.generation) => {}
            }
        };
        let executing = async {
            let done = host.execute(&prepared, order).await;
            // Who follows it may have been faster.
            let _ = ended.send(());
            done
        };
        // The kernel does not wait for the API server to hear that it is being changed.
        let ((), done) = tokio::join!(telling, executing);
        let Done { failures, view } = done?;
        self.wire.talk(prepared.done(&desired, &failures, &view));
        let repaired = self.history.remember(&prepared.plan, &failures, Instant::now());
        self.host.remember(self.history.record());
        self.reporter.record_change(&desired, &prepared.plan, &failures, repaired, started.elapsed());
        let report = Report { failures: &failures, view: &view, phase: Phase::Settled, ..report };
        self.reporter.report(&report).await;
        self.ask(&report, &leases, &prepared.ledger);
        Ok(())
    }

    /// Looks, and decides.
    async fn prepare(&mut self, desired: &Desired, now: Instant) -> Result<Ready, HostError> {
        self.host.take_over(desired);
        let look = self.host.observe().await?;
        self.history.look(&look.view, self.host.backend(), &look.definitions, now);
        let held = self.history.held(now);
        let leases = self.clients.leases(&look.ledger);
        let desired = learned(desired.clone(), &leases, &look.view, &look.ledger);
        self.notice(&desired);
        let allowed = self.wire.narrow(&desired);
        let prepared = self.host.plan(&allowed, look, &leases, held).await?;
        Ok(Ready { desired, leases, prepared })
    }

    /// Has the networks asked of NICs that are as far as that.
    fn ask(&mut self, report: &Report<'_>, leases: &Leases, ledger: &Ledger) {
        let Some(plan) = report.plan.filter(|_| report.obstacle.is_none()) else { return };
        let asking = asking(report.desired, plan, report.view, leases, ledger);
        let is_undecided = |mac| !report.desired.is_absent(mac) && !report.desired.wanted.contains_key(&mac);
        self.clients.keep(asking, is_undecided);
    }

    /// A NIC whose network says something else of it than before has nothing to be repaired.
    fn notice(&mut self, desired: &Desired) {
        let dynamic = desired.wanted.iter().filter(|(_, nic)| nic.addressing().is_dynamic());
        let now: BTreeMap<_, _> = dynamic.map(|(mac, nic)| (*mac, nic.addresses.clone())).collect();
        for (mac, _) in now.iter().filter(|(mac, addresses)| self.learned.get(*mac) != Some(*addresses)) {
            self.history.told_anew(*mac);
        }
        self.learned = now;
    }
}

/// A decision, and what it rests on.
struct Ready {
    /// What is wanted, with what networks give.
    desired: Desired,
    leases: Leases,
    prepared: Prepared,
}
