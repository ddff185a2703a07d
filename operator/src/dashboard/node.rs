//! One Node's object in full, as the API server has it now: what it says in words is kept nowhere else.

use std::time::Duration;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kube::{Api, Client, api::ListParams};
use multinic_crds::GuardedConfig;
use serde_json::json;
use tokio::time::timeout;

use crate::kubernetes::explain;

const DEADLINE: Duration = Duration::from_secs(5);
/// The longest name that an object can have.
const LONGEST_NAME: usize = 253;

/// Lists what has this name, since the operator may list anyway.
pub(super) async fn node(client: Client, name: &str) -> Response {
    if !is_name(name) {
        return absent();
    }
    let named = ListParams::default().fields(&format!("metadata.name={name}")).limit(1);
    let configs = Api::<GuardedConfig>::all(client);
    match timeout(DEADLINE, configs.list(&named)).await {
        Ok(Ok(list)) => list.items.into_iter().next().map_or_else(absent, |config| shown(&config)),
        Ok(Err(error)) => unreachable(&explain(&error)),
        Err(_) => unreachable("the API server does not answer"),
    }
}

/// Without what only the API server's clients need.
fn shown(config: &GuardedConfig) -> Response {
    let metadata = &config.metadata;
    let shown = json!({
        "generation": metadata.generation,
        "annotations": metadata.annotations,
        "spec": config.spec,
        "status": config.status,
    });
    Json(shown).into_response()
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(plain)
}

fn absent() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error": "there is no NodeNetworkConfig of this name" })))
        .into_response()
}

fn unreachable(why: &str) -> Response {
    (StatusCode::BAD_GATEWAY, Json(json!({ "error": why }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_not_asked_for() {
        assert!(is_name("node-1.example"));
        for wrong in ["", "A", "a,metadata.namespace=b", "a/b", "a%2f", "ä", &"a".repeat(254)] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }
}
