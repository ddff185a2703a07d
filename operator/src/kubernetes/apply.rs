//! Carries out a plan: server-side apply of specs and of the `Synced` condition.

#[cfg(test)]
mod tests;

use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::Status,
};
use multinic_crds::{
    GuardedConfig, GuardedInterface, KEEP, Mode, NodeNetworkConfig, OPERATOR_MANAGER, UNLISTED,
};
use multinic_operator_core::{
    cluster::{Index, Name, Object, sort},
    plan::{Applied, SpecWrite, Task, Verdict},
};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};

use crate::kubernetes::explain;

/// A version that no object has: upon it the API server creates one, and changes none.
const NEVER: u64 = 1;
/// Who gives a new object its mode, where that is not the usual one.
const MODE_MANAGER: &str = "multinic-operator-mode";
/// Answers of an API server that is too busy, or of a proxy before it. They say nothing of the object.
const BUSY: [u16; 4] = [429, 502, 503, 504];
/// Objects that are written at the same time.
const CONCURRENCY: usize = 8;
const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// After this the rest waits for the next sync, so that an API server that hangs does not hang the loop.
const BUDGET: Duration = Duration::from_mins(1);

/// An object could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The API server refused, or could not be reached.
    #[error("failed to write {what}: {}", explain(source))]
    Api {
        /// What was written.
        what: &'static str,
        /// Why not.
        source: Box<kube::Error>,
    },
    /// The API server did not answer in time.
    #[error("timed out after {} s: writing {what}", CALL_DEADLINE.as_secs())]
    Deadline {
        /// What was written.
        what: &'static str,
    },
}

impl ApplyError {
    /// Whether the object is no longer as it was when its spec was planned.
    fn is_outdated(&self) -> bool {
        self.status().is_some_and(Status::is_conflict)
    }

    /// What the API server, or a webhook that it asks, says against the object; `None` where it only has no time.
    fn refusal(&self) -> Option<&str> {
        let about_it = |status: &&Status| !BUSY.contains(&status.code);
        self.status().filter(about_it).map(|status| status.message.as_str())
    }

    /// The API server's answer, where there is one.
    fn status(&self) -> Option<&Status> {
        match self {
            Self::Api { source, .. } => match &**source {
                kube::Error::Api(status) => Some(status),
                _ => None,
            },
            Self::Deadline { .. } => None,
        }
    }
}

/// Carries out what is due of `tasks`, and records in `objects` what the API server answers.
///
/// A Node that fails never stops the others.
pub async fn apply(client: &Client, tasks: &[Task], objects: &mut Index<Object>, now: Timestamp) -> Applied {
    let writer = Writer { api: Api::all(client.clone()), now };
    let due: Vec<_> = tasks.iter().filter(|task| is_due(task, objects, now)).collect();
    let mut applied = Applied { postponed: due.len(), ..Applied::default() };

    let deadline = Instant::now() + BUDGET;
    let mut answers = Vec::new();
    let mut outcomes =
        stream::iter(due).map(|task| writer.carry_out(task, objects)).buffer_unordered(CONCURRENCY);
    while let Ok(Some(outcome)) = timeout_at(deadline, outcomes.next()).await {
        applied.postponed -= 1;
        applied.writes += outcome.writes;
        applied.specs += u64::from(outcome.spec_written);
        applied.outdated += usize::from(outcome.outdated);
        answers.extend(outcome.answer);
        applied.failed.extend(outcome.error.map(|error| (Name::clone(outcome.node), error.to_string())));
    }
    drop(outcomes);
    for answer in answers {
        objects.record(answer);
    }
    applied
}

fn is_due(task: &Task, objects: &Index<Object>, now: Timestamp) -> bool {
    let condition_due =
        || objects.get(&task.node).is_some_and(|object| task.verdict.due(object, now).is_some());
    task.write.is_some() || condition_due()
}

struct Writer {
    api: Api<GuardedConfig>,
    now: Timestamp,
}

/// What came of one task.
struct Outcome<'a> {
    node: &'a Name,
    writes: u64,
    spec_written: bool,
    outdated: bool,
    /// The object as the last successful call left it.
    answer: Option<GuardedConfig>,
    error: Option<ApplyError>,
}

impl<'a> Outcome<'a> {
    const fn none_yet(node: &'a Name) -> Self {
        Self { node, writes: 0, spec_written: false, outdated: false, answer: None, error: None }
    }
}

impl Writer {
    async fn carry_out<'a>(&self, task: &'a Task, objects: &Index<Object>) -> Outcome<'a> {
        let mut outcome = Outcome::none_yet(&task.node);
        let mut verdict = task.verdict.clone();
        if let Some(write) = &task.write {
            let version = match objects.get(&task.node) {
                Some(_) => objects.version(&task.node),
                None => Some(NEVER),
            };
            match self.write_spec(write, version, &mut outcome).await {
                Ok(()) => {}
                Err(error) if error.is_outdated() => {
                    outcome.outdated = true;
                    return outcome;
                }
                Err(error) => {
                    let refused = error.refusal().map(Verdict::spec_refused);
                    outcome.error = Some(error);
                    let Some(refused) = refused else { return outcome };
                    verdict = refused;
                }
            }
        }
        let condition = match &outcome.answer {
            Some(answer) => verdict.due(&Object::from(answer.clone()), self.now),
            None => objects.get(&task.node).and_then(|object| verdict.due(object, self.now)),
        };
        if let Some(condition) = condition {
            outcome.writes += 1;
            match self.write_condition(&task.node, &condition).await {
                Ok(answer) => outcome.answer = Some(answer),
                // Why the spec was refused says more.
                Err(error) => {
                    outcome.error.get_or_insert(error);
                }
            }
        }
        outcome
    }

    async fn write_spec(
        &self,
        write: &SpecWrite,
        version: Option<u64>,
        outcome: &mut Outcome<'_>,
    ) -> Result<(), ApplyError> {
        let node = outcome.node;
        let version = match write.mode {
            Some(mode) => self.write_mode(mode, version, outcome).await?,
            None => version,
        };
        let params = PatchParams::apply(OPERATOR_MANAGER).force();
        outcome.writes += 1;
        let patch = Patch::Apply(spec(node, write, version));
        let answer = call("the spec", self.api.patch(node, &params, &patch)).await?;
        outcome.spec_written = true;
        let answer = outcome.answer.insert(answer);
        if same(&answer.spec.interfaces, &write.interfaces) {
            return Ok(());
        }
        // Apply leaves what other field managers added, such as an entry from `kubectl edit`.
        let params =
            PatchParams { field_manager: Some(OPERATOR_MANAGER.to_owned()), ..PatchParams::default() };
        let whole = json!({
            "metadata": { "resourceVersion": answer.resource_version() },
            "spec": { "interfaces": write.interfaces },
        });
        outcome.writes += 1;
        outcome.answer = Some(call("the spec", self.api.patch(node, &params, &Patch::Merge(whole))).await?);
        Ok(())
    }

    /// Makes an object that has nothing but its mode: the one that a person chose for the object before it, or the one
    /// that new objects begin with.
    ///
    /// Before anything else is in it, so that the agent never acts on it; and under another name than the operator's
    /// own, which would take the mode away with its next spec.
    async fn write_mode(
        &self,
        mode: Mode,
        version: Option<u64>,
        outcome: &mut Outcome<'_>,
    ) -> Result<Option<u64>, ApplyError> {
        let mut patch = object(outcome.node);
        patch["metadata"]["resourceVersion"] = json!(version.map(|version| version.to_string()));
        patch["spec"] = json!({ "mode": mode });
        outcome.writes += 1;
        let params = PatchParams::apply(MODE_MANAGER);
        let answer = call("the mode", self.api.patch(outcome.node, &params, &Patch::Apply(patch))).await?;
        Ok(answer.resource_version().and_then(|version| version.parse().ok()))
    }

    async fn write_condition(&self, node: &str, condition: &Condition) -> Result<GuardedConfig, ApplyError> {
        let params = PatchParams::apply(OPERATOR_MANAGER).force();
        let patch = Patch::Apply(status(node, condition));
        call("the condition", self.api.patch_status(node, &params, &patch)).await
    }
}

async fn call(
    what: &'static str,
    call: impl Future<Output = kube::Result<GuardedConfig>>,
) -> Result<GuardedConfig, ApplyError> {
    let answer = timeout(CALL_DEADLINE, call).await.map_err(|_| ApplyError::Deadline { what })?;
    let mut answer = answer.map_err(|source| ApplyError::Api { what, source: Box::new(source) })?;
    // Larger than the rest, and many answers are held at the first sync of a cluster.
    answer.managed_fields_mut().clear();
    Ok(answer)
}

fn same(stored: &[GuardedInterface], planned: &[GuardedInterface]) -> bool {
    let mut stored = stored.to_vec();
    sort(&mut stored);
    stored == planned
}

fn object(name: &str) -> Value {
    json!({
        "apiVersion": NodeNetworkConfig::api_version(&()),
        "kind": NodeNetworkConfig::kind(&()),
        "metadata": { "name": name },
    })
}

/// All that this operator owns of an object but the condition. `mode` belongs to people.
///
/// With the version that it was planned from, the API server refuses to put it upon any other: an operator that was
/// held up must not undo what its successor has written since. An object that is gone is made anew all the same.
fn spec(name: &str, write: &SpecWrite, version: Option<u64>) -> Value {
    let mut patch = object(name);
    if let Some(version) = version {
        patch["metadata"]["resourceVersion"] = json!(version.to_string());
    }
    if write.keeps_unlisted {
        patch["metadata"]["annotations"] = json!({ UNLISTED: KEEP });
    }
    patch["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "Node", "name": name, "uid": write.owner }]);
    patch["spec"] = json!({ "interfaces": write.interfaces });
    patch
}

fn status(name: &str, condition: &Condition) -> Value {
    let mut patch = object(name);
    patch["status"] = json!({ "conditions": [condition] });
    patch
}
