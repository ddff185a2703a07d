//! Tells what the work comes to: what changed, to the sinks; how things stand, on the board.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
    time::Instant,
};

use multinic_operator_core::{
    cluster::{Index, Name, Node, Object, unreported},
    outage::Outage,
    plan::{Applied, Plan},
    reports::Reports,
    table::{Snapshot, Unmatched},
    transition::{Standing, Synced, Transition, Unwritten, carried_out},
    view::LISTED,
};

use super::{events::Events, fleet::Board, log::Log, metrics::Metrics, sink::Sink};
use crate::{
    dashboard::stage::Stage,
    database::{Cause, Written},
};

/// All that one sync came to.
pub(crate) struct Outcome {
    pub(crate) began: Instant,
    pub(crate) snapshot: Snapshot,
    pub(crate) plan: Plan,
    pub(crate) applied: Applied,
    pub(crate) written: Written,
}

/// What the watches brought since the last look.
pub(crate) struct News<'a> {
    pub(crate) nodes: &'a Index<Node>,
    pub(crate) objects: &'a Index<Object>,
    /// The Nodes that changed, came or went.
    pub(crate) changed_nodes: BTreeSet<Name>,
    /// The objects that did.
    pub(crate) changed_objects: BTreeSet<Name>,
}

/// Who tells, and what it told last.
pub(crate) struct Reporter {
    board: Board,
    metrics: Metrics,
    sinks: Vec<Box<dyn Sink>>,
    stage: Option<Stage>,
    standing: Standing,
    reports: Reports,
}

impl Reporter {
    /// Whoever begins to tell knows nothing of what was told before, and so does the `stage`, where there is a page.
    pub(crate) fn new(board: Board, metrics: Metrics, events: Events, stage: Option<Stage>) -> Self {
        let mut sinks: Vec<Box<dyn Sink>> = vec![Box::new(Log), Box::new(metrics.clone()), Box::new(events)];
        if let Some(stage) = &stage {
            stage.begin();
            sinks.push(Box::new(stage.clone()));
        }
        Self { board, metrics, sinks, stage, standing: Standing::default(), reports: Reports::default() }
    }

    /// Whether the API server has told what there is, and still does.
    pub(crate) fn watches(&self, listed: bool, well: bool) {
        self.board.change(|fleet| (fleet.listed, fleet.watching) = (listed, well));
    }

    /// Whether the table is read more often.
    pub(crate) fn busy(&self, busy: bool) {
        self.metrics.busy.set(i64::from(busy));
    }

    /// The table was read, perhaps after an `outage`.
    pub(crate) fn read(&self, outage: Option<&Outage>, objects: &Index<Object>) {
        self.metrics.database_up.set(1);
        self.tell(outage.map(Outage::end).as_slice(), objects);
    }

    /// The table could not be read, which may be no `news`.
    pub(crate) fn unread(&self, news: &[Transition], objects: &Index<Object>) {
        self.metrics.database_up.set(0);
        self.tell(news, objects);
    }

    /// What came of a sync that could not read the table.
    pub(crate) fn held(&self, cause: Cause, applied: Applied, objects: &Index<Object>) {
        self.board.change(|fleet| {
            fleet.database_connected = false;
            fleet.read_error = Some(cause.as_str());
            fleet.failed_objects = applied.failed.len();
            fleet.count(objects);
        });
        self.metrics.api_writes.inc_by(applied.writes);
        self.tell(&carried_out(applied).collect::<Vec<_>>(), objects);
    }

    /// What came of a sync that read it.
    pub(crate) fn synced(&mut self, outcome: Outcome, objects: &Index<Object>) {
        let Outcome { began, mut snapshot, mut plan, applied, written } = outcome;
        snapshot.rejected.append(&mut plan.rejected);
        let rejected = Arc::new(mem::take(&mut snapshot.rejected));
        self.board.change(|fleet| {
            fleet.database_connected = true;
            fleet.read_error = None;
            fleet.write_error = written.error.as_ref().map(|error| error.cause().as_str());
            fleet.unwritten_rows = written.unwritten;
            fleet.last_sync = Some(began);
            fleet.nodes = plan.tasks.len();
            fleet.nodes_with_nics = snapshot.nodes_with_nics();
            fleet.rows = snapshot.rows;
            fleet.rejected = Arc::clone(&rejected);
            fleet.unmatched_rows = snapshot.unmatched.len();
            let unmatched = counted(&snapshot.unmatched);
            if *fleet.unmatched != unmatched {
                fleet.unmatched = Arc::new(unmatched);
            }
            fleet.dropped += plan.dropped.len() as u64;
            fleet.failed_objects = applied.failed.len() + applied.outdated + applied.postponed;
            fleet.guarded = plan.guarded;
            fleet.count(objects);
        });
        self.metrics.show(&self.board.shown());
        self.metrics.api_writes.inc_by(applied.writes);

        let (rows, unwritten) = told(written);
        let unmatched = snapshot.unmatched;
        let without = snapshot.without.into_values().flatten().collect();
        let synced = Synced { plan, applied, rejected, without, unmatched, written: rows, unwritten };
        let transitions = self.standing.follow(synced);
        self.tell(&transitions, objects);
        self.metrics.observe_sync(began.elapsed());
    }

    /// What came of carrying what agents say to rows that were read before.
    pub(crate) fn mirrored(&mut self, written: Written, objects: &Index<Object>) {
        self.board.change(|fleet| {
            fleet.write_error = written.error.as_ref().map(|error| error.cause().as_str());
            fleet.count(objects);
        });
        self.metrics.show_writes(&self.board.shown());
        let (rows, unwritten) = told(written);
        let transitions = self.standing.wrote(rows, unwritten);
        self.tell(&transitions, objects);
    }

    /// What the watches brought, and so what agents say.
    pub(crate) fn looked(&mut self, news: &News<'_>) {
        let transitions = self.reports.follow(&news.changed_objects, news.objects);
        self.tell(&transitions, news.objects);
        self.metrics.set_unreported(unreported(news.nodes, news.objects).cloned());
        if let Some(stage) = &self.stage {
            let names = news.changed_nodes.union(&news.changed_objects);
            stage.look(names, news.nodes, news.objects);
        }
    }

    fn tell(&self, transitions: &[Transition], objects: &Index<Object>) {
        for sink in &self.sinks {
            sink.take(transitions, objects);
        }
    }
}

/// How many rows were written, and why not all.
fn told(written: Written) -> (u64, Option<Unwritten>) {
    // The producer holds its locks for minutes; that is no news.
    tracing::debug!(rows = written.unwritten, "rows left to a later sync");
    let unwritten = written.error.map(|error| Unwritten {
        cause: error.cause().as_str(),
        error: error.to_string(),
        rows: written.unwritten,
    });
    (written.rows, unwritten)
}

/// The servers that rows name, with how many of them each has; of very many the first.
fn counted(unmatched: &[Unmatched]) -> BTreeMap<String, usize> {
    let mut servers = BTreeMap::<String, usize>::new();
    for Unmatched { server } in unmatched {
        if let Some(rows) = servers.get_mut(server) {
            *rows += 1;
        } else if servers.len() < LISTED {
            servers.insert(server.clone(), 1);
        }
    }
    servers
}
