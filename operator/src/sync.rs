//! One turn: what the table says, carried to the objects, and what the agents say, back to the table.

use std::{
    collections::BTreeSet,
    mem,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;
use kube::Client;
use multinic_operator_core::{
    cluster::Matcher,
    mirror::mirror,
    outage::Outage,
    plan::{Memory, Plan, World, plan, unread},
    table::{Rejection, Relied, Snapshot, Unmatched},
};
use tokio::sync::watch;

use crate::{
    database::{Database, DatabaseError, Written},
    kubernetes::Watches,
    kubernetes::apply::{Applied, apply},
    report::metrics::Metrics,
    report::{Overview, log},
};

/// What a person chose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) sync_interval: Duration,
    pub(crate) removal_grace: Duration,
    pub(crate) max_interfaces: usize,
}

/// All that a sync goes by, and what it leaves for the next one.
pub(crate) struct Syncer {
    client: Client,
    database: Database,
    settings: Settings,
    metrics: Metrics,
    overview: watch::Sender<Overview>,

    pub(crate) watches: Watches,
    memory: Memory,
    outage: Option<Outage>,
    rejected: BTreeSet<Rejection>,
    unmatched: BTreeSet<Unmatched>,
    /// Whether objects had changed before the last sync could write them.
    outdated: bool,
}

impl Syncer {
    pub(crate) fn new(
        client: Client,
        database: Database,
        settings: Settings,
        metrics: Metrics,
        overview: watch::Sender<Overview>,
    ) -> Self {
        Self {
            watches: Watches::new(&client),
            client,
            database,
            settings,
            metrics,
            overview,
            memory: Memory::default(),
            outage: None,
            rejected: BTreeSet::new(),
            unmatched: BTreeSet::new(),
            outdated: false,
        }
    }

    /// How long after the last attempt to make the next, in an outage.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.outage.as_ref().map(Outage::delay)
    }

    /// Shows whether the API server tells what there is.
    pub(crate) fn show_watches(&self) {
        let now = (self.watches.are_listed(), self.watches.are_well());
        self.overview.send_if_modified(|overview| {
            let before = (overview.listed, overview.watching);
            (overview.listed, overview.watching) = now;
            before != now
        });
    }

    /// Syncs once, and tells whether something came meanwhile that this has not seen.
    ///
    /// May be dropped at any await: every effect is complete in itself.
    pub(crate) async fn sync(&mut self, now: Instant) -> bool {
        self.watches.sweep();
        let read = self.database.read(Relied::from(&self.watches.objects.index)).await;
        self.metrics.database_up.set(i64::from(read.is_ok()));
        let rows = match read {
            Ok(rows) => rows,
            Err(error) => {
                self.hold(&error).await;
                return false;
            }
        };
        if let Some(outage) = self.outage.take() {
            tracing::info!(failures = outage.failures(), "the table is read again");
        }

        self.watches.catch_up().await;
        let Watches { nodes, objects } = &mut self.watches;
        let snapshot = Snapshot::new(rows, &Matcher::new(&nodes.index, &objects.index));
        let world = World {
            nodes: &nodes.index,
            objects: &objects.index,
            max_interfaces: self.settings.max_interfaces,
            grace: self.settings.removal_grace.max(self.settings.sync_interval),
            now,
        };
        let mut plan = plan(&snapshot, &world, &self.memory);
        self.memory = mem::take(&mut plan.memory);
        let applied = apply(&self.client, &plan.tasks, &mut objects.index, Timestamp::now()).await;
        plan.settle(&objects.index);

        // What is said of success is what is known now, and not when the table was read.
        let overtaken = self.watches.catch_up().await;
        let Watches { nodes, objects } = &self.watches;
        let updates = mirror(&snapshot, &nodes.index, &objects.index, self.watches.are_well());
        let written = self.database.write(&updates).await;

        let outdated = self.is_outdated(&applied);
        log::written(self.overview.borrow().write_error, &written);
        log::guard(self.overview.borrow().guarded, plan.guarded);
        self.publish(&snapshot, &plan, &applied, &written, now);
        self.log(snapshot, plan, &applied);
        self.metrics.observe_sync(now.elapsed());
        overtaken || outdated
    }

    /// Whether something overtook the plan, which need not be news by itself. Only once: more than that is no accident.
    fn is_outdated(&mut self, applied: &Applied) -> bool {
        let again = mem::replace(&mut self.outdated, applied.outdated > 0);
        self.outdated && !again
    }

    /// Without a reading nothing changes but, in the end, the condition.
    async fn hold(&mut self, error: &DatabaseError) {
        self.memory.forget_evidence();
        let now = Instant::now();
        let outage = self.outage.get_or_insert_with(|| Outage::new(self.settings.sync_interval, now));
        if outage.fail(error.to_string(), now) {
            log::outage(error);
        }

        let mut applied = Applied::default();
        let Watches { nodes, objects } = &mut self.watches;
        if outage.is_confirmed() {
            let tasks = unread(&nodes.index, &objects.index, error.reason(), error.explain());
            applied = apply(&self.client, &tasks, &mut objects.index, Timestamp::now()).await;
        }
        log::applied(&applied);
        self.metrics.count_applied(&applied);
        self.overview.send_modify(|overview| {
            overview.database_connected = false;
            overview.read_error = Some(error.cause().as_str());
            overview.failed_objects = applied.failed.len();
            overview.count(&objects.index);
        });
    }

    fn publish(&self, snapshot: &Snapshot, plan: &Plan, applied: &Applied, written: &Written, now: Instant) {
        let rejected = || snapshot.rejected.iter().chain(&plan.rejected);
        self.overview.send_modify(|overview| {
            overview.database_connected = true;
            overview.read_error = None;
            overview.write_error = written.error.as_ref().map(|error| error.cause().as_str());
            overview.unwritten_rows = written.unwritten;
            overview.last_sync = Some(now);
            overview.nodes = plan.tasks.len();
            overview.nodes_with_nics = snapshot.nodes_with_nics();
            overview.rows = snapshot.rows;
            overview.rejected_rows = rejected().count();
            overview.unmatched_rows = snapshot.unmatched.len();
            overview.dropped += plan.dropped.len() as u64;
            overview.failed_objects = applied.failed.len() + applied.outdated + applied.postponed;
            overview.guarded = plan.guarded;
            overview.count(&self.watches.objects.index);
        });
        self.metrics.count_applied(applied);
        self.metrics.row_writes.inc_by(written.rows);
        self.metrics.dropped.inc_by(plan.dropped.len() as u64);
        self.metrics.set_rejected(rejected().map(|rejection| rejection.fault.reason));
        self.metrics.set(&self.overview.borrow());
    }

    fn log(&mut self, snapshot: Snapshot, plan: Plan, applied: &Applied) {
        log::changes(&plan);
        log::applied(applied);
        let rejected = snapshot.rejected.into_iter().chain(plan.rejected).collect();
        log::rejected(&mem::replace(&mut self.rejected, rejected), &self.rejected);
        let unmatched = snapshot.unmatched.into_iter().collect();
        log::unmatched(&mem::replace(&mut self.unmatched, unmatched), &self.unmatched);
    }
}
