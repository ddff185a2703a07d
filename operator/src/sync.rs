//! One turn: what the table says, carried to the objects, and what the agents say, back to the table.

use std::{
    collections::BTreeSet,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;
use kube::Client;
use multinic_operator_core::{
    cluster::Matcher,
    mirror::mirror,
    outage::Outage,
    plan::{Memory, Plan, World, plan, unread},
    table::{Relied, Snapshot, Unmatched},
};

use crate::{
    database::{Database, DatabaseError, Written},
    kubernetes::Watches,
    kubernetes::apply::{Applied, apply},
    report::fleet::{Board, Fleet},
    report::log,
    report::metrics::Metrics,
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
    board: Board,

    pub(crate) watches: Watches,
    memory: Memory,
    outage: Option<Outage>,
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
        board: Board,
    ) -> Self {
        Self {
            watches: Watches::new(&client),
            client,
            database,
            settings,
            metrics,
            board,
            memory: Memory::default(),
            outage: None,
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
        let Self { board, watches, .. } = self;
        board.change(|fleet| (fleet.listed, fleet.watching) = (watches.are_listed(), watches.are_well()));
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
        let before = self.board.shown();
        log::written(before.write_error, &written);
        log::guard(before.guarded, plan.guarded);
        self.publish(&snapshot, &plan, &applied, &written, now);
        self.log(&before, snapshot, &plan, &applied);
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
        self.board.change(|fleet| {
            fleet.database_connected = false;
            fleet.read_error = Some(error.cause().as_str());
            fleet.failed_objects = applied.failed.len();
            fleet.count(&objects.index);
        });
    }

    fn publish(&self, snapshot: &Snapshot, plan: &Plan, applied: &Applied, written: &Written, now: Instant) {
        let rejected: Vec<_> = snapshot.rejected.iter().chain(&plan.rejected).cloned().collect();
        self.board.change(|fleet| {
            fleet.database_connected = true;
            fleet.read_error = None;
            fleet.write_error = written.error.as_ref().map(|error| error.cause().as_str());
            fleet.unwritten_rows = written.unwritten;
            fleet.last_sync = Some(now);
            fleet.nodes = plan.tasks.len();
            fleet.nodes_with_nics = snapshot.nodes_with_nics();
            fleet.rows = snapshot.rows;
            fleet.rejected = Arc::new(rejected);
            fleet.unmatched_rows = snapshot.unmatched.len();
            fleet.dropped += plan.dropped.len() as u64;
            fleet.failed_objects = applied.failed.len() + applied.outdated + applied.postponed;
            fleet.guarded = plan.guarded;
            fleet.count(&self.watches.objects.index);
        });
        self.metrics.count_applied(applied);
        self.metrics.row_writes.inc_by(written.rows);
        self.metrics.dropped.inc_by(plan.dropped.len() as u64);
        self.metrics.show(&self.board.shown());
    }

    fn log(&mut self, before: &Fleet, snapshot: Snapshot, plan: &Plan, applied: &Applied) {
        log::changes(plan);
        log::applied(applied);
        let (before, now) = (before.rejected.iter().collect(), self.board.shown());
        log::rejected(&before, &now.rejected.iter().collect());
        let unmatched = snapshot.unmatched.into_iter().collect();
        log::unmatched(&mem::replace(&mut self.unmatched, unmatched), &self.unmatched);
    }
}
