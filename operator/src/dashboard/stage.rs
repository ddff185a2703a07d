//! What is on show, shared by who tells and by all pages.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use k8s_openapi::jiff::Timestamp;
use multinic_operator_core::{
    cluster::{Index, Name, Node, Object},
    transition::Transition,
    view::{Head, Table, Update, View, changes},
};
use tokio::sync::broadcast;

use crate::report::{
    fleet::{Fleet, Role},
    sink::Sink,
};

/// How many updates a page may be behind.
const BEHIND: usize = 64;

/// What a page is told.
#[derive(Debug, Clone)]
pub(super) enum Told {
    /// What differs.
    Update(Arc<Update>),
    /// Too much differs: load everything anew.
    Reload,
}

/// What is on show. Clones show the same.
#[derive(Debug, Clone)]
pub(crate) struct Stage(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Tells this process from the next one, which counts its revisions anew.
    instance: u64,
    on_show: Mutex<OnShow>,
    told: broadcast::Sender<Told>,
}

#[derive(Debug, Default)]
struct OnShow {
    view: View,
    fleet: Arc<Fleet>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let instance = RandomState::new().hash_one(());
        let (told, _) = broadcast::channel(BEHIND);
        Self(Arc::new(Shared { instance, on_show: Mutex::default(), told }))
    }

    /// Forgets the Nodes: whoever tells of them begins anew.
    pub(crate) fn begin(&self) {
        self.lock().view.forget();
        self.tell(Told::Reload);
    }

    /// Looks at what has these names.
    pub(crate) fn look<'a>(
        &self,
        names: impl IntoIterator<Item = &'a Name>,
        nodes: &Index<Node>,
        objects: &Index<Object>,
    ) {
        let update = self.lock().view.look(names, nodes, objects);
        self.update(update);
    }

    /// Shows how the operator stands.
    pub(super) fn show(&self, fleet: Arc<Fleet>) {
        let mut on_show = self.lock();
        let stood_by = on_show.fleet.role == Role::StandBy;
        let rows_differ =
            (&on_show.fleet.rejected, &on_show.fleet.unmatched) != (&fleet.rejected, &fleet.unmatched);
        let edition = on_show.view.head().rows_edition + u64::from(rows_differ);
        let head = head(&fleet, edition).since(on_show.view.head(), now());
        let retires = fleet.role == Role::StandBy && !stood_by;
        on_show.fleet = fleet;
        let update = on_show.view.take_head(head);
        drop(on_show);
        self.update(update);
        if retires {
            self.begin();
        }
    }

    /// An id of the revision that is on show.
    pub(super) fn id(&self, revision: u64) -> String {
        format!("{:016x}-{revision}", self.0.instance)
    }

    /// What `read` takes of what is on show now.
    pub(super) fn read<T>(&self, read: impl FnOnce(&View, &Fleet) -> T) -> T {
        let on_show = self.lock();
        read(&on_show.view, &on_show.fleet)
    }

    /// How many seconds ago the table was last read.
    pub(super) fn age(&self) -> Option<u64> {
        self.lock().fleet.last_sync_age(Instant::now())
    }

    /// The revision that is on show, and all that comes after it.
    pub(super) fn subscribe(&self) -> (u64, broadcast::Receiver<Told>) {
        let on_show = self.lock();
        (on_show.view.revision(), self.0.told.subscribe())
    }

    fn update(&self, update: Option<Update>) {
        if let Some(update) = update {
            self.tell(Told::Update(Arc::new(update)));
        }
    }

    /// Where no page is open, nobody hears it.
    fn tell(&self, told: Told) {
        let _ = self.0.told.send(told);
    }

    fn lock(&self) -> MutexGuard<'_, OnShow> {
        self.0.on_show.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Stage {
    fn take(&self, transitions: &[Transition], _: &Index<Object>) {
        if !transitions.is_empty() {
            let update = self.lock().view.take_changes(changes(transitions, now()));
            self.update(update);
        }
    }
}

fn head(fleet: &Fleet, rows_edition: u64) -> Head {
    Head {
        acts: fleet.role == Role::Leader,
        leader: fleet.leader.clone(),
        listed: fleet.listed,
        watching: fleet.watching,
        guarded: fleet.guarded,
        table: Table {
            is_read: fleet.database_connected,
            read_error: fleet.read_error,
            since: 0,
            write_error: fleet.write_error,
            unwritten: fleet.unwritten_rows,
            rows: fleet.rows,
            rejected: fleet.rejected.len(),
            unmatched: fleet.unmatched_rows,
        },
        failed_objects: fleet.failed_objects,
        rows_edition,
    }
}

/// In seconds of the epoch.
fn now() -> i64 {
    Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use multinic_operator_core::cluster::WatchedNode;
    use serde_json::json;

    use super::*;

    fn nodes() -> Index<Node> {
        let mut nodes = Index::default();
        nodes.record(serde_json::from_value::<WatchedNode>(json!({ "metadata": { "name": "a" } })).unwrap());
        nodes
    }

    fn rows(stage: &Stage) -> usize {
        stage.read(|view, _| view.rows().count())
    }

    #[test]
    fn a_page_hears_all_that_differs_after_the_revision_that_it_loaded() {
        let stage = Stage::new();
        stage.look(&["a".into()], &nodes(), &Index::default());
        let (revision, mut told) = stage.subscribe();
        stage.take(&[Transition::WritesWork], &Index::default());
        stage.take(&[], &Index::default());
        let Ok(Told::Update(update)) = told.try_recv() else { panic!("no update") };
        assert_eq!(update.revision, revision + 1);
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn an_operator_that_acts_no_more_shows_no_nodes_and_has_pages_load_anew() {
        let stage = Stage::new();
        stage.look(&["a".into()], &nodes(), &Index::default());
        stage.show(Arc::new(Fleet::default()));
        assert_eq!(rows(&stage), 1);

        let (_, mut told) = stage.subscribe();
        let stands_by = Fleet { role: Role::StandBy, leader: Some("other".to_owned()), ..Fleet::default() };
        stage.show(Arc::new(stands_by));
        assert_eq!(rows(&stage), 0);
        assert!(matches!(told.try_recv(), Ok(Told::Update(_))));
        assert!(matches!(told.try_recv(), Ok(Told::Reload)));
    }

    #[test]
    fn rows_have_another_edition_only_where_they_differ() {
        let stage = Stage::new();
        let edition = || stage.read(|view, _| view.head().rows_edition);
        stage.show(Arc::new(Fleet { rows: 1, ..Fleet::default() }));
        let before = edition();
        stage.show(Arc::new(Fleet { rows: 2, ..Fleet::default() }));
        assert_eq!(edition(), before);
        let unmatched = Arc::new([("elsewhere".to_owned(), 1)].into());
        stage.show(Arc::new(Fleet { rows: 2, unmatched, ..Fleet::default() }));
        assert_eq!(edition(), before + 1);
    }
}
