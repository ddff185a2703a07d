//! The API server's own record of who wrote what: the only proof that nobody wrote anything.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

pub(super) const LOG: &str = "audit.log";

pub(super) const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
";

/// One request that meant to change something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// Who asked, such as `system:serviceaccount:multinic-system:multinic-agent`.
    pub user: String,
    /// Plural resource name; empty for what is not a resource.
    pub resource: String,
    /// Part of the object, such as `status`; empty for the object itself.
    pub subresource: String,
    /// The object's name; empty where the server was to choose it.
    pub name: String,
    /// The answer's HTTP status.
    pub code: u16,
}

pub(super) fn writes(directory: &Path) -> Result<Vec<Write>> {
    let log = fs::read_to_string(directory.join(LOG)).context("cannot read the audit log")?;
    // A line without its end is still being written.
    log.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(parse).collect()
}

fn parse(line: &str) -> Result<Write> {
    let event: Event = serde_json::from_str(line).with_context(|| format!("audit log: {line}"))?;
    let object = event.object_ref.unwrap_or_default();
    Ok(Write {
        verb: event.verb,
        user: event.user.username,
        resource: object.resource,
        subresource: object.subresource,
        name: object.name,
        code: event.response_status.unwrap_or_default().code,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    verb: String,
    user: User,
    object_ref: Option<ObjectRef>,
    response_status: Option<ResponseStatus>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}

#[cfg(test)]
mod tests {
    use super::{Write, parse};

    #[test]
    fn a_refused_status_write_is_a_write() {
        let line = r#"{"kind":"Event","verb":"patch","user":{"username":"someone"},
            "objectRef":{"resource":"nodenetworkconfigs","name":"worker-1","subresource":"status"},
            "responseStatus":{"metadata":{},"code":403}}"#;
        assert_eq!(
            parse(line).unwrap(),
            Write {
                verb: "patch".to_owned(),
                user: "someone".to_owned(),
                resource: "nodenetworkconfigs".to_owned(),
                subresource: "status".to_owned(),
                name: "worker-1".to_owned(),
                code: 403,
            }
        );
    }
}
