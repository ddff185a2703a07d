//! What a watch last said of every object of one kind, reduced to the facts that matter.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use kube::ResourceExt;

/// The name of a Node and of its object.
pub type Name = Arc<str>;

/// One thing that a watch tells.
#[derive(Debug)]
pub enum Event<K> {
    /// An object is there, and is so.
    Apply(K),
    /// It is gone.
    Delete(K),
    /// A list of everything begins.
    Init,
    /// An object of that list.
    InitApply(K),
    /// The list is whole.
    InitDone,
}

/// What is kept of an object.
pub trait Facts: PartialEq {
    /// Whether planning comes to the same with `next` as with this: then the two only say something else of what is,
    /// and nothing else of what is wanted.
    fn plans_like(&self, next: &Self) -> bool;
}

/// A synchronous state machine: events in, "did anything that matters change" out.
///
/// # Guarantees
/// - An event older than what is known is ignored, so that the result of our own write,
///   once recorded, is not undone by an event that was on its way.
/// - A list that has an object in a version before one that a watch has told was taken from a store that was set back to
///   an earlier state, and is believed as it is.
/// - What was deleted stays in [`Index::last_known`] until [`Index::sweep`].
/// - Every name whose facts changed, came or went is in [`Index::take_changed`] once: where nothing changes, who asks has
///   nothing to do.
#[derive(Debug)]
pub struct Index<T> {
    known: BTreeMap<Name, Known<T>>,
    listing: BTreeMap<Name, Known<T>>,
    complete: bool,
    changed: BTreeSet<Name>,
    /// Whether anything changed by which planning goes.
    replan: bool,
}

#[derive(Debug)]
struct Known<T> {
    /// `None` when the API server's version is no number, which makes it incomparable.
    version: Option<u64>,
    /// Whether a watch has told this version, which every later list must have or be beyond.
    heard: bool,
    present: bool,
    facts: T,
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        let (known, listing, changed) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { known, listing, complete: false, changed, replan: false }
    }
}

impl<T: Facts> Index<T> {
    /// Takes in one event, and tells whether the facts changed.
    #[must_use]
    pub fn handle<K: ResourceExt>(&mut self, event: Event<K>) -> bool
    where
        T: From<K>,
    {
        match event {
            Event::Apply(object) => self.take(object.name_any().into(), Known::heard(object)),
            Event::Delete(object) => {
                let version = version(&object);
                let name = Name::from(object.name_any());
                match self.known.get_mut(&name) {
                    Some(known) if !is_older(version, known.version) => {
                        let changed = mem::take(&mut known.present);
                        self.changed.extend(changed.then_some(name));
                        self.replan |= changed;
                        changed
                    }
                    _ => false,
                }
            }
            Event::Init => {
                self.listing.clear();
                false
            }
            Event::InitApply(object) => {
                self.listing.insert(object.name_any().into(), Known::heard(object));
                false
            }
            Event::InitDone => self.replace(),
        }
    }

    /// Takes in one object, as the answer to a write shows it.
    pub fn record<K: ResourceExt>(&mut self, object: K) -> bool
    where
        T: From<K>,
    {
        self.take(object.name_any().into(), Known::from(object))
    }

    fn take(&mut self, name: Name, mut next: Known<T>) -> bool {
        match self.known.get(&name) {
            Some(known) if is_older(next.version, known.version) => false,
            known => {
                let before = known.filter(|known| known.present).map(|known| &known.facts);
                let changed = before != Some(&next.facts);
                self.replan |= changed && before.is_none_or(|before| !before.plans_like(&next.facts));
                next.heard |= known.is_some_and(|known| known.heard && known.version == next.version);
                self.changed.extend(changed.then(|| Name::clone(&name)));
                self.known.insert(name, next);
                changed
            }
        }
    }

    fn replace(&mut self) -> bool {
        let first = !mem::replace(&mut self.complete, true);
        let mut changed = first;
        let listing = mem::take(&mut self.listing);
        let is_set_back = self.is_set_back(&listing);
        for (name, known) in &mut self.known {
            let is_listed = listing.contains_key(name);
            if is_set_back || !is_listed {
                // Whatever comes next under this name is newer.
                known.version = None;
            }
            if !is_listed && mem::take(&mut known.present) {
                changed = true;
                self.changed.insert(Name::clone(name));
            }
        }
        self.replan |= changed;
        for (name, next) in listing {
            changed |= self.take(name, next);
        }
        changed
    }

    /// Whether the store has gone back to a state before one that a watch has told.
    fn is_set_back(&self, listing: &BTreeMap<Name, Known<T>>) -> bool {
        let known = |name: &Name| self.known.get(name).filter(|known| known.heard);
        listing
            .iter()
            .any(|(name, next)| known(name).is_some_and(|known| is_older(next.version, known.version)))
    }
}

impl<T> Index<T> {
    /// Whether everything that exists has been listed once.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Everything that exists, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &T)> {
        self.known.iter().filter(|(_, known)| known.present).map(|(name, known)| (name, &known.facts))
    }

    /// What exists under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.known.get(name).filter(|known| known.present).map(|known| &known.facts)
    }

    /// The version in which `name` exists, as the API server counts them.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<u64> {
        self.known.get(name).filter(|known| known.present)?.version
    }

    /// What exists under `name`, or did until it was deleted.
    #[must_use]
    pub fn last_known(&self, name: &str) -> Option<&T> {
        self.known.get(name).map(|known| &known.facts)
    }

    /// The names that [`Self::take_changed`] would tell.
    #[must_use]
    pub const fn changed(&self) -> &BTreeSet<Name> {
        &self.changed
    }

    /// The names whose facts changed, came or went since this was last asked.
    pub fn take_changed(&mut self) -> BTreeSet<Name> {
        mem::take(&mut self.changed)
    }

    /// Whether anything changed by which planning goes since this was last asked.
    pub fn take_replan(&mut self) -> bool {
        mem::take(&mut self.replan)
    }

    /// Forgets what was deleted, except for the names to `keep`.
    pub fn sweep(&mut self, keep: impl Fn(&str) -> bool) {
        self.known.retain(|name, known| known.present || keep(name));
    }
}

impl<K: ResourceExt, T: From<K>> From<K> for Known<T> {
    fn from(object: K) -> Self {
        Self { version: version(&object), heard: false, present: true, facts: object.into() }
    }
}

impl<T> Known<T> {
    fn heard<K: ResourceExt>(object: K) -> Self
    where
        T: From<K>,
    {
        Self { heard: true, ..Self::from(object) }
    }
}

fn version(object: &impl ResourceExt) -> Option<u64> {
    object.resource_version()?.parse().ok()
}

fn is_older(version: Option<u64>, than: Option<u64>) -> bool {
    version.zip(than).is_some_and(|(version, than)| version < than)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    /// The one fact of a test object.
    #[derive(Debug, PartialEq)]
    struct Fact(String);

    impl Facts for Fact {
        fn plans_like(&self, next: &Self) -> bool {
            self.0.to_lowercase() == next.0.to_lowercase()
        }
    }

    impl From<ConfigMap> for Fact {
        fn from(map: ConfigMap) -> Self {
            Self(map.metadata.generate_name.unwrap_or_default())
        }
    }

    fn object(name: &str, version: &str, fact: &str) -> ConfigMap {
        let mut map = ConfigMap::default();
        map.metadata.name = Some(name.to_owned());
        map.metadata.resource_version = Some(version.to_owned());
        map.metadata.generate_name = Some(fact.to_owned());
        map
    }

    fn listed(objects: impl IntoIterator<Item = ConfigMap>) -> Index<Fact> {
        let mut index = Index::default();
        assert!(!index.handle(Event::<ConfigMap>::Init));
        for object in objects {
            assert!(!index.handle(Event::InitApply(object)));
        }
        assert!(index.handle(Event::<ConfigMap>::InitDone));
        index
    }

    #[test]
    fn only_a_change_of_facts_is_a_change() {
        let mut index = listed([object("a", "1", "x")]);
        assert!(!index.handle(Event::Apply(object("a", "2", "x"))));
        assert!(index.handle(Event::Apply(object("a", "3", "y"))));
        assert!(index.handle(Event::Delete(object("a", "4", "y"))));
        assert!(!index.handle(Event::Delete(object("a", "4", "y"))));
    }

    #[test]
    fn what_planning_does_not_go_by_is_a_change_that_asks_for_no_plan() {
        let mut index = listed([object("a", "1", "x"), object("b", "1", "x")]);
        assert!(index.take_replan());
        let mut after = |event: Event<ConfigMap>| (index.handle(event), index.take_replan());
        assert_eq!(after(Event::Apply(object("a", "2", "X"))), (true, false));
        assert_eq!(after(Event::Apply(object("a", "3", "y"))), (true, true));
        assert_eq!(after(Event::Apply(object("c", "1", "x"))), (true, true));
        assert_eq!(after(Event::Delete(object("c", "2", "x"))), (true, true));
        assert_eq!(after(Event::Init), (false, false));
        assert_eq!(after(Event::InitApply(object("a", "4", "Y"))), (false, false));
        assert_eq!(after(Event::InitApply(object("b", "4", "x"))), (false, false));
        assert_eq!(after(Event::InitDone), (true, false));
        assert_eq!(after(Event::Init), (false, false));
        assert_eq!(after(Event::InitDone), (true, true));
    }

    #[test]
    fn an_event_that_was_on_its_way_does_not_undo_our_own_write() {
        let mut index = listed([object("a", "1", "old")]);
        index.record(object("a", "5", "ours"));
        assert!(!index.handle(Event::Apply(object("a", "4", "stale"))));
        assert!(!index.handle(Event::Delete(object("a", "4", "stale"))));
        assert_eq!((index.get("a"), index.version("a")), (Some(&Fact("ours".to_owned())), Some(5)));
        assert!(index.handle(Event::Delete(object("a", "6", "ours"))));
        assert_eq!(index.version("a"), None);
    }

    #[test]
    fn a_list_that_began_before_our_own_write_does_not_undo_it() {
        let mut index = listed([object("a", "1", "old"), object("b", "1", "old")]);
        assert!(!index.handle(Event::<ConfigMap>::Init));
        assert!(!index.handle(Event::InitApply(object("a", "4", "stale"))));
        assert!(!index.handle(Event::InitApply(object("b", "4", "new"))));
        index.record(object("a", "5", "ours"));
        assert!(index.handle(Event::<ConfigMap>::InitDone));
        let facts: Vec<_> = index.iter().map(|(_, Fact(fact))| fact.as_str()).collect();
        assert_eq!(facts, ["ours", "new"]);
    }

    #[test]
    fn a_store_that_is_set_back_to_an_earlier_state_is_believed() {
        let mut index = listed([object("a", "1", "old"), object("b", "1", "old"), object("c", "1", "old")]);
        assert!(index.handle(Event::Apply(object("a", "8", "new"))));
        index.record(object("b", "9", "ours"));
        index.record(object("late", "10", "ours"));
        assert!(!index.handle(Event::<ConfigMap>::Init));
        for name in ["a", "b", "c"] {
            assert!(!index.handle(Event::InitApply(object(name, "1", "old"))));
        }
        assert!(index.handle(Event::<ConfigMap>::InitDone));
        let now: Vec<_> = index.iter().map(|(name, Fact(fact))| (&**name, fact.as_str())).collect();
        assert_eq!(now, [("a", "old"), ("b", "old"), ("c", "old")]);
        assert_eq!(index.version("a"), Some(1));

        // What is written upon it has low versions too.
        assert!(index.record(object("a", "4", "ours")));
        assert!(index.record(object("late", "5", "ours")));
        assert_eq!((index.version("a"), index.version("late")), (Some(4), Some(5)));
    }

    #[test]
    fn our_own_write_that_the_watch_has_told_too_shows_a_store_that_is_set_back() {
        let mut index = listed([object("a", "1", "old")]);
        assert!(index.handle(Event::Apply(object("a", "5", "ours"))));
        index.record(object("a", "5", "ours"));
        assert!(!index.handle(Event::<ConfigMap>::Init));
        assert!(!index.handle(Event::InitApply(object("a", "1", "old"))));
        assert!(index.handle(Event::<ConfigMap>::InitDone));
        assert_eq!(index.get("a"), Some(&Fact("old".to_owned())));
    }

    #[test]
    fn the_names_of_what_changed_are_told_once() {
        let mut index = listed(["a", "b", "c", "d"].map(|name| object(name, "1", "x")));
        let names = |index: &mut Index<Fact>| -> Vec<String> {
            index.take_changed().iter().map(|name| (**name).to_owned()).collect()
        };
        assert_eq!(names(&mut index), ["a", "b", "c", "d"]);
        assert!(!index.handle(Event::Apply(object("a", "2", "x"))));
        assert_eq!(names(&mut index), [""; 0]);

        assert!(index.handle(Event::Apply(object("a", "3", "y"))));
        assert!(index.handle(Event::Delete(object("b", "3", "x"))));
        assert!(!index.handle(Event::<ConfigMap>::Init));
        for (name, fact) in [("a", "y"), ("d", "y")] {
            assert!(!index.handle(Event::InitApply(object(name, "4", fact))));
        }
        assert!(index.handle(Event::<ConfigMap>::InitDone));
        assert_eq!(names(&mut index), ["a", "b", "c", "d"]);
        assert_eq!(names(&mut index), [""; 0]);
    }

    #[test]
    fn what_a_new_list_lacks_is_gone_but_not_forgotten_until_swept() {
        let mut index = listed([object("a", "1", "x"), object("b", "1", "x")]);
        assert!(!index.handle(Event::<ConfigMap>::Init));
        assert!(!index.handle(Event::InitApply(object("b", "1", "x"))));
        assert!(index.handle(Event::<ConfigMap>::InitDone));

        assert_eq!(index.get("a"), None);
        assert_eq!(index.last_known("a"), Some(&Fact("x".to_owned())));
        index.sweep(|_| false);
        assert_eq!(index.last_known("a"), None);
        assert!(index.get("b").is_some());
    }
}
