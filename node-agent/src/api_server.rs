//! The API server: where it is, and this node's object in it.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use futures::{Stream, StreamExt, future, stream};
use kube::{
    Api, Client, Config,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use multinic_crds::GuardedConfig;
use tokio::time::timeout;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the API server keeps one watch open, and by when it is known that it no longer does.
const WATCH_SECONDS: u32 = 25;
/// A little longer: a watch of an object that does not change is silent.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The API server's addresses hardly ever change, and drift does not wait for a name server.
const LOOKUP_INTERVAL: Duration = Duration::from_mins(5);
const LOOKUP_DEADLINE: Duration = Duration::from_secs(2);

/// Where the API server is, whose route is protected.
pub(crate) struct ApiServer {
    host: String,
    port: u16,
    known: Option<(Instant, Vec<IpAddr>)>,
}

impl ApiServer {
    pub(crate) fn of(config: &Config) -> Self {
        let url = &config.cluster_url;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Self { host, port: url.port_u16().unwrap_or(443), known: None }
    }

    /// Its addresses, looked up from time to time; those of last time where that fails.
    pub(crate) async fn addresses(&mut self) -> Option<Vec<IpAddr>> {
        let is_fresh = |(since, _): &(Instant, Vec<IpAddr>)| since.elapsed() < LOOKUP_INTERVAL;
        if !self.known.as_ref().is_some_and(is_fresh) {
            let lookup = tokio::net::lookup_host((self.host.as_str(), self.port));
            match timeout(LOOKUP_DEADLINE, lookup).await {
                Ok(Ok(found)) => {
                    self.known = Some((Instant::now(), found.map(|address| address.ip()).collect()));
                }
                Ok(Err(error)) => tracing::warn!("failed to resolve the API server {}: {error}", self.host),
                Err(_) => tracing::warn!("failed to resolve the API server {}: no answer", self.host),
            }
        }
        self.known.as_ref().map(|(_, addresses)| addresses.clone())
    }
}

/// A client that tells of trouble at once: of an answer that is none, and of none within half a minute.
pub(crate) fn client(config: Config) -> kube::Result<Client> {
    Client::try_from(outspoken(config, READ_TIMEOUT))
}

fn outspoken(mut config: Config, read_timeout: Duration) -> Config {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(read_timeout);
    config.reset_reader_on_write = true;
    // Each caller has a way of its own to try again, and tells first.
    config.default_retry = false;
    config
}

/// The object called `node` whenever it changes, or none where it is gone.
///
/// After an error the watch begins anew, so that the first object tells that all is well again: one that went on from
/// where it was would be silent until the object changes.
pub(crate) fn objects(
    api: Api<GuardedConfig>,
    node: &str,
) -> impl Stream<Item = watcher::Result<Option<GuardedConfig>>> + use<> {
    let config = watcher::Config::default().fields(&format!("metadata.name={node}")).timeout(WATCH_SECONDS);
    let watch = move || until_it_fails(changes(watcher(api.clone(), config.clone())));
    stream::repeat_with(watch).flatten().default_backoff()
}

/// As `kube::runtime::watcher::watch_object` has it, which takes no timeout.
fn changes(
    events: impl Stream<Item = watcher::Result<Event<GuardedConfig>>>,
) -> impl Stream<Item = watcher::Result<Option<GuardedConfig>>> {
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

/// Ends with the first error.
fn until_it_fails<T, E>(items: impl Stream<Item = Result<T, E>>) -> impl Stream<Item = Result<T, E>> {
    stream::unfold(Some(Box::pin(items)), async |items| {
        let mut items = items?;
        let item = items.next().await?;
        let rest = item.is_ok().then_some(items);
        Some((item, rest))
    })
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const OBJECTS: &str = r#"{"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [
        {"kind": "NodeNetworkConfig", "apiVersion": "multinic.io/v1alpha1", "metadata": {"name": "a"}, "spec": {}}
    ]}"#;

    /// What one connection is answered; None for a server that takes it and says nothing.
    type Answer = Option<(&'static str, &'static str)>;

    /// A server that gives one of these answers to each of its connections, and then the last one for ever.
    async fn server(answers: Vec<Answer>) -> Config {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let last = answers.last().copied().into_iter().cycle();
            let mut open = Vec::new();
            for answer in answers.iter().copied().chain(last) {
                let (mut connection, _) = listener.accept().await.unwrap();
                let _ = connection.read(&mut [0; 4096]).await.unwrap();
                if let Some((status, body)) = answer {
                    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
                    let text = format!("{head}Connection: close\r\n\r\n{body}");
                    connection.write_all(text.as_bytes()).await.unwrap();
                } else {
                    open.push(connection);
                }
            }
        });
        Config::new(format!("http://{address}").parse().unwrap())
    }

    fn watch(config: Config) -> impl Stream<Item = watcher::Result<Option<GuardedConfig>>> + Unpin {
        let config = outspoken(config, Duration::from_millis(200));
        Box::pin(objects(Api::all(Client::try_from(config).unwrap()), "a"))
    }

    #[tokio::test]
    async fn an_api_server_that_refuses_is_told_with_its_answer_and_so_is_that_it_is_back() {
        for refusal in ["503 Service Unavailable", "429 Too Many Requests", "504 Gateway Timeout"] {
            let mut objects = watch(server(vec![Some((refusal, "")), Some(("200 OK", OBJECTS))]).await);
            let error = objects.next().await.unwrap().unwrap_err();
            assert!(error.to_string().contains(&refusal[..3]), "{refusal}: {error}");
            let object = objects.next().await.unwrap().unwrap();
            assert_eq!(object.unwrap().metadata.name.as_deref(), Some("a"));
        }
    }

    #[tokio::test]
    async fn an_api_server_that_says_nothing_is_told_both_at_the_start_and_in_a_watch() {
        let mut objects = watch(server(vec![None, Some(("200 OK", OBJECTS)), None]).await);
        objects.next().await.unwrap().unwrap_err();
        assert!(objects.next().await.unwrap().unwrap().is_some());
        objects.next().await.unwrap().unwrap_err();
        objects.next().await.unwrap().unwrap_err();
    }
}
