//! The loop: one object, the kernel's announcements and a clock, in; reconciles, out.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use kube::{Api, Config, runtime::watcher};
use multinic_agent_core::retry::{Announcements, Budget, FULL_CHECK};
use multinic_crds::GuardedConfig;
use multinic_runtime::{
    RuntimeArgs,
    admin::{self, Admin, Endpoint},
    api,
    heartbeat::Heartbeat,
    shutdown::Stop,
};
use prometheus_client::registry::Registry;
use tokio::time::{sleep, sleep_until};

use crate::{
    api_server::{self, ApiServer},
    config::{HostArgs, RunArgs},
    host::{
        events, facts,
        leases::{self, Clients},
        lock::{LockError, NodeLock},
        machine::Host,
        root::HostRoot,
        udev,
    },
    reconcile::Agent,
    report::{Health, Metrics, Publisher, Reporter},
};

/// Where links come and go all the time, as those of pods do, it is not looked each time.
const LOOKS: Budget = Budget::new(10, Duration::from_secs(2));
/// The longest that one reconcile may take before liveness fails.
pub(crate) const STUCK: Duration = Duration::from_mins(10);
const LOCK_RETRY: Duration = Duration::from_secs(2);

/// Runs until `shutdown`, and then on to the end of what has begun.
pub async fn run(args: RunArgs, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let policy = args.policy();
    let RunArgs { node_name, host: HostArgs { host_root, node_ips: _ }, link_kinds: _, runtime } = args;
    let RuntimeArgs { listen, log_level: _, log_format: _ } = runtime;
    let heartbeat = Heartbeat::new(STUCK);
    let health = Health::new(node_name.clone());
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let listeners = admin::bind(&listen).await?;
    let report = health.clone();
    let admin = Admin::new(heartbeat.clone(), registry, move || report.report());
    let (endpoint, stop) = Endpoint::start(listeners, admin, shutdown)?;
    tracing::info!(node = node_name, version = multinic_runtime::VERSION, "starting");

    let root = HostRoot::new(host_root);
    let lock = take_lock(&root, &health, &heartbeat, &stop).await;
    let facts = facts::facts(&root);
    let mut host = Host::new(root, lock, policy);
    if let Err(error) = host.recover().await {
        tracing::warn!("cannot end what an earlier agent began: {}", error.explain());
    }
    let config =
        Config::infer().await.context("failed to find the API server; set KUBECONFIG or run in a pod")?;
    let last = host.last_object();
    let mut api_server = ApiServer::of(&config, last.as_ref());
    let client = api::client(config)?;
    health.waits_for("the API server");
    let publisher = Publisher::new(client.clone(), node_name.clone());
    let (clients, leases) = Clients::new();
    let reporter = Reporter::new(publisher, facts, health, metrics);
    let mut agent = Agent::new(node_name.clone(), host, last, reporter, clients);
    if agent.host.removes_rules() {
        tracing::info!("networkd removes the routing rules of others on this node");
    }
    let objects = api_server::objects(Api::all(client), &node_name);
    // Nothing is waited for beside this: it would be dropped in the middle of a change.
    let news = News { objects: pin!(objects), kernel: events::changes()?, udev: links_done(), leases };
    let turning = turn(&mut agent, &mut api_server, news, &heartbeat, &stop);
    let turned = Box::pin(turning).await;
    endpoint.end().await?;
    turned?;
    tracing::info!("stopped");
    Ok(())
}

/// Waits for the right to act on this node; none where it has to `stop` first, and where it
/// cannot be had: to end would only say that here, a reconcile says it to everybody.
async fn take_lock(root: &HostRoot, health: &Health, heartbeat: &Heartbeat, stop: &Stop) -> Option<NodeLock> {
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
        stop.unless_asked(sleep(LOCK_RETRY)).await?;
    }
}

/// The links that udev is done with. Where it cannot be heard, every new link is waited for.
fn links_done() -> impl Stream<Item = u32> + Unpin {
    match udev::done() {
        Ok(done) => done.left_stream(),
        Err(error) => {
            tracing::warn!("cannot listen to udev, so that new NICs are configured a second later: {error}");
            stream::pending().right_stream()
        }
    }
}

/// What reconciles are due to.
struct News<O, K, U> {
    /// This node's object, whenever it changes.
    objects: O,
    /// Something in the kernel changed.
    kernel: K,
    /// Links that udev is done with.
    udev: U,
    /// What DHCP servers said.
    leases: leases::Words,
}

/// Reconciles, whenever that is due, until it has to `stop`. A change is never cut short.
async fn turn(
    agent: &mut Agent,
    api_server: &mut ApiServer,
    mut news: News<
        impl Stream<Item = watcher::Result<Option<GuardedConfig>>> + Unpin,
        impl Stream<Item = ()> + Unpin,
        impl Stream<Item = u32> + Unpin,
    >,
    heartbeat: &Heartbeat,
    stop: &Stop,
) -> anyhow::Result<()> {
    let mut last_error = String::new();
    let mut looks = LOOKS;
    let mut announcements = Announcements::default();
    // What was announced is looked into by then.
    let mut soon = None;
    // By then an API server that is there has answered.
    let answered = Instant::now() + FULL_CHECK;
    let mut due = answered;
    loop {
        heartbeat.beat();
        tokio::select! {
            () = stop.asked() => return Ok(()),
            object = news.objects.try_next() => match object {
                Ok(object) => {
                    last_error.clear();
                    agent.reporter.hear(None);
                    agent.take(object.flatten());
                    due = Instant::now();
                }
                // Said once for each kind of trouble, not once for each attempt.
                Err(error) => {
                    let error = error.to_string();
                    if error != last_error {
                        tracing::warn!("cannot watch this node's object: {error}");
                        last_error.clone_from(&error);
                    }
                    agent.reporter.hear(Some(error));
                },
            },
            Some(index) = news.udev.next() => {
                if agent.host.udev_is_done(index).await.is_some_and(|mac| agent.wants(mac)) {
                    // Nothing more is announced of it that would have to be waited for.
                    due = due.min(Instant::now());
                }
            }
            Some(heard) = news.leases.recv() => {
                if agent.hear(heard).await {
                    due = Instant::now();
                }
            }
            Some(is_news) = agent.wire.heard() => {
                if is_news {
                    due = due.min(Instant::now());
                }
            }
            announced = news.kernel.next() => {
                ensure!(announced.is_some(), "the kernel's announcements ended");
                let settled = looks.next(announcements.heard(Instant::now()));
                soon = Some(agent.not_before().map_or(settled, |not_before| settled.max(not_before)));
            }
            () = sleep_until(soon.map_or(due, |soon| due.min(soon)).into()) => {
                looks.spend(Instant::now());
                announcements.looked();
                soon = None;
                due = match api_server.addresses().await {
                    Some(addresses) => {
                        agent.host.protect_routes_to(addresses);
                        if Instant::now() >= answered {
                            agent.recall().await;
                        }
                        let next = agent.turn(stop).await;
                        agent.keep(api_server.place());
                        next
                    }
                    // Without them its route is not in the fence, and nothing may be touched.
                    None => Instant::now() + FULL_CHECK,
                };
            }
        }
    }
}
