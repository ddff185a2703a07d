use std::{
    cell::Cell,
    future::pending,
    sync::{Arc, Mutex},
};

use http::{Method, Request, Response};
use kube::client::Body;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;

/// An API server that has nothing but a lease, and takes so long for each write of it.
fn client(takes: Duration) -> Client {
    let stored = Arc::new(Mutex::new(None::<Value>));
    let answer = move |request: Request<Body>| {
        let stored = Arc::clone(&stored);
        async move {
            let writes = request.method() != Method::GET;
            let body = request.into_body().collect_bytes().await.unwrap_or_default();
            if writes {
                sleep(takes).await;
            }
            let (code, body) = serve(&mut stored.lock().unwrap(), writes, &body);
            let answer = Response::builder().status(code).header("content-type", "application/json");
            answer.body(Body::from(body.to_string().into_bytes()))
        }
    };
    Client::new(tower::service_fn(answer), "default")
}

fn serve(stored: &mut Option<Value>, writes: bool, body: &[u8]) -> (u16, Value) {
    let refused = |code: u16, reason: &str| {
        (
            code,
            json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": "" }),
        )
    };
    let version = |lease: &Value| lease["metadata"]["resourceVersion"].as_str().map(str::to_owned);
    let is = stored.as_ref().and_then(version);
    if writes {
        let mut lease: Value = serde_json::from_slice(body).unwrap();
        if version(&lease) != is {
            return refused(409, "Conflict");
        }
        let next = is.map_or(1, |version| version.parse::<u64>().unwrap() + 1);
        lease["metadata"]["resourceVersion"] = next.to_string().into();
        *stored = Some(lease);
    }
    stored.clone().map_or_else(|| refused(404, "NotFound"), |lease| (200, lease))
}

/// How often this began to lead until a term would have ended that was never renewed.
async fn terms(takes: Duration) -> u32 {
    let candidate = Candidate { pod: "pod".to_owned(), namespace: "default".to_owned() };
    let (metrics, (board, _)) = (Metrics::register(&mut Registry::default()), Board::new());
    let heartbeat = Heartbeat::new(Duration::from_mins(3));
    let mut elector = Elector::new(client(takes), &candidate, 1, heartbeat, metrics, board);
    let terms = Cell::new(0);
    let work = || {
        terms.set(terms.get() + 1);
        pending::<Infallible>()
    };
    let never = timeout(2 * takes + TERM, elector.run(work)).await;
    assert!(never.is_err());
    terms.get()
}

#[tokio::test]
async fn a_leader_leads_on_while_each_write_takes_four_seconds() {
    assert_eq!(tokio::join!(terms(Duration::ZERO), terms(Duration::from_secs(4))), (1, 1));
}
