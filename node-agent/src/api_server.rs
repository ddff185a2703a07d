//! The API server: where it is, and this node's object in it.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use futures::{Stream, StreamExt, future};
use kube::{
    Api, Config,
    runtime::watcher::{self, Event, watcher},
};
use multinic_agent_core::last_object::{self, LastObject};
use multinic_crds::GuardedConfig;
use multinic_runtime::api::{self, WATCH_SECONDS};
use tokio::time::timeout;

/// The API server's addresses hardly ever change, and drift does not wait for a name server.
const LOOKUP_INTERVAL: Duration = Duration::from_mins(5);
const LOOKUP_DEADLINE: Duration = Duration::from_secs(2);

/// Where the API server is, whose route is protected.
pub(crate) struct ApiServer {
    host: String,
    port: u16,
    /// Its addresses, at first those that an earlier agent knew.
    known: BTreeSet<IpAddr>,
    /// When they were last looked up, with or without an answer.
    looked_up: Option<Instant>,
}

impl ApiServer {
    /// Where `config` says that it is, with what an earlier agent knew of it.
    pub(crate) fn of(config: &Config, last: Option<&LastObject>) -> Self {
        let url = &config.cluster_url;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let same = last.map(LastObject::api_server).filter(|server| server.host == host);
        let known = same.map(|server| server.addresses.clone()).unwrap_or_default();
        Self { host, port: url.port_u16().unwrap_or(443), known, looked_up: None }
    }

    /// What is to be remembered of it, for a later agent.
    pub(crate) fn place(&self) -> last_object::ApiServer {
        last_object::ApiServer { host: self.host.clone(), addresses: self.known.clone() }
    }

    /// Its addresses, looked up from time to time; those of last time where that fails, be it an earlier agent's.
    pub(crate) async fn addresses(&mut self) -> Option<Vec<SocketAddr>> {
        let is_recent = self.looked_up.is_some_and(|when| when.elapsed() < LOOKUP_INTERVAL);
        if self.known.is_empty() || !is_recent {
            self.look_up().await;
        }
        let addresses = || self.known.iter().map(|ip| SocketAddr::new(*ip, self.port)).collect();
        (!self.known.is_empty()).then(addresses)
    }

    async fn look_up(&mut self) {
        self.looked_up = Some(Instant::now());
        let lookup = tokio::net::lookup_host((self.host.as_str(), self.port));
        match timeout(LOOKUP_DEADLINE, lookup).await {
            Ok(Ok(found)) => self.known = found.map(|address| address.ip()).collect(),
            Ok(Err(error)) => tracing::warn!("failed to resolve the API server {}: {error}", self.host),
            Err(_) => tracing::warn!("failed to resolve the API server {}: no answer", self.host),
        }
    }
}

/// The object called `node` whenever it changes, or none where it is gone.
pub(crate) fn objects(
    api: Api<GuardedConfig>,
    node: &str,
) -> impl Stream<Item = watcher::Result<Option<GuardedConfig>>> + Send + use<> {
    let config = watcher::Config::default().fields(&format!("metadata.name={node}")).timeout(WATCH_SECONDS);
    api::anew_after_errors(move || changes(watcher(api.clone(), config.clone())))
}

/// As `kube::runtime::watcher::watch_object` has it, which takes no timeout.
fn changes(
    events: impl Stream<Item = watcher::Result<Event<GuardedConfig>>> + Send,
) -> impl Stream<Item = watcher::Result<Option<GuardedConfig>>> + Send {
    let mut is_there = false;
    events.filter_map(move |event| {
        future::ready(match event {
            Ok(Event::Init) => {
                is_there = false;
                None
            }
            Ok(Event::InitApply(object) | Event::Apply(object)) => {
                is_there = true;
                Some(Ok(Some(object)))
            }
            Ok(Event::InitDone) => (!is_there).then_some(Ok(None)),
            Ok(Event::Delete(_)) => Some(Ok(None)),
            Err(error) => Some(Err(error)),
        })
    })
}

#[cfg(test)]
mod tests {
    use multinic_runtime_testing::server;

    use super::*;

    const OBJECTS: &str = r#"{"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [
        {"kind": "NodeNetworkConfig", "apiVersion": "multinic.io/v1alpha1", "metadata": {"name": "a"}, "spec": {}}
    ]}"#;

    #[tokio::test]
    async fn addresses_that_an_earlier_agent_knew_stand_in_for_a_name_that_cannot_be_resolved() {
        let config = |url: &str| Config::new(url.parse().unwrap());
        let text = r#"{"version": 1, "livesBy": [], "apiServer": {"host": "api.invalid", "addresses": ["192.0.2.7"]},
            "object": {"metadata": {}, "spec": {}}}"#;
        let last = LastObject::parse(text).unwrap();
        let mut known = ApiServer::of(&config("https://api.invalid:6443"), Some(&last));
        assert_eq!(known.addresses().await, Some(vec!["192.0.2.7:6443".parse().unwrap()]));
        assert_eq!(&known.place(), last.api_server());
        let mut resolved = ApiServer::of(&config("https://127.0.0.1:6443"), Some(&last));
        assert_eq!(resolved.addresses().await, Some(vec!["127.0.0.1:6443".parse().unwrap()]));
        let mut another = ApiServer::of(&config("https://other.invalid:6443"), Some(&last));
        assert_eq!(another.addresses().await, None);
    }

    fn watch(config: Config) -> impl Stream<Item = watcher::Result<Option<GuardedConfig>>> + Unpin {
        let client = api::client_within(config, Duration::from_millis(200));
        Box::pin(objects(Api::all(client.unwrap()), "a"))
    }

    #[tokio::test]
    async fn an_api_server_that_refuses_is_told_with_its_answer_and_so_is_that_it_is_back() {
        for refusal in ["503 Service Unavailable", "429 Too Many Requests", "504 Gateway Timeout"] {
            let mut objects =
                watch(server(vec![Some((refusal, "")), Some(("200 OK", OBJECTS))]).await.unwrap());
            let error = objects.next().await.unwrap().unwrap_err();
            assert!(error.to_string().contains(&refusal[..3]), "{refusal}: {error}");
            let object = objects.next().await.unwrap().unwrap();
            assert_eq!(object.unwrap().metadata.name.as_deref(), Some("a"));
        }
    }

    #[tokio::test]
    async fn an_api_server_that_says_nothing_is_told_both_at_the_start_and_in_a_watch() {
        let mut objects = watch(server(vec![None, Some(("200 OK", OBJECTS)), None]).await.unwrap());
        objects.next().await.unwrap().unwrap_err();
        assert!(objects.next().await.unwrap().unwrap().is_some());
        objects.next().await.unwrap().unwrap_err();
        objects.next().await.unwrap().unwrap_err();
    }
}
