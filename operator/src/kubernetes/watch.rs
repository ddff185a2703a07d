//! The watches that feed the indexes.

use std::{borrow::Cow, fmt::Debug, future::ready, mem};

use futures::{Stream, StreamExt, stream};
use kube::{
    Api, Client, Resource,
    runtime::watcher::{self, Event},
};
use multinic_runtime::api::{self, WATCH_SECONDS};
use serde::de::DeserializeOwned;

/// Objects in one page of a list: what of a list is in memory undigested at one time.
const PAGE: u32 = 50;
const GONE: u16 = 410;

/// Everything of one cluster-scoped kind, for ever; after an error everything is listed anew.
pub fn watch<K>(client: &Client) -> impl Stream<Item = watcher::Result<Event<K>>> + Send + use<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = watcher::Config::default().page_size(PAGE).timeout(WATCH_SECONDS);
    let kind = Api::all(client.clone());
    api::anew_after_errors(move || late_init(watcher::watcher(kind.clone(), config.clone())))
}

/// Holds `Init` back until the list that it announces begins to arrive.
///
/// The watcher says `Init` before it even asks, which resets the delay between attempts, so that a
/// list that fails would be asked for every second.
fn late_init<K: Send>(
    events: impl Stream<Item = watcher::Result<Event<K>>> + Send,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send {
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
    kind: Cow<'static, str>,
    trouble: Option<String>,
}

impl WatchLog {
    /// For a watch of this kind of object.
    #[must_use]
    pub fn new(kind: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: kind.into(), trouble: None }
    }

    /// Whether the watch works: something whole came after the last error, however long ago that was.
    #[must_use]
    pub const fn is_well(&self) -> bool {
        self.trouble.is_none()
    }

    /// The event, if this is one.
    pub fn sift<K>(&mut self, result: watcher::Result<Event<K>>) -> Option<Event<K>> {
        match result {
            Ok(event) => {
                // A list that has only begun may still fail, and until it ends the old facts hold.
                let whole = !matches!(event, Event::Init | Event::InitApply(_));
                if whole && self.trouble.take().is_some() {
                    tracing::info!(kind = &*self.kind, "the watch works again");
                }
                Some(event)
            }
            // The normal end of a watch that slept too long; a new list follows.
            Err(watcher::Error::WatchError(status)) if status.code == GONE => None,
            Err(error) => {
                let error = describe(&error);
                if self.trouble.as_ref() != Some(&error) {
                    tracing::warn!(kind = &*self.kind, %error, "the watch fails and is retried");
                }
                self.trouble = Some(error);
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
    use std::time::Duration;

    use k8s_openapi::api::core::v1::{ConfigMap, Node};
    use multinic_runtime_testing::{Answer, server};

    use super::*;

    #[test]
    fn a_watch_is_in_trouble_until_it_brings_something_whole_however_long_that_takes() {
        let mut log = WatchLog::new("ConfigMap");
        assert!(log.is_well());
        let fail = |log: &mut WatchLog| {
            assert!(log.sift::<ConfigMap>(Err(watcher::Error::NoResourceVersion)).is_none());
        };
        fail(&mut log);
        for event in [Event::Init, Event::InitApply(ConfigMap::default())] {
            assert!(log.sift(Ok(event)).is_some());
            assert!(!log.is_well());
        }
        for event in [Event::InitDone, Event::Apply(ConfigMap::default())] {
            fail(&mut log);
            assert!(!log.is_well());
            assert!(log.sift(Ok(event)).is_some());
            assert!(log.is_well());
        }
    }

    const LIST: &str =
        r#"{"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}"#;

    /// Whether the watch is well after each of the next turns that tell something.
    async fn wellness(answers: Vec<Answer>, turns: usize) -> Vec<bool> {
        let client = api::client_within(server(answers).await.unwrap(), Duration::from_millis(200)).unwrap();
        let mut events = Box::pin(watch::<Node>(&client));
        let mut log = WatchLog::new("Node");
        let mut well = Vec::new();
        while well.len() < turns {
            let event = events.next().await.unwrap();
            if !matches!(event, Ok(Event::Init)) {
                log.sift(event);
                well.push(log.is_well());
            }
        }
        well
    }

    #[tokio::test]
    async fn an_api_server_that_refuses_or_says_nothing_is_trouble_until_it_lists_again() {
        for refusal in ["503 Service Unavailable", "429 Too Many Requests", "504 Gateway Timeout"] {
            let answers = vec![Some((refusal, "")), Some(("200 OK", LIST))];
            assert_eq!(wellness(answers, 2).await, [false, true], "{refusal}");
        }
        assert_eq!(wellness(vec![None, Some(("200 OK", LIST))], 2).await, [false, true]);
    }

    #[tokio::test]
    async fn a_watch_that_goes_mute_is_trouble_and_stays_so() {
        let answers = vec![Some(("200 OK", LIST)), None];
        assert_eq!(wellness(answers, 4).await, [true, false, false, false]);
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
