//! Puts the parts together.

use std::{
    convert::Infallible,
    future::pending,
    hash::{BuildHasher, RandomState},
    io,
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, anyhow};
use futures::FutureExt;
use kube::{Client, Config};
use multinic_operator_core::pace::Intervals;
use multinic_runtime::{RuntimeArgs, admin, api, heartbeat::Heartbeat};
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;

use crate::{
    Args,
    config::LeaderArgs,
    controller::{Controller, LONGEST_TURN},
    dashboard::Dashboard,
    database::{Database, DatabaseSettings, StatusTable},
    kubernetes::{self, leader::Elector},
    report::events::Events,
    report::fleet::Board,
    report::metrics::Metrics,
    report::reporter::Reporter,
    status_table::Scribe,
    sync::{Settings, Syncer},
};

/// Runs the operator until `shutdown` completes.
///
/// Fails only for what a restart or a person has to mend: no way to Kubernetes is
/// configured, or the admin endpoint cannot listen. Everything else is retried for ever.
pub async fn run(args: Args, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let Args { help: _, runtime, database, dashboard_listen, leader, .. } = args;
    let Args { sync_interval, removal_grace, max_interfaces, initial_mode, networking, .. } = args;
    let RuntimeArgs { listen, log_level: _, log_format: _ } = runtime;

    let client = client().await?;
    let listeners = admin::bind(&listen).await?;
    let Intervals { busy, rest } = sync_interval;
    tracing::info!(version = multinic_runtime::VERSION, %listen, ?busy, ?rest, ?removal_grace, max_interfaces, "started");

    let shutdown = shutdown.shared();
    let heartbeat = Heartbeat::new(LONGEST_TURN);
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    metrics.set_sync_interval(sync_interval.rest);
    let (board, fleet) = Board::new();
    let dashboard = Dashboard::open(dashboard_listen.0, client.clone(), fleet.clone()).await;
    let stage = dashboard.as_ref().map(Dashboard::stage);
    let endpoint =
        admin::Admin::new(heartbeat.clone(), registry, move || fleet.borrow().report(Instant::now()));

    let settings =
        Settings { intervals: sync_interval, removal_grace, max_interfaces, initial_mode, networking };
    let pod = leader.own_pod();
    let (events, waiting) = Events::new(pod.clone());
    let waiting = Arc::new(Mutex::new(waiting));
    let mut elector = elector(leader, &client, &heartbeat, &metrics, &board);
    metrics.set_leader(elector.is_none());
    let status_table = database.status_table();
    let database = DatabaseSettings::from(database);
    let status_table = status_table.map(|name| StatusTable::new(database.clone(), name));
    let work = || {
        let database = Database::new(database.clone());
        let reporter = Reporter::new(board.clone(), metrics.clone(), events.clone(), stage.clone());
        let syncer = Syncer::new(client.clone(), database, settings.clone(), reporter);
        let controller = Controller::new(syncer, sync_interval, heartbeat.clone()).run();
        let scribe = status_table
            .clone()
            .map(|table| Scribe::new(client.clone(), table, metrics.clone(), board.clone()).run());
        let told = kubernetes::events::write(client.clone(), pod.name.clone(), Arc::clone(&waiting));
        beside(controller, scribe, told)
    };
    let ended = tokio::select! {
        served = admin::serve(listeners, endpoint, shutdown.clone()) => stopped(served),
        never = Box::pin(Dashboard::run(dashboard)) => match never {},
        never = Box::pin(act(elector.as_mut(), work)) => match never {},
        () = shutdown => Ok(()),
    };
    if let Some(elector) = elector {
        elector.release().await;
    }
    ended?;
    tracing::info!("stopped");
    Ok(())
}

async fn client() -> anyhow::Result<Client> {
    // The error's text has its causes in it already.
    let config = Config::infer().await.map_err(kube::Error::InferConfig);
    config.and_then(api::client).map_err(|error| {
        anyhow!("no way to Kubernetes; set KUBECONFIG or run in a pod with a service account: {error}")
    })
}

/// Who finds out whether this operator acts, where several share the work.
fn elector(
    leader: LeaderArgs,
    client: &Client,
    heartbeat: &Heartbeat,
    metrics: &Metrics,
    board: &Board,
) -> Option<Elector> {
    let candidate = leader.candidate()?;
    let token = RandomState::new().hash_one(());
    let (client, heartbeat) = (client.clone(), heartbeat.clone());
    Some(Elector::new(client, &candidate, token, heartbeat, metrics.clone(), board.clone()))
}

/// Works for ever, or from time to time where several share the work.
async fn act<Work>(elector: Option<&mut Elector>, work: impl Fn() -> Work) -> Infallible
where
    Work: Future<Output = Infallible>,
{
    match elector {
        Some(elector) => elector.run(work).await,
        None => work().await,
    }
}

/// All of it for ever, the `other` where there is one.
async fn beside(
    work: impl Future<Output = Infallible>,
    other: Option<impl Future<Output = Infallible>>,
    told: impl Future<Output = Infallible>,
) -> Infallible {
    let other = async {
        match other {
            Some(other) => other.await,
            None => pending().await,
        }
    };
    tokio::select! {
        never = work => never,
        never = other => never,
        never = told => never,
    }
}

fn stopped(served: io::Result<()>) -> anyhow::Result<()> {
    served.context("the admin endpoint stopped")
}
