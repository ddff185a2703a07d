//! The watches that feed the indexes.

use std::{
    fmt::Debug,
    future::ready,
    mem,
    time::{Duration, Instant},
};

use futures::{Stream, StreamExt, stream};
use kube::{
    Api, Client, Resource,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event},
    },
};
use serde::de::DeserializeOwned;

/// Objects in one page of a list: what of a list is in memory undigested at one time.
const PAGE: u32 = 50;
const GONE: u16 = 410;
/// After this long without an error a watch works again, although nothing happened that it could tell.
/// Longer than the longest delay between two attempts together with the time that one takes to fail.
const CALM: Duration = Duration::from_mins(2);

/// Everything of one cluster-scoped kind, for ever; errors are retried with a growing, random delay.
pub fn watch<K>(client: &Client) -> impl Stream<Item = watcher::Result<Event<K>>> + Send + use<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = watcher::Config::default().page_size(PAGE);
    late_init(watcher::watcher(Api::all(client.clone()), config)).default_backoff()
}

/// Holds `Init` back until the list that it announces begins to arrive.
///
/// The watcher says `Init` before it even asks, which resets the delay between attempts, so that a
/// list that fails would be asked for every second.
fn late_init<K>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
) -> impl Stream<Item = watcher::Result<Event<K>>> {
    let arrived = |held: &mut bool, event| {
        let events = match event {
            Ok(Event::Init) => {
                *held = true;
                [None, None]
            }
            Ok(event) => [mem::take(held).then_some(Ok(Event::Init)), Some(Ok(event))],
            Err(error) => [None, Some(Err(error))],
        };
        ready(Some(stream::iter(events.into_iter().flatten())))
    };
    events.scan(false, arrived).flatten()
}

/// Logs the trouble of one watch when it changes, not each time it is met again.
#[derive(Debug)]
pub struct WatchLog {
    kind: &'static str,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    error: String,
    last: Instant,
}

impl WatchLog {
    /// For a watch of this kind of object.
    #[must_use]
    pub const fn new(kind: &'static str) -> Self {
        Self { kind, trouble: None }
    }

    /// Whether the watch works, as far as is known `now`.
    #[must_use]
    pub fn is_well(&self, now: Instant) -> bool {
        self.trouble.as_ref().is_none_or(|trouble| now.saturating_duration_since(trouble.last) >= CALM)
    }

    /// The event, if this is one.
    pub fn sift<K>(&mut self, result: watcher::Result<Event<K>>) -> Option<Event<K>> {
        match result {
            Ok(event) => {
                // A list that has only begun may still fail, and until it ends the old facts hold.
                let whole = !matches!(event, Event::Init | Event::InitApply(_));
                if whole && self.trouble.take().is_some() {
                    tracing::info!(kind = self.kind, "the watch works again");
                }
                Some(event)
            }
            // The normal end of a watch that slept too long; a new list follows.
            Err(watcher::Error::WatchError(status)) if status.code == GONE => None,
            Err(error) => {
                let error = describe(&error);
                if self.trouble.as_ref().is_none_or(|trouble| trouble.error != error) {
                    tracing::warn!(kind = self.kind, %error, "the watch fails and is retried");
                }
                self.trouble = Some(Trouble { error, last: Instant::now() });
                None
            }
        }
    }
}

fn describe(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error) => format!("failed to list: {}", explain(error)),
        watcher::Error::WatchStartFailed(error) => format!("failed to start: {}", explain(error)),
        watcher::Error::WatchFailed(error) => format!("failed: {}", explain(error)),
        watcher::Error::WatchError(status) => format!("ended by the API server: {}", status.message),
        watcher::Error::NoResourceVersion => error.to_string(),
    }
}

/// An error of the client in one short line; its own text repeats the API server's answer in full.
#[must_use]
pub fn explain(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    #[test]
    fn a_watch_is_in_trouble_until_it_brings_something_whole_or_is_calm_for_long() {
        let mut log = WatchLog::new("ConfigMap");
        assert!(log.is_well(Instant::now()));
        let fail = |log: &mut WatchLog| {
            assert!(log.sift::<ConfigMap>(Err(watcher::Error::NoResourceVersion)).is_none());
        };
        fail(&mut log);
        for event in [Event::Init, Event::InitApply(ConfigMap::default())] {
            assert!(log.sift(Ok(event)).is_some());
            assert!(!log.is_well(Instant::now()));
        }
        assert!(log.is_well(Instant::now() + CALM));
        for event in [Event::InitDone, Event::Apply(ConfigMap::default())] {
            fail(&mut log);
            assert!(!log.is_well(Instant::now()));
            assert!(log.sift(Ok(event)).is_some());
            assert!(log.is_well(Instant::now()));
        }
    }

    #[tokio::test]
    async fn a_list_that_fails_shows_only_its_error() {
        let failing = [Ok(Event::Init), Err(watcher::Error::NoResourceVersion)];
        let working = [Ok(Event::Init), Ok(Event::InitApply(ConfigMap::default())), Ok(Event::InitDone)];
        let events = late_init(stream::iter(failing.into_iter().chain(working)));
        let seen: Vec<_> = events
            .map(|event| match event {
                Ok(Event::Init) => "Init",
                Ok(Event::InitApply(_)) => "InitApply",
                Ok(Event::InitDone) => "InitDone",
                Ok(_) => "other",
                Err(_) => "error",
            })
            .collect()
            .await;
        assert_eq!(seen, ["error", "Init", "InitApply", "InitDone"]);
    }
}
