//! A watch, and what it has told so far.

use std::{fmt::Debug, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use kube::{
    Client, Resource, ResourceExt,
    runtime::watcher::{self, Event},
};
use multinic_operator_core::cluster::{self, Facts, Index};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::{WatchLog, watch};

/// A watch that has brought nothing for as long has been heard out.
const QUIET: Duration = Duration::from_millis(20);
/// A watch that never stops talking is not waited for.
const LONGEST: Duration = Duration::from_secs(2);

/// Everything of one kind, as a watch tells it.
pub struct Reflector<K, T> {
    events: BoxStream<'static, watcher::Result<Event<K>>>,
    log: WatchLog,
    /// What is known.
    pub index: Index<T>,
}

impl<K, T> Reflector<K, T>
where
    K: Resource<DynamicType = ()> + ResourceExt + Clone + DeserializeOwned + Debug + Send + 'static,
    T: Facts + From<K>,
{
    /// Begins to watch, and knows nothing yet.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self::of(watch::<K>(client).boxed())
    }

    fn of(events: BoxStream<'static, watcher::Result<Event<K>>>) -> Self {
        Self { events, log: WatchLog::new(K::kind(&())), index: Index::default() }
    }

    /// Whether what is known is what the API server says now.
    #[must_use]
    pub const fn is_well(&self) -> bool {
        self.log.is_well()
    }

    /// Waits for one event, and tells whether it changed what is known. May be dropped at any await.
    pub async fn turn(&mut self) -> bool {
        // The stream is endless.
        let Some(result) = self.events.next().await else { return false };
        self.log.sift(result).is_some_and(|event| self.index.handle(told(event)))
    }

    /// Takes in what has come meanwhile, and tells whether that changed what is known.
    pub async fn catch_up(&mut self) -> bool {
        let mut changed = false;
        let end = Instant::now() + LONGEST;
        while Instant::now() < end {
            let Ok(news) = timeout_at(end.min(Instant::now() + QUIET), self.turn()).await else { break };
            changed |= news;
        }
        changed
    }
}

/// What a watch tells, as the core takes it in.
pub(crate) fn told<K>(event: Event<K>) -> cluster::Event<K> {
    match event {
        Event::Apply(object) => cluster::Event::Apply(object),
        Event::Delete(object) => cluster::Event::Delete(object),
        Event::Init => cluster::Event::Init,
        Event::InitApply(object) => cluster::Event::InitApply(object),
        Event::InitDone => cluster::Event::InitDone,
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::core::ObjectMeta;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Generation(Option<i64>);

    impl Facts for Generation {
        fn plans_like(&self, next: &Self) -> bool {
            self == next
        }
    }

    impl From<ConfigMap> for Generation {
        fn from(object: ConfigMap) -> Self {
            Self(object.metadata.generation)
        }
    }

    fn event(generation: i64) -> Event<ConfigMap> {
        let metadata = ObjectMeta {
            name: Some("one".to_owned()),
            generation: Some(generation),
            ..ObjectMeta::default()
        };
        Event::Apply(ConfigMap { metadata, ..ConfigMap::default() })
    }

    #[tokio::test]
    async fn everything_that_has_come_is_taken_in_and_nothing_is_waited_for() {
        let events = stream::iter([Ok(event(1)), Ok(event(2))]).chain(stream::pending());
        let mut reflector = Reflector::<ConfigMap, Generation>::of(events.boxed());
        assert!(reflector.catch_up().await);
        assert_eq!(reflector.index.get("one"), Some(&Generation(Some(2))));
        assert!(!reflector.catch_up().await);
    }

    #[tokio::test]
    async fn a_watch_that_never_stops_talking_is_left_talking() {
        let events = stream::unfold(0, async |generation| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Some((Ok(event(generation)), generation + 1))
        });
        let mut reflector = Reflector::<ConfigMap, Generation>::of(events.boxed());
        assert!(reflector.catch_up().await);
        assert!(reflector.is_well());
    }
}
