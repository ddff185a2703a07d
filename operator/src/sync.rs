//! One turn: what the table says, carried to the objects, and what the agents say, back to the table.

use std::{
    mem,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;
use kube::Client;
use multinic_crds::Mode;
use multinic_operator_core::{
    cluster::Matcher,
    mirror::mirror,
    outage::Outage,
    plan::{Applied, Memory, World, plan, unread},
    routing::{Networking, Policy},
    table::{Relied, Snapshot},
};

use crate::{
    database::{Database, DatabaseError},
    kubernetes::Watches,
    kubernetes::apply::apply,
    report::reporter::{News, Outcome, Reporter},
};

/// What a person chose.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) sync_interval: Duration,
    pub(crate) removal_grace: Duration,
    pub(crate) max_interfaces: usize,
    pub(crate) initial_mode: Mode,
    pub(crate) networking: Networking,
}

/// All that a sync goes by, and what it leaves for the next one.
pub(crate) struct Syncer {
    client: Client,
    database: Database,
    settings: Settings,
    reporter: Reporter,

    pub(crate) watches: Watches,
    memory: Memory,
    outage: Option<Outage>,
    /// Whether objects had changed before the last sync could write them.
    outdated: bool,
}

impl Syncer {
    pub(crate) fn new(client: Client, database: Database, settings: Settings, reporter: Reporter) -> Self {
        Self {
            watches: Watches::new(&client),
            client,
            database,
            settings,
            reporter,
            memory: Memory::default(),
            outage: None,
            outdated: false,
        }
    }

    /// How long after the last attempt to make the next, in an outage.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.outage.as_ref().map(Outage::delay)
    }

    /// Shows whether the API server tells what there is.
    pub(crate) fn show_watches(&self) {
        self.reporter.watches(self.watches.are_listed(), self.watches.are_well());
    }

    /// Read, catch up, snapshot, plan, apply, catch up, mirror, write, report. Tells whether something came meanwhile
    /// that this has not seen.
    ///
    /// May be dropped at any await: every effect is complete in itself.
    pub(crate) async fn sync(&mut self, began: Instant) -> bool {
        self.watches.sweep();
        let rows = match self.database.read(Relied::from(&self.watches.objects.index)).await {
            Ok(rows) => rows,
            Err(error) => {
                self.hold(&error).await;
                return false;
            }
        };
        self.reporter.read(self.outage.take().as_ref(), &self.watches.objects.index);

        self.watches.catch_up().await;
        let Watches { nodes, objects } = &mut self.watches;
        let networking = &self.settings.networking;
        let policy = Policy { networking, nodes: &nodes.index, objects: &objects.index };
        let snapshot = Snapshot::new(rows, &Matcher::new(&nodes.index, &objects.index), &policy);
        let world = World {
            nodes: &nodes.index,
            objects: &objects.index,
            max_interfaces: self.settings.max_interfaces,
            initial_mode: self.settings.initial_mode,
            grace: self.settings.removal_grace.max(self.settings.sync_interval),
            now: began,
        };
        let mut plan = plan(&snapshot, &world, &self.memory);
        self.memory = mem::take(&mut plan.memory);
        let applied = apply(&self.client, &plan.tasks, &mut objects.index, Timestamp::now()).await;
        plan.settle(&objects.index);
        let outdated = self.is_outdated(&applied);

        // What is said of success is what is known now, and not when the table was read.
        let overtaken = self.watches.catch_up().await;
        let watched = self.watches.are_well();
        let Watches { nodes, objects } = &mut self.watches;
        let updates = mirror(&snapshot, &nodes.index, &objects.index, watched);
        let written = self.database.write(&updates).await;

        self.reporter.synced(Outcome { began, snapshot, plan, applied, written }, &objects.index);
        self.look();
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
        let news = outage.fail(error.reason(), error.to_string(), now);
        self.reporter.unread(news.as_slice(), &self.watches.objects.index);

        let Watches { nodes, objects } = &mut self.watches;
        let mut applied = Applied::default();
        if outage.is_confirmed() {
            let tasks = unread(&nodes.index, &objects.index, error.reason(), error.explain());
            applied = apply(&self.client, &tasks, &mut objects.index, Timestamp::now()).await;
        }
        self.reporter.held(error.cause(), applied, &objects.index);
        self.look();
    }

    /// Tells what the watches brought since this was last done.
    fn look(&mut self) {
        let Watches { nodes, objects } = &mut self.watches;
        let (changed_nodes, changed_objects) = (nodes.index.take_changed(), objects.index.take_changed());
        let (nodes, objects) = (&nodes.index, &objects.index);
        self.reporter.looked(&News { nodes, objects, changed_nodes, changed_objects });
    }
}
