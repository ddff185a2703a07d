//! What is answered where.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use kube::Client;
use multinic_operator_core::view::{Rows, words};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    assets::ASSETS,
    events,
    fleet::fleet,
    guard::{Hosts, guard},
    node::node,
    stage::Stage,
};
use crate::report::fleet::Fleet;

/// More pages at one time are asked to come back later.
const PAGES: usize = 64;

/// All that is answered from. Clones answer the same.
#[derive(Clone)]
pub(super) struct Shown {
    stage: Stage,
    client: Client,
    fleet: watch::Receiver<Arc<Fleet>>,
    /// For pages that hear what differs.
    listeners: Arc<Semaphore>,
    /// For pages that load all of it.
    loaders: Arc<Semaphore>,
}

impl Shown {
    pub(super) fn new(stage: Stage, client: Client, fleet: watch::Receiver<Arc<Fleet>>) -> Self {
        let seats = || Arc::new(Semaphore::new(PAGES));
        Self { stage, client, fleet, listeners: seats(), loaders: seats() }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage.clone()
    }

    /// Shows how the operator stands, as long as anybody tells.
    pub(super) async fn follow(&self) {
        let mut fleet = self.fleet.clone();
        loop {
            let now = Arc::clone(&fleet.borrow_and_update());
            self.stage.show(now);
            if fleet.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Answers who asks `hosts`. Whatever is no GET or HEAD is refused.
pub(super) fn router(shown: Shown, hosts: Hosts) -> Router {
    let mut router = Router::new()
        .route("/api/fleet", get(whole))
        .route("/api/events", get(events))
        .route("/api/rows", get(rows))
        .route("/api/words", get(async || Json(words())))
        .route("/api/nodes/{name}", get(one_node));
    for asset in ASSETS {
        router = router.route(asset.path, get(async || *asset));
    }
    router.with_state(shown).layer(from_fn_with_state(hosts, guard))
}

async fn events(State(shown): State<Shown>) -> Response {
    match seat(&shown.listeners) {
        Ok(seat) => events::events(shown.stage, seat),
        Err(full) => full,
    }
}

async fn whole(State(shown): State<Shown>) -> Response {
    match seat(&shown.loaders) {
        Ok(seat) => fleet(&shown.stage, seat),
        Err(full) => full,
    }
}

/// Room for one page, or what one too many is told.
#[allow(clippy::result_large_err, reason = "it is the answer")]
fn seat(seats: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Response> {
    Arc::clone(seats)
        .try_acquire_owned()
        .map_err(|_| (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response())
}

async fn rows(State(shown): State<Shown>) -> Json<Value> {
    let fleet = Arc::clone(&shown.fleet.borrow());
    let rows = Rows::new(&fleet.rejected, &fleet.unmatched);
    Json(serde_json::to_value(rows).unwrap_or_default())
}

async fn one_node(State(shown): State<Shown>, Path(name): Path<String>) -> Response {
    node(shown.client, &name).await
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv4Addr},
        time::Duration,
    };

    use axum::{
        body::Body,
        http::{Method, Request, header},
    };
    use futures::StreamExt;
    use http_body_util::BodyExt;
    use multinic_operator_core::cluster::{Index, Node, WatchedNode};
    use multinic_runtime::api;
    use multinic_runtime_testing::{Answer, server};
    use serde_json::json;
    use tokio::time::timeout;
    use tower::ServiceExt;

    use super::*;
    use crate::report::fleet::Board;

    const HOSTS: Hosts = Hosts::Loopback(IpAddr::V4(Ipv4Addr::LOCALHOST));

    /// What is answered from an API server that gives these answers.
    async fn shown(answers: Vec<Answer>) -> (Shown, Board) {
        let client = api::client_within(server(answers).await.unwrap(), Duration::from_secs(5)).unwrap();
        let (board, fleet) = Board::new();
        (Shown::new(Stage::new(), client, fleet), board)
    }

    fn request(method: Method, path: &str, host: &str) -> Request<Body> {
        Request::builder().method(method).uri(path).header(header::HOST, host).body(Body::empty()).unwrap()
    }

    async fn get(shown: &Shown, path: &str) -> Response {
        let asked = request(Method::GET, path, "localhost:8081");
        router(shown.clone(), HOSTS).oneshot(asked).await.unwrap()
    }

    async fn read(response: Response) -> Value {
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn every_answer_forbids_what_the_page_does_not_need_and_a_foreign_host_gets_none() {
        let (shown, _board) = shown(vec![]).await;
        let paths =
            ASSETS.iter().map(|asset| asset.path).chain(["/api/fleet", "/api/rows", "/api/words", "/none"]);
        for path in paths {
            for (host, status) in
                [("localhost:8081", if path == "/none" { 404 } else { 200 }), ("evil.example:8081", 421)]
            {
                let asked = request(Method::GET, path, host);
                let response = router(shown.clone(), HOSTS).oneshot(asked).await.unwrap();
                assert_eq!(response.status(), status, "{path} of {host}");
                let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
                assert!(
                    policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'")
                );
                assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
                assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
            }
        }
    }

    #[tokio::test]
    async fn nothing_but_reading_is_answered() {
        let (shown, _board) = shown(vec![]).await;
        for path in ["/", "/api/fleet", "/api/events", "/api/rows", "/api/nodes/a"] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
                let asked = request(method.clone(), path, "localhost");
                let response = router(shown.clone(), HOSTS).oneshot(asked).await.unwrap();
                assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            }
        }
    }

    fn node(name: &str) -> Index<Node> {
        let node = json!({ "metadata": { "name": name } });
        let mut nodes = Index::default();
        nodes.record(serde_json::from_value::<WatchedNode>(node).unwrap());
        nodes
    }

    #[tokio::test]
    async fn a_page_begins_at_a_revision_and_is_told_only_what_differs() {
        let (shown, _board) = shown(vec![]).await;
        let stage = shown.stage();
        stage.look(&["a".into()], &node("a"), &Index::default());
        let whole = read(get(&shown, "/api/fleet").await).await;
        assert_eq!(whole["nodes"], json!([{ "name": "a" }]));

        let mut events = get(&shown, "/api/events").await.into_body().into_data_stream();
        let hello = events.next().await.unwrap().unwrap();
        let hello = String::from_utf8(hello.to_vec()).unwrap();
        assert!(hello.contains("event: hello") && hello.contains(whole["id"].as_str().unwrap()), "{hello}");

        stage.look(&["b".into()], &node("b"), &Index::default());
        let update = String::from_utf8(events.next().await.unwrap().unwrap().to_vec()).unwrap();
        assert!(update.contains(r#""nodes":[{"name":"b"}]"#) && !update.contains(r#""a""#), "{update}");
    }

    #[tokio::test]
    async fn a_page_that_does_not_keep_up_is_sent_away() {
        let (shown, _board) = shown(vec![]).await;
        let stage = shown.stage();
        let mut events = get(&shown, "/api/events").await.into_body().into_data_stream();
        for number in 0..100 {
            let name = format!("n{number}");
            stage.look(&[name.as_str().into()], &node(&name), &Index::default());
        }
        let mut told = String::new();
        while let Some(event) = timeout(Duration::from_secs(5), events.next()).await.unwrap() {
            told.push_str(std::str::from_utf8(&event.unwrap()).unwrap());
        }
        assert!(told.contains("event: reload") && !told.contains("event: update"), "{told}");
    }

    #[tokio::test]
    async fn one_page_too_many_is_asked_to_come_back() {
        let (shown, _board) = shown(vec![]).await;
        // What listens leaves room for what loads.
        let mut kept = Vec::new();
        for path in ["/api/events", "/api/fleet"] {
            let mut open = Vec::new();
            for _ in 0..PAGES {
                let response = get(&shown, path).await;
                assert_eq!(response.status(), StatusCode::OK, "{path}");
                open.push(response);
            }
            assert_eq!(get(&shown, path).await.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
            drop(open.pop());
            let again = get(&shown, path).await;
            assert_eq!(again.status(), StatusCode::OK, "{path}");
            kept.push((open, again));
        }
    }

    #[tokio::test]
    async fn a_node_is_shown_as_the_api_server_has_it_now() {
        let object =
            r#"{"metadata": {"name": "a", "generation": 3}, "spec": {"interfaces": [], "mode": "Paused"}}"#;
        let list = format!(
            r#"{{"kind": "List", "apiVersion": "v1", "metadata": {{"resourceVersion": "1"}}, "items": [{object}]}}"#
        );
        let (found, _board) = shown(vec![Some(("200 OK", list.leak()))]).await;
        let node = read(get(&found, "/api/nodes/a").await).await;
        assert_eq!((&node["generation"], &node["spec"]["mode"]), (&json!(3), &json!("Paused")));

        assert_eq!(get(&found, "/api/nodes/a,b").await.status(), StatusCode::NOT_FOUND);
        let (refused, _board) = shown(vec![Some(("403 Forbidden", "no"))]).await;
        assert_eq!(get(&refused, "/api/nodes/a").await.status(), StatusCode::BAD_GATEWAY);
    }
}
