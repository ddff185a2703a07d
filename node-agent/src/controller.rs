//! The loop: one object, the kernel's announcements and a clock, in; passes, out.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt, future::Shared};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Client, Config,
    runtime::{WatchStreamExt, watcher::watch_object},
};
use multinic_crds::{
    GuardedConfig, InterfaceState, InterfaceStatus, MacAddress, Mode, NodeNetworkConfigStatus,
};
use multinic_runtime::{
    RuntimeArgs,
    admin::{self, Admin},
    heartbeat::Heartbeat,
};
use prometheus_client::registry::Registry;
use tokio::time::{sleep, sleep_until};

use crate::{
    config::{HostArgs, RunArgs},
    desired::Desired,
    execute::Failure,
    health::{ChangeLabels, Health, Metrics},
    host::{detect, events, files::HostRoot, lock::NodeLock},
    pacing::{Contention, Ending, Retry},
    plan::{Plan, Refusal, Verdict},
    publish::Publisher,
    reconcile::{Host, PassError},
    status::{HostFacts, Phase, Report},
};

/// The kernel announces a change in several messages; a look in between sees half of it.
const QUIET: Duration = Duration::from_millis(300);
/// The longest that anything in one pass may take before liveness fails.
const STUCK: Duration = Duration::from_mins(10);
const LOCK_RETRY: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs until `shutdown`.
pub async fn run(args: RunArgs, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let policy = args.policy();
    let RunArgs { node_name, host: HostArgs { host_root }, node_ips: _, link_kinds: _, runtime } = args;
    let RuntimeArgs { listen, log_level: _, log_format: _ } = runtime;
    let shutdown = shutdown.boxed().shared();

    let heartbeat = Heartbeat::new(STUCK);
    let health = Health::new(node_name.clone());
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let listener = admin::bind(listen).await?;
    let report = health.clone();
    let admin = Admin::new(heartbeat.clone(), registry, move || report.report());
    let endpoint = tokio::spawn(admin::serve(listener, admin, shutdown.clone()));
    tracing::info!(node = node_name, version = multinic_runtime::VERSION, "starting");

    let root = HostRoot::new(host_root.clone());
    let Some(_lock) = take_lock(&root, &health, &heartbeat, shutdown.clone()).await? else { return Ok(()) };
    let (facts, backend) = detect::survey(&root)?;
    let mut config =
        Config::infer().await.context("failed to find the API server; set KUBECONFIG or run in a pod")?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let api_server = ApiServer::of(&config);
    let client = Client::try_from(config)?;
    let mut agent = Agent {
        host: Host::new(host_root, backend, policy)?,
        api_server,
        publisher: Publisher::new(client.clone(), node_name.clone()),
        facts,
        health,
        metrics,
        retry: Retry::default(),
        contention: Contention::default(),
        object: None,
    };
    agent.health.waits_for("the API server");
    let api: Api<GuardedConfig> = Api::all(client);
    let objects = watch_object(api, &node_name).default_backoff();
    agent.turn(objects, events::changes()?, &heartbeat, shutdown).await;
    endpoint.await??;
    tracing::info!("stopped");
    Ok(())
}

/// Waits for the right to act on this node; none where `shutdown` comes first.
async fn take_lock(
    root: &HostRoot,
    health: &Health,
    heartbeat: &Heartbeat,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<Option<NodeLock>> {
    tokio::pin!(shutdown);
    let mut told = false;
    loop {
        if let Some(lock) = NodeLock::try_take(root).context("failed to take the node's lock")? {
            return Ok(Some(lock));
        }
        if !told {
            tracing::info!("another agent acts on this node; waiting for it to end");
            told = true;
        }
        health.waits_for("another agent on this node to end");
        heartbeat.beat();
        tokio::select! {
            () = &mut shutdown => return Ok(None),
            () = sleep(LOCK_RETRY) => {}
        }
    }
}

/// Where the API server is, whose route is protected.
struct ApiServer {
    host: String,
    port: u16,
}

impl ApiServer {
    fn of(config: &Config) -> Self {
        let url = &config.cluster_url;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Self { host, port: url.port_u16().unwrap_or(443) }
    }

    async fn addresses(&self) -> std::io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

type Failures = BTreeMap<MacAddress, Failure>;

struct Agent {
    host: Host,
    api_server: ApiServer,
    publisher: Publisher,
    facts: HostFacts,
    health: Health,
    metrics: Metrics,
    retry: Retry,
    contention: Contention,
    object: Option<GuardedConfig>,
}

impl Agent {
    async fn turn(
        &mut self,
        objects: impl Stream<Item = Result<Option<GuardedConfig>, kube::runtime::watcher::Error>>,
        mut kernel: impl Stream<Item = ()> + Unpin,
        heartbeat: &Heartbeat,
        shutdown: Shared<impl Future<Output = ()>>,
    ) {
        tokio::pin!(objects);
        let mut last_error = String::new();
        let mut due = Instant::now() + Duration::from_hours(1);
        loop {
            heartbeat.beat();
            tokio::select! {
                () = shutdown.clone() => return,
                object = objects.try_next() => match object {
                    Ok(object) => {
                        last_error.clear();
                        self.take(object.flatten());
                        due = Instant::now();
                    }
                    // Said once for each kind of trouble, not once for each attempt.
                    Err(error) => if error.to_string() != last_error {
                        last_error = error.to_string();
                        tracing::warn!("cannot watch this node's object: {last_error}");
                    },
                },
                Some(()) = kernel.next() => due = due.min(Instant::now() + QUIET),
                () = sleep_until(due.into()) => due = Instant::now() + self.pass().await,
                // Beats also while nothing at all happens.
                () = sleep(STUCK / 4) => {}
            }
        }
    }

    fn take(&mut self, object: Option<GuardedConfig>) {
        if let Some(object) = &object {
            self.publisher.adopt(object);
        } else {
            if self.object.is_some() {
                tracing::info!("this node's object is gone; its NICs are kept until there is a new one");
            }
            self.health.is(&NodeNetworkConfigStatus::default());
        }
        self.object = object;
    }

    /// One pass; how long until the next.
    async fn pass(&mut self) -> Duration {
        let Some(object) = &self.object else { return self.retry.after(Ending::Settled) };
        let desired = Desired::parse(object);
        match self.api_server.addresses().await {
            Ok(addresses) => self.host.protect_routes_to(addresses),
            // The routes found last time stay protected.
            Err(error) => tracing::debug!("cannot resolve the API server: {error}"),
        }
        let ending = match self.reconcile(&desired).await {
            Ok(ending) => ending,
            Err(error) => {
                tracing::error!(reason = error.reason(), "nothing was changed: {error}");
                let refusal = Refusal::new(error.reason(), error.to_string());
                let report = Report { obstacle: Some(&refusal), ..self.report(&desired) };
                let status = report.status(self.publisher.published(), Timestamp::now());
                self.publish(status).await;
                Ending::Failed
            }
        };
        self.retry.after(ending)
    }

    async fn reconcile(&mut self, desired: &Desired) -> Result<Ending, PassError> {
        let started = Instant::now();
        let contended = self.contention.blocked(desired.generation, started);
        let prepared = self.host.prepare(desired, contended).await?;
        let plan = prepared.plan.clone();
        let is_new = self.publisher.published().observed_generation != Some(desired.generation);
        let obstacle = self.host.obstacle().cloned();
        if is_new {
            let report = Report {
                plan: Some(&plan),
                view: &prepared.view,
                obstacle: obstacle.as_ref(),
                ..self.report(desired)
            };
            let status = report.status(self.publisher.published(), Timestamp::now());
            self.publish(status).await;
        }
        let acts = desired.mode == Mode::Enforce && obstacle.is_none() && !plan.is_idle();
        let (failures, view) = if acts {
            let outcome = self.host.carry_out(prepared).await?;
            self.account(desired, &plan, &outcome.failures, started);
            (outcome.failures, outcome.view)
        } else {
            (BTreeMap::new(), prepared.view)
        };
        let report = Report {
            plan: Some(&plan),
            failures: &failures,
            obstacle: obstacle.as_ref(),
            view: &view,
            phase: Phase::Settled,
            ..self.report(desired)
        };
        let status = report.status(self.publisher.published(), Timestamp::now());
        let ending = ending(&status, &plan, !failures.is_empty());
        let published = self.publish(status).await;
        Ok(if published { ending } else { Ending::Failed })
    }

    /// A report that says nothing yet, to be filled in.
    fn report<'a>(&'a self, desired: &'a Desired) -> Report<'a> {
        static NO_FAILURES: Failures = Failures::new();
        static NOTHING_SEEN: crate::link::KernelView = crate::link::KernelView::EMPTY;
        Report {
            desired,
            plan: None,
            failures: &NO_FAILURES,
            obstacle: None,
            view: &NOTHING_SEEN,
            facts: &self.facts,
            phase: Phase::Progressing,
        }
    }

    /// Logs and counts what was done.
    fn account(&mut self, desired: &Desired, plan: &Plan, failures: &Failures, started: Instant) {
        let (mut configured, mut removed, mut repaired) = (0, 0, 0);
        for member in plan.transactions.iter().flat_map(|transaction| &transaction.members) {
            if self.was_right(member.mac, desired.generation) {
                self.contention.repaired(member.mac, desired.generation, started);
                self.metrics.repairs.inc();
                repaired += 1;
            }
            match failures.get(&member.mac) {
                Some(failure) => tracing::error!(mac = %member.mac, reason = failure.reason(), "{failure}"),
                None if member.wanted.is_some() => configured += 1,
                None => removed += 1,
            }
        }
        let took = started.elapsed();
        let result = if failures.is_empty() { "success" } else { "failure" };
        self.metrics.changes.get_or_create(&ChangeLabels { result }).inc();
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

    /// Whether this NIC was as wanted by this very generation: then changing it is a repair.
    fn was_right(&self, mac: MacAddress, generation: i64) -> bool {
        let published = self.publisher.published();
        let configured = |nic: &InterfaceStatus| {
            nic.state == InterfaceState::Configured && nic.mac_address == mac.to_string()
        };
        published.observed_generation == Some(generation) && published.interfaces.iter().any(configured)
    }

    /// Whether the status is known to the API server now.
    async fn publish(&mut self, status: NodeNetworkConfigStatus) -> bool {
        log_changes(self.publisher.published(), &status);
        self.health.is(&status);
        self.metrics.observe(&status);
        match self.publisher.publish(status).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!("{error}");
                false
            }
        }
    }
}

fn ending(status: &NodeNetworkConfigStatus, plan: &Plan, failed: bool) -> Ending {
    let unfit = plan.decisions.values().any(|decision| matches!(decision.verdict, Verdict::Fail(_)));
    let right = status.interfaces.iter().all(|nic| nic.state == InterfaceState::Configured);
    match (failed || unfit, right) {
        (true, _) => Ending::Failed,
        (false, true) => Ending::Settled,
        (false, false) => Ending::Unsettled,
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
                "{}",
                nic.message
            );
        }
    }
}
