//! The admin endpoint: `GET /`, `/healthz`, `/readyz`, `/metrics`, and what else the process answers.
//!
//! It answers from the first moment, also while the API server or the database
//! is away; only a loop that no longer turns makes `/healthz` fail.

use std::{
    fmt, io, mem,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::{net::TcpListener, runtime, sync::oneshot, task::JoinSet, time::timeout};

use crate::{heartbeat::Heartbeat, shutdown::Stop, version::VERSION};

/// How long requests may take to end once the process is about to.
const GRACE: Duration = Duration::from_secs(5);

/// How the whole process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// All is well.
    Healthy,
    /// Working, with something to look at.
    Degraded,
    /// Not working.
    Unhealthy,
}

/// What the process says of itself at one moment.
#[derive(Debug, Clone)]
pub struct Report {
    /// For `GET /`.
    pub health: Health,
    /// For `/readyz`: why not, when not.
    pub ready: Result<(), String>,
    /// Further fields of `GET /`, flat.
    pub fields: Map<String, Value>,
}

/// What the endpoint answers from.
pub struct Admin {
    started: Instant,
    heartbeat: Heartbeat,
    report: Box<dyn Fn() -> Report + Send + Sync>,
    registry: Registry,
    routes: Router,
}

impl Admin {
    /// An endpoint that asks `report` anew for every request.
    pub fn new(
        heartbeat: Heartbeat,
        registry: Registry,
        report: impl Fn() -> Report + Send + Sync + 'static,
    ) -> Self {
        let routes = Router::new();
        Self { started: Instant::now(), heartbeat, report: Box::new(report), registry, routes }
    }

    /// Answers `routes` as well. None of them may be one that it has by itself.
    #[must_use]
    pub fn with(self, routes: Router) -> Self {
        Self { routes, ..self }
    }
}

/// Where the endpoint is reached: one address with its port, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen(Vec<SocketAddr>);

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(socket_address).collect::<Result<_, _>>().map(Self)
    }
}

/// An address of either family may be in brackets: who puts one in from elsewhere does not know which it is.
fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let malformed = || format!("{text:?} is no address with a port, such as 10.0.0.5:8080 or [::]:8080");
    let Some((ip, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once("]:")) else {
        return text.parse().map_err(|_| malformed());
    };
    let ip: IpAddr = ip.parse().map_err(|_| malformed())?;
    Ok(SocketAddr::new(ip, port.parse().map_err(|_| malformed())?))
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&addresses.join(","))
    }
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on {address}; set --listen (LISTEN) to a free address of this host")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

/// Binds every address; `[::]` becomes `0.0.0.0` on a host without IPv6.
pub async fn bind(listen: &Listen) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::new();
    for address in &listen.0 {
        listeners.push(bind_one(*address).await?);
    }
    Ok(listeners)
}

async fn bind_one(address: SocketAddr) -> Result<TcpListener, BindError> {
    let any_ipv6 = address.is_ipv6() && address.ip().is_unspecified();
    let bound = match TcpListener::bind(address).await {
        // Without IPv6 the kernel says EAFNOSUPPORT or EADDRNOTAVAIL, and only the latter has a kind.
        Err(error) if any_ipv6 && error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    };
    bound.map_err(|source| BindError { address, source })
}

/// Answers on all `listeners` until `shutdown` completes.
pub async fn serve(
    listeners: Vec<TcpListener>,
    mut admin: Admin,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let others = mem::take(&mut admin.routes);
    let router = Router::new()
        .route("/", get(overview))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(admin))
        .merge(others);
    let stop = Stop::at(shutdown);
    let mut serving = JoinSet::new();
    for listener in listeners {
        let (router, stop) = (router.clone(), stop.clone());
        let asked = async move { stop.asked().await };
        serving.spawn(async { axum::serve(listener, router).with_graceful_shutdown(asked).await });
    }
    while let Some(served) = serving.join_next().await {
        served.map_err(io::Error::other)??;
    }
    Ok(())
}

/// The endpoint beside the work of the process, on a thread of its own: probes are answered while the work waits for a
/// disk. To hand the work to other threads would cost as much memory; and a write that nobody waits for any more could
/// still come to its end after it was taken back.
pub struct Endpoint {
    ended: oneshot::Receiver<io::Result<()>>,
    close: oneshot::Sender<()>,
}

impl Endpoint {
    /// Answers on all `listeners` until [`Self::end`]: whoever asks is answered while work comes to its end, too.
    ///
    /// The work has to stop once `shutdown` completes, or once the endpoint is gone by itself: a process that answers
    /// nobody must be started anew. The endpoint's end never cuts the work short.
    pub fn start(
        listeners: Vec<TcpListener>,
        admin: Admin,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<(Self, Stop)> {
        let (close, closing) = oneshot::channel::<()>();
        let (alive, gone) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        let listeners = listeners.into_iter().map(TcpListener::into_std).collect::<io::Result<Vec<_>>>()?;
        let serving = async {
            let listeners = listeners.into_iter().map(TcpListener::from_std).collect::<io::Result<_>>()?;
            serve(listeners, admin, async { drop(closing.await) }).await
        };
        thread::Builder::new().name("admin".to_owned()).spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let served = runtime.and_then(|runtime| runtime.block_on(serving));
            drop(alive);
            // Nobody may be waiting for it.
            let _ = end.send(served);
        })?;
        let stop = Stop::at(async {
            tokio::select! {
                () = shutdown => {}
                _ = gone => {}
            }
        });
        Ok((Self { ended, close }, stop))
    }

    /// Ends it, and says how it went: an error is one of the time before, too.
    pub async fn end(self) -> io::Result<()> {
        // It may have ended before.
        let _ = self.close.send(());
        match timeout(GRACE, self.ended).await {
            Ok(Ok(served)) => served,
            Ok(Err(panicked)) => Err(io::Error::other(panicked)),
            // Whoever asks that slowly gets no answer.
            Err(_) => Ok(()),
        }
    }
}

async fn overview(State(admin): State<Arc<Admin>>) -> Json<Map<String, Value>> {
    let report = (admin.report)();
    let health = if admin.heartbeat.is_alive(Instant::now()) { report.health } else { Health::Unhealthy };
    let mut fields = report.fields;
    fields.insert("status".to_owned(), serde_json::json!(health));
    fields.insert("uptime".to_owned(), uptime(admin.started.elapsed()).into());
    fields.insert("version".to_owned(), VERSION.into());
    Json(fields)
}

async fn healthz(State(admin): State<Arc<Admin>>) -> Response {
    if admin.heartbeat.is_alive(Instant::now()) {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the main loop is stuck\n").into_response()
    }
}

async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    match (admin.report)().ready {
        Ok(()) => "ok\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &admin.registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// As the seed writes it: `2h45m30s`.
fn uptime(elapsed: Duration) -> String {
    let (minutes, seconds) = (elapsed.as_secs() / 60, elapsed.as_secs() % 60);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn uptime_reads_like_the_seeds() {
        for (seconds, text) in [(0, "0s"), (61, "1m1s"), (9930, "2h45m30s"), (90_000, "25h0m0s")] {
            assert_eq!(uptime(Duration::from_secs(seconds)), text);
        }
    }

    #[tokio::test]
    async fn the_endpoint_answers_until_the_work_has_ended_and_not_only_until_it_has_to() {
        let listeners = bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listeners[0].local_addr().unwrap();
        let report = || Report { health: Health::Healthy, ready: Ok(()), fields: Map::new() };
        let admin = Admin::new(Heartbeat::new(GRACE), Registry::default(), report);
        let (endpoint, stop) = Endpoint::start(listeners, admin, std::future::ready(())).unwrap();
        stop.asked().await;
        // The endpoint's own task has every opportunity to end.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        drop(tokio::net::TcpStream::connect(address).await.unwrap());
        endpoint.end().await.unwrap();
        tokio::net::TcpStream::connect(address).await.unwrap_err();
    }

    #[test]
    fn an_address_of_either_family_may_be_in_brackets_and_there_may_be_several() {
        for (text, expected) in [
            ("[::]:8080", "[::]:8080"),
            ("0.0.0.0:8080", "0.0.0.0:8080"),
            ("[10.0.0.5]:8080,127.0.0.1:8080", "10.0.0.5:8080,127.0.0.1:8080"),
            ("[2001:db8::5]:8080,127.0.0.1:8080", "[2001:db8::5]:8080,127.0.0.1:8080"),
        ] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), expected);
        }
        for text in ["", "8080", "[]:8080", "[10.0.0.5]", "[10.0.0.5]:", "10.0.0.5:8080,", "host:8080"] {
            assert!(text.parse::<Listen>().unwrap_err().contains("is no address with a port"), "{text}");
        }
    }

    async fn answer(address: SocketAddr, path: &str) -> String {
        let mut asked = tokio::net::TcpStream::connect(address).await.unwrap();
        asked.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        asked.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn every_address_is_answered_on() {
        let listeners = bind(&"127.0.0.1:0,127.0.0.2:0".parse().unwrap()).await.unwrap();
        let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let report = || Report { health: Health::Healthy, ready: Ok(()), fields: Map::new() };
        let admin = Admin::new(Heartbeat::new(GRACE), Registry::default(), report);
        let (endpoint, _stop) = Endpoint::start(listeners, admin, std::future::pending()).unwrap();
        for address in &addresses {
            let answer = answer(*address, "/healthz").await;
            assert!(answer.starts_with("HTTP/1.0 200 OK"), "{answer}");
        }
        endpoint.end().await.unwrap();
    }

    #[tokio::test]
    async fn the_routes_of_others_are_answered_beside_its_own() {
        let listeners = bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listeners[0].local_addr().unwrap();
        let report = || Report { health: Health::Healthy, ready: Ok(()), fields: Map::new() };
        let routes = Router::new().route("/page", get(async || "a page"));
        let admin = Admin::new(Heartbeat::new(GRACE), Registry::default(), report).with(routes);
        let (endpoint, _stop) = Endpoint::start(listeners, admin, std::future::pending()).unwrap();
        for (path, begin, end) in [
            ("/page", "HTTP/1.0 200 ", "a page"),
            ("/healthz", "HTTP/1.0 200 ", "ok\n"),
            ("/other", "HTTP/1.0 404 ", ""),
        ] {
            let answer = answer(address, path).await;
            assert!(answer.starts_with(begin) && answer.ends_with(end), "{path}: {answer}");
        }
        endpoint.end().await.unwrap();
    }

    #[tokio::test]
    async fn probes_are_answered_while_the_work_waits_for_something_else() {
        let listeners = bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listeners[0].local_addr().unwrap();
        let report = || Report { health: Health::Healthy, ready: Ok(()), fields: Map::new() };
        let admin = Admin::new(Heartbeat::new(Duration::from_mins(10)), Registry::default(), report);
        let (endpoint, _stop) = Endpoint::start(listeners, admin, std::future::pending()).unwrap();
        // No await from here on: this thread does nothing else.
        let mut asked = std::net::TcpStream::connect(address).unwrap();
        asked.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        asked.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        asked.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n"), "{answer}");
        endpoint.end().await.unwrap();
    }

    #[tokio::test]
    async fn a_taken_port_names_the_setting_that_moves_it() {
        let taken = bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let again = Listen(vec![taken[0].local_addr().unwrap()]);
        let error = bind(&again).await.unwrap_err();
        assert!(error.to_string().contains("LISTEN"), "{error}");
    }
}
