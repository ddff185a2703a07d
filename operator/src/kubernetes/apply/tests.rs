use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use kube::client::Body;
use multinic_crds::{ConditionType, Reason, condition};
use tokio::sync::Notify;

use super::*;

/// An object with one NIC.
fn object() -> GuardedConfig {
    let nic = json!({ "macAddress": "02:00:00:00:00:01", "name": "multinic0", "portId": "p1", "subnetId": "subnet" });
    let metadata = json!({ "name": "a", "generation": 1, "resourceVersion": "1" });
    serde_json::from_value(json!({ "metadata": metadata, "spec": { "interfaces": [nic] } })).unwrap()
}

#[test]
fn the_operator_applies_its_own_fields_and_no_others() {
    let interfaces = object().spec.interfaces;
    let write = SpecWrite { owner: "uid-a".to_owned(), interfaces, ..SpecWrite::default() };
    let keeps = SpecWrite { keeps_unlisted: true, ..write.clone() };
    assert_eq!(spec("a", &keeps, None)["metadata"]["annotations"], json!({ "multinic.io/unlisted": "keep" }));
    assert_eq!(spec("a", &write, Some(7))["metadata"]["resourceVersion"], "7");
    assert_eq!(
        spec("a", &write, None),
        json!({
            "apiVersion": "multinic.io/v1alpha1",
            "kind": "NodeNetworkConfig",
            "metadata": {
                "name": "a",
                "ownerReferences": [{ "apiVersion": "v1", "kind": "Node", "name": "a", "uid": "uid-a" }],
            },
            "spec": { "interfaces": [{
                "macAddress": "02:00:00:00:00:01",
                "name": "multinic0",
                "portId": "p1",
                "subnetId": "subnet",
            }]},
        })
    );
    let synced = condition(ConditionType::Synced, true, Reason::Synced, "", 1, Timestamp::UNIX_EPOCH);
    let status = status("a", &synced)["status"].clone();
    assert_eq!(status, json!({ "conditions": [synced] }));
}

/// An API server that answers every request alike.
fn client(code: u16, body: Value) -> Client {
    let answer = move |_| {
        let body = Body::from(body.to_string().into_bytes());
        let answer = Response::builder().status(code).header("content-type", "application/json").body(body);
        std::future::ready(answer)
    };
    Client::new(tower::service_fn(answer), "default")
}

/// Once these many objects were written, one more is answered, which was asked for first.
fn client_that_withholds_one(others: usize) -> Client {
    let written = Arc::new((Mutex::new(BTreeSet::new()), Notify::new()));
    let answer = move |request: Request<Body>| {
        let written = Arc::clone(&written);
        async move {
            let (written, all) = &*written;
            let name = request.uri().path().split('/').nth(5).unwrap_or_default().to_owned();
            let (code, body) = if name == "bad" {
                all.notified().await;
                (503, json!({ "kind": "Status", "code": 503, "message": "" }))
            } else {
                let mut written = written.lock().unwrap();
                let body = json!({ "metadata": { "name": name }, "spec": { "interfaces": [] } });
                written.insert(name);
                if written.len() == others {
                    all.notify_one();
                }
                (200, body)
            };
            let answer = Response::builder().status(code).header("content-type", "application/json");
            answer.body(Body::from(body.to_string().into_bytes()))
        }
    };
    Client::new(tower::service_fn(answer), "default")
}

#[tokio::test]
async fn a_node_whose_object_is_not_answered_for_delays_no_other() {
    let others = 3 * CONCURRENCY;
    let names = ["bad".to_owned()].into_iter().chain((0..others).map(|number| format!("good-{number}")));
    let task = |name: String| Task {
        node: name.into(),
        write: Some(SpecWrite { owner: "uid".to_owned(), ..SpecWrite::default() }),
        verdict: Verdict::synced(),
    };
    let tasks: Vec<_> = names.map(task).collect();
    let client = client_that_withholds_one(others);
    let applied = apply(&client, &tasks, &mut Index::default(), Timestamp::UNIX_EPOCH).await;
    let failed: Vec<_> = applied.failed.iter().map(|(node, _)| &**node).collect();
    assert_eq!((failed, applied.postponed), (vec!["bad"], 0));
    assert_eq!(applied.specs, u64::try_from(others).unwrap());
}

#[tokio::test]
async fn a_spec_that_comes_too_late_is_neither_written_nor_failed() {
    let object = object();
    let interfaces = object.spec.interfaces.clone();
    let write = SpecWrite { owner: "uid-a".to_owned(), interfaces, ..SpecWrite::default() };
    let task = Task { node: "a".into(), write: Some(write), verdict: Verdict::synced() };
    let mut objects = Index::default();
    objects.record(object);
    let status =
        json!({ "kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409, "message": "" });
    let applied = apply(&client(409, status), &[task], &mut objects, Timestamp::UNIX_EPOCH).await;
    assert_eq!((applied.outdated, applied.writes, applied.specs, applied.failed.len()), (1, 1, 0, 0));
}

#[test]
fn whatever_is_said_against_a_spec_is_a_refusal_of_it_and_having_no_time_is_none() {
    let refusal = |code: u16| {
        let status: Status = serde_json::from_value(json!({ "code": code, "message": "why" })).unwrap();
        let error =
            ApplyError::Api { what: "the spec", source: Box::new(kube::Error::Api(Box::new(status))) };
        error.refusal().map(str::to_owned)
    };
    for code in [400, 403, 422, 500] {
        assert_eq!(refusal(code).as_deref(), Some("why"), "{code}");
    }
    for code in [429, 502, 503, 504] {
        assert_eq!(refusal(code), None, "{code}");
    }
    assert_eq!(ApplyError::Deadline { what: "the spec" }.refusal(), None);
}
