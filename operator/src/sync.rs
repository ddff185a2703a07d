//! The loop: events into the indexes, and from time to time one sync.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    mem,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;
use kube::Client;
use multinic_crds::GuardedConfig;
use multinic_operator_core::{
    cluster::{Matcher, Name, Node, Object, WatchedNode},
    mirror::mirror,
    outage::Outage,
    plan::Verdict,
    plan::{Change, Memory, Plan, Task, World, plan},
    table::{Rejection, Relied, Snapshot, Unmatched},
};
use multinic_runtime::heartbeat::Heartbeat;
use tokio::{sync::watch, time::sleep_until};

use crate::{
    database::{Database, DatabaseError, Written},
    kubernetes::Reflector,
    kubernetes::apply::{Applied, apply},
    report::metrics::Metrics,
    report::{Overview, log},
};

/// The longest that one turn can take with every deadline used up; after more, the loop is stuck.
pub(crate) const LONGEST_TURN: Duration = Duration::from_mins(3);
/// A loop that has nothing to do turns as often, so that it is not taken for one that is stuck.
const IDLE_TURN: Duration = Duration::from_secs(30);
/// How long changes are gathered before they are acted on.
const DEBOUNCE: Duration = Duration::from_secs(1);
/// Whatever changes, a sync is followed by a rest of so many times what it took, or of the interval if that is less.
const REST: u32 = 4;

/// What a person chose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) sync_interval: Duration,
    pub(crate) removal_grace: Duration,
    pub(crate) max_interfaces: usize,
}

/// The operator's loop and all its state.
pub(crate) struct Syncer {
    client: Client,
    database: Database,
    settings: Settings,
    heartbeat: Heartbeat,
    metrics: Metrics,
    overview: watch::Sender<Overview>,

    nodes: Reflector<WatchedNode, Node>,
    objects: Reflector<GuardedConfig, Object>,
    memory: Memory,
    outage: Option<Outage>,
    rejected: BTreeSet<Rejection>,
    unmatched: BTreeSet<Unmatched>,
    last_sync: Option<Instant>,
    /// How long it took.
    took: Duration,
    /// When the oldest change came that no sync has seen.
    changed: Option<Instant>,
    /// Whether objects had changed before the last sync could write them.
    outdated: bool,
}

impl Syncer {
    pub(crate) fn new(
        client: Client,
        database: Database,
        settings: Settings,
        heartbeat: Heartbeat,
        metrics: Metrics,
        overview: watch::Sender<Overview>,
    ) -> Self {
        Self {
            nodes: Reflector::new(&client),
            objects: Reflector::new(&client),
            client,
            database,
            settings,
            heartbeat,
            metrics,
            overview,
            memory: Memory::default(),
            outage: None,
            rejected: BTreeSet::new(),
            unmatched: BTreeSet::new(),
            last_sync: None,
            took: Duration::ZERO,
            changed: None,
            outdated: false,
        }
    }

    /// Turns for ever. May be dropped at any await: every effect is complete in itself.
    pub(crate) async fn run(mut self) -> Infallible {
        loop {
            self.heartbeat.beat();
            self.show_watching();
            let now = Instant::now();
            let wake = self.wake(now);
            tokio::select! {
                changed = self.nodes.turn() => self.note(changed),
                changed = self.objects.turn() => self.note(changed),
                () = sleep_until(wake.min(now + IDLE_TURN).into()) => if wake <= Instant::now() {
                    self.sync().await;
                }
            }
        }
    }

    fn is_listed(&self) -> bool {
        self.nodes.index.is_complete() && self.objects.index.is_complete()
    }

    fn is_watching(&self) -> bool {
        self.nodes.is_well() && self.objects.is_well()
    }

    fn show_watching(&self) {
        let watching = self.is_watching();
        self.overview.send_if_modified(|overview| mem::replace(&mut overview.watching, watching) != watching);
    }

    fn note(&mut self, changed: bool) {
        if changed {
            self.changed.get_or_insert_with(Instant::now);
        }
    }

    /// Takes in what the watches have brought while something else took its time.
    async fn catch_up(&mut self) -> bool {
        let (nodes, objects) = tokio::join!(self.nodes.catch_up(), self.objects.catch_up());
        nodes || objects
    }

    /// When to turn next, whatever the watches bring.
    fn wake(&self, now: Instant) -> Instant {
        if self.is_listed() {
            let retry = self.outage.as_ref().map(Outage::delay);
            next_sync(self.last_sync, self.took, self.changed, retry, self.settings.sync_interval)
                .unwrap_or(now)
        } else {
            now + self.settings.sync_interval
        }
    }

    async fn sync(&mut self) {
        if !self.is_listed() {
            return;
        }
        let now = Instant::now();
        self.last_sync = Some(now);
        self.changed = None;
        self.overview.send_modify(|overview| overview.listed = true);
        self.nodes.index.sweep(|_| false);
        self.objects.index.sweep(|name| self.nodes.index.get(name).is_some());

        let read = self.database.read(Relied::from(&self.objects.index)).await;
        self.metrics.database_up.set(i64::from(read.is_ok()));
        match read {
            Ok(rows) => {
                if let Some(outage) = self.outage.take() {
                    tracing::info!(failures = outage.failures(), "the table is read again");
                }
                self.catch_up().await;
                let matcher = Matcher::new(&self.nodes.index, &self.objects.index);
                self.carry_over(Snapshot::new(rows, &matcher), now).await;
                self.metrics.observe_sync(now.elapsed());
            }
            Err(error) => self.hold(&error).await,
        }
        self.took = now.elapsed();
    }

    /// From a good reading to specs, conditions and `netplan_success`.
    async fn carry_over(&mut self, snapshot: Snapshot, now: Instant) {
        let world = World {
            nodes: &self.nodes.index,
            objects: &self.objects.index,
            max_interfaces: self.settings.max_interfaces,
            grace: self.settings.removal_grace.max(self.settings.sync_interval),
            now,
        };
        let mut plan = plan(&snapshot, &world, &self.memory);
        self.memory = mem::take(&mut plan.memory);
        let applied = apply(&self.client, &plan.tasks, &mut self.objects.index, Timestamp::now()).await;
        // What overtook the plan need not be news by itself. Only once: more than that is no accident.
        let again = mem::replace(&mut self.outdated, applied.outdated > 0);
        self.note(self.outdated && !again);
        plan.added.retain(|change| self.asks_for(change));
        plan.dropped.retain(|change| !self.asks_for(change));

        // What is said of success is what is known now, and not when the table was read.
        let overtaken = self.catch_up().await;
        self.note(overtaken);
        let updates = mirror(&snapshot, &self.nodes.index, &self.objects.index, self.is_watching());
        let written = self.database.write(&updates).await;
        log::written(self.overview.borrow().write_error, &written);
        log::guard(self.overview.borrow().guarded, plan.guarded);
        self.publish(&snapshot, &plan, &applied, &written, now);
        self.log(snapshot, plan, &applied);
    }

    fn asks_for(&self, change: &Change) -> bool {
        self.objects.index.get(&change.node).is_some_and(|object| object.has(change.mac))
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
        if outage.is_confirmed() {
            let verdict = Verdict::unread(error.reason(), error.explain());
            let task = |node: &Name| Task { node: Name::clone(node), write: None, verdict: verdict.clone() };
            // What is held says so, or a restart would forget it.
            let held = |node: &Name| self.objects.index.get(node).is_some_and(Object::is_held);
            let nodes = self.nodes.index.iter().map(|(node, _)| node).filter(|node| !held(node));
            let tasks: Vec<_> = nodes.map(task).collect();
            applied = apply(&self.client, &tasks, &mut self.objects.index, Timestamp::now()).await;
        }
        log::applied(&applied);
        self.metrics.count_applied(&applied);
        self.overview.send_modify(|overview| {
            overview.database_connected = false;
            overview.read_error = Some(error.cause().as_str());
            overview.failed_objects = applied.failed.len();
            overview.count(&self.objects.index);
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
            overview.count(&self.objects.index);
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

/// When to sync next: an interval after the last, sooner after a change, in an outage only for a
/// `retry`. `None` is at once.
fn next_sync(
    last: Option<Instant>,
    took: Duration,
    changed: Option<Instant>,
    retry: Option<Duration>,
    interval: Duration,
) -> Option<Instant> {
    let last = last?;
    let regular = last + retry.unwrap_or(interval);
    let rested = last + took * (1 + REST);
    let sooner = changed.filter(|_| retry.is_none()).map(|changed| rested.max(changed + DEBOUNCE));
    Some(sooner.map_or(regular, |sooner| sooner.min(regular)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_gathered_and_brought_forward_except_in_an_outage() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let interval = Duration::from_secs(30);
        let retry = Some(Duration::from_secs(4));

        let quick = Duration::from_millis(10);

        assert_eq!(next_sync(None, quick, None, None, interval), None);
        assert_eq!(next_sync(Some(start), quick, None, None, interval), Some(after(30)));
        assert_eq!(next_sync(Some(start), quick, Some(after(7)), None, interval), Some(after(8)));
        assert_eq!(next_sync(Some(start), quick, Some(after(30)), None, interval), Some(after(30)));
        assert_eq!(next_sync(Some(start), quick, Some(after(1)), retry, interval), Some(after(4)));
    }

    #[test]
    fn a_table_that_takes_long_to_sync_is_not_read_all_the_time_whatever_changes() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let interval = Duration::from_secs(30);
        let next =
            |took| next_sync(Some(start), Duration::from_secs(took), Some(after(took)), None, interval);
        assert_eq!(next(2), Some(after(10)));
        assert_eq!(next(10), Some(after(30)));
    }
}
