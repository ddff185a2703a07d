//! The loop: one object, the kernel's announcements and a clock, in; passes, out.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::{FutureExt, Stream, StreamExt, TryStreamExt, future::Shared};
use kube::{
    Api, Client, Config,
    runtime::{WatchStreamExt, watcher, watcher::watch_object},
};
use multinic_crds::GuardedConfig;
use multinic_runtime::{
    RuntimeArgs,
    admin::{self, Admin},
    heartbeat::Heartbeat,
};
use prometheus_client::registry::Registry;
use tokio::time::{sleep, sleep_until, timeout};

use crate::{
    config::{HostArgs, RunArgs},
    health::{Health, Metrics},
    host::{
        detect::{self, Backend},
        events,
        lock::{LockError, NodeLock},
        root::HostRoot,
    },
    node::Host,
    pacing::FULL_CHECK,
    pass::Agent,
    publish::Publisher,
    voice::Voice,
};

/// The kernel announces a change in several messages; a look in between sees half of it.
const QUIET: Duration = Duration::from_millis(300);
/// The longest that one pass may take before liveness fails.
pub(crate) const STUCK: Duration = Duration::from_mins(10);
const LOCK_RETRY: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The API server's addresses hardly ever change, and drift does not wait for a name server.
const LOOKUP_INTERVAL: Duration = Duration::from_mins(5);
const LOOKUP_DEADLINE: Duration = Duration::from_secs(2);
/// How long requests to the admin endpoint may take to end.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Runs until `shutdown`.
pub async fn run(args: RunArgs, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let policy = args.policy();
    let RunArgs { node_name, host: HostArgs { host_root, node_ips: _ }, link_kinds: _, runtime } = args;
    let RuntimeArgs { listen, log_level: _, log_format: _ } = runtime;
    let shutdown = shutdown.boxed().shared();

    let heartbeat = Heartbeat::new(STUCK);
    let health = Health::new(node_name.clone());
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let listener = admin::bind(listen).await?;
    let report = health.clone();
    let admin = Admin::new(heartbeat.clone(), registry, move || report.report());
    let mut endpoint = tokio::spawn(admin::serve(listener, admin, shutdown.clone()));
    tracing::info!(node = node_name, version = multinic_runtime::VERSION, "starting");

    let root = HostRoot::new(host_root);
    let lock = take_lock(&root, &health, &heartbeat, shutdown.clone()).await;
    let facts = detect::facts(&root);
    let backend = Backend::detect(&root, &facts.os_image);
    let mut config =
        Config::infer().await.context("failed to find the API server; set KUBECONFIG or run in a pod")?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let mut api_server = ApiServer::of(&config);
    let client = Client::try_from(config)?;
    health.waits_for("the API server");
    let publisher = Publisher::new(client.clone(), node_name.clone());
    let mut agent =
        Agent::new(Host::new(root, lock, backend, policy)?, Voice::new(publisher, facts, health, metrics));
    let objects = watch_object(Api::<GuardedConfig>::all(client), &node_name).default_backoff();
    let turning = turn(&mut agent, &mut api_server, objects, events::changes()?, &heartbeat, shutdown);
    tokio::select! {
        ended = turning => ended?,
        ended = &mut endpoint => {
            ended??;
            return Ok(());
        }
    }
    timeout(GRACE, endpoint).await.map_or(Ok(Ok(())), |ended| ended)??;
    tracing::info!("stopped");
    Ok(())
}

/// Waits for the right to act on this node; none where `shutdown` comes first, and where it
/// cannot be had: to end would only say that here, a pass says it to everybody.
async fn take_lock(
    root: &HostRoot,
    health: &Health,
    heartbeat: &Heartbeat,
    shutdown: impl Future<Output = ()>,
) -> Option<NodeLock> {
    tokio::pin!(shutdown);
    let mut told = false;
    loop {
        match NodeLock::take(root) {
            Ok(lock) => return Some(lock),
            Err(LockError::Held) => {}
            Err(LockError::Io(_)) => return None,
        }
        if !told {
            tracing::info!("another agent acts on this node; waiting for it to end");
            told = true;
        }
        health.waits_for("another agent on this node to end");
        heartbeat.beat();
        tokio::select! {
            () = &mut shutdown => return None,
            () = sleep(LOCK_RETRY) => {}
        }
    }
}

/// Passes, whenever one is due, until `shutdown`. A pass is never cut short.
async fn turn(
    agent: &mut Agent,
    api_server: &mut ApiServer,
    objects: impl Stream<Item = watcher::Result<Option<GuardedConfig>>>,
    mut kernel: impl Stream<Item = ()> + Unpin,
    heartbeat: &Heartbeat,
    shutdown: Shared<impl Future<Output = ()>>,
) -> anyhow::Result<()> {
    tokio::pin!(objects);
    let mut last_error = String::new();
    let mut due = Instant::now() + FULL_CHECK;
    loop {
        heartbeat.beat();
        tokio::select! {
            () = shutdown.clone() => return Ok(()),
            object = objects.try_next() => match object {
                Ok(object) => {
                    last_error.clear();
                    take(agent, object.flatten());
                    due = Instant::now();
                }
                // Said once for each kind of trouble, not once for each attempt.
                Err(error) => if error.to_string() != last_error {
                    last_error = error.to_string();
                    tracing::warn!("cannot watch this node's object: {last_error}");
                },
            },
            announced = kernel.next() => {
                ensure!(announced.is_some(), "the kernel's announcements ended");
                let soon = Instant::now() + QUIET;
                due = due.min(agent.not_before().map_or(soon, |not_before| soon.max(not_before)));
            }
            () = sleep_until(due.into()) => {
                due = match api_server.addresses().await {
                    Some(addresses) => {
                        agent.host.protect_routes_to(addresses);
                        agent.pass().await
                    }
                    // Without them its route is not in the fence, and nothing may be touched.
                    None => Instant::now() + FULL_CHECK,
                };
            }
        }
    }
}

fn take(agent: &mut Agent, object: Option<GuardedConfig>) {
    if object.is_none() && agent.object.is_some() {
        tracing::info!("this node's object is gone; its NICs are kept until there is a new one");
    }
    agent.voice.turn_to(object.as_ref());
    agent.object = object;
}

/// Where the API server is, whose route is protected.
struct ApiServer {
    host: String,
    port: u16,
    known: Option<(Instant, Vec<IpAddr>)>,
}

impl ApiServer {
    fn of(config: &Config) -> Self {
        let url = &config.cluster_url;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Self { host, port: url.port_u16().unwrap_or(443), known: None }
    }

    /// Its addresses, looked up from time to time; those of last time where that fails.
    async fn addresses(&mut self) -> Option<Vec<IpAddr>> {
        let is_fresh = |(since, _): &(Instant, Vec<IpAddr>)| since.elapsed() < LOOKUP_INTERVAL;
        if !self.known.as_ref().is_some_and(is_fresh) {
            let lookup = tokio::net::lookup_host((self.host.as_str(), self.port));
            match timeout(LOOKUP_DEADLINE, lookup).await {
                Ok(Ok(found)) => {
                    self.known = Some((Instant::now(), found.map(|address| address.ip()).collect()));
                }
                Ok(Err(error)) => tracing::warn!("failed to resolve the API server {}: {error}", self.host),
                Err(_) => tracing::warn!("failed to resolve the API server {}: no answer", self.host),
            }
        }
        self.known.as_ref().map(|(_, addresses)| addresses.clone())
    }
}
