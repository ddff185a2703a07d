//! One turn: what the table says, carried to the objects, and what the agents say, back to the table.

use std::{
    mem,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;
use kube::Client;
use multinic_crds::Mode;
use multinic_operator_core::{
    cluster::{Index, Matcher, Name, Object, unreported},
    mirror::{Marks, mirror},
    outage::Outage,
    pace::{Intervals, Seen, Size},
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
    pub(crate) intervals: Intervals,
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
    /// What the rows said at the last reading; nothing in an outage.
    marks: Marks,
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
            marks: Marks::default(),
            outage: None,
            outdated: false,
        }
    }

    /// How long after the last attempt to make the next, in an outage.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.outage.as_ref().map(Outage::delay)
    }

    /// Shows whether the API server tells what there is, and whether the table is read more often.
    pub(crate) fn show(&self, busy: bool) {
        self.reporter.watches(self.watches.are_listed(), self.watches.are_well());
        self.reporter.busy(busy);
    }

    /// Read, catch up, snapshot, plan, apply, catch up, mirror, write, report. Tells what it saw, and whether something
    /// came meanwhile that this has not seen.
    ///
    /// May be dropped at any await: every effect is complete in itself.
    pub(crate) async fn sync(&mut self, began: Instant) -> (Seen, bool) {
        self.watches.sweep();
        // What is read next takes their place.
        self.marks = Marks::default();
        let rows = match self.database.read(Relied::from(&self.watches.objects.index)).await {
            Ok(rows) => rows,
            Err(error) => {
                self.hold(&error).await;
                return (Seen::default(), false);
            }
        };
        self.reporter.read(self.outage.take().as_ref(), &self.watches.objects.index);

        self.watches.catch_up().await;
        let Watches { nodes, objects } = &mut self.watches;
        let networking = &self.settings.networking;
        let policy = Policy { networking, nodes: &nodes.index, objects: &objects.index };
        let mut snapshot = Snapshot::new(rows, &Matcher::new(&nodes.index, &objects.index), &policy);
        let grace = self.settings.removal_grace.max(self.settings.intervals.rest);
        let world = World {
            nodes: &nodes.index,
            objects: &objects.index,
            max_interfaces: self.settings.max_interfaces,
            initial_mode: self.settings.initial_mode,
            grace,
            now: began,
        };
        let mut plan = plan(&snapshot, &world, &self.memory);
        self.memory = mem::take(&mut plan.memory);
        let applied = apply(&self.client, &plan.tasks, &mut objects.index, Timestamp::now()).await;
        plan.settle(&objects.index);
        let outdated = self.is_outdated(&applied);
        // All of this has been planned from, or is what was planned.
        let _ = self.watches.take_replan();

        // What is said of success is what is known now, and not when the table was read.
        self.watches.catch_up().await;
        let overtaken = self.watches.take_replan();
        let watched = self.watches.are_well();
        let Watches { nodes, objects } = &mut self.watches;
        let updates;
        (updates, self.marks) = mirror(&mut snapshot, &nodes.index, &objects.index, watched);
        let written = self.database.write(&updates).await;

        let seen = Seen {
            size: Some(size(&snapshot)),
            stirred: applied.specs > 0 || (written.rows > 0 && written.is_postponed),
            unsettled: unreported(&nodes.index, &objects.index).map(generation(&objects.index)).collect(),
            ripens: self.memory.ripens(began, grace),
        };
        self.reporter.synced(Outcome { began, snapshot, plan, applied, written }, &objects.index);
        self.look();
        (seen, overtaken || outdated)
    }

    /// Carries what agents say to the rows as they were last read. Tells whether they have to be read again: somebody
    /// else wrote them meanwhile, or they could not be written.
    pub(crate) async fn mirror(&mut self) -> bool {
        self.watches.catch_up().await;
        let watched = self.watches.are_well();
        let Watches { nodes, objects } = &self.watches;
        let named = nodes.index.changed().union(objects.index.changed()).cloned().collect();
        let updates = self.marks.mirror(&named, &nodes.index, &objects.index, watched);
        let mut must_read = self.watches.take_replan();
        if !updates.is_empty() {
            let written = self.database.write(&updates).await;
            let keys: usize = updates.iter().map(|update| update.keys.len()).sum();
            must_read |= written.rows != keys as u64;
            self.reporter.mirrored(written, &self.watches.objects.index);
        }
        self.look();
        must_read
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
        let outage = self.outage.get_or_insert_with(|| Outage::new(self.settings.intervals.rest, now));
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

const fn size(snapshot: &Snapshot) -> Size {
    let (rejected, unmatched) = (snapshot.rejected.len(), snapshot.unmatched.len());
    Size { rows: snapshot.rows, rejected, unmatched }
}

/// The name of a Node, with the generation of its object.
fn generation(objects: &Index<Object>) -> impl Fn(&Name) -> (Name, i64) {
    |name| (Name::clone(name), objects.get(name).map_or(0, |object| object.generation))
}
