//! Publishing the status: server-side apply, only where something changed.

use std::time::Duration;

use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams},
};
use multinic_crds::{AGENT_MANAGER, GuardedConfig, NodeNetworkConfig, NodeNetworkConfigStatus};
use serde_json::json;

/// The API server may be the very thing that a NIC's change cut off.
const DEADLINE: Duration = Duration::from_secs(5);

/// A status that did not reach the API server.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Refused, or unreachable.
    #[error("failed to publish the status: {0}")]
    Api(#[from] kube::Error),
    /// No answer.
    #[error("failed to publish the status: no answer from the API server within {} s", DEADLINE.as_secs())]
    TimedOut,
}

/// The one writer of this node's status.
pub struct Publisher {
    api: Api<GuardedConfig>,
    node: String,
    uid: Option<String>,
    published: NodeNetworkConfigStatus,
    /// A request failed that may have reached the API server all the same.
    unsure: bool,
}

impl Publisher {
    /// A writer for the object of `node`.
    #[must_use]
    pub fn new(client: Client, node: String) -> Self {
        Self {
            api: Api::all(client),
            node,
            uid: None,
            published: NodeNetworkConfigStatus::default(),
            unsure: false,
        }
    }

    /// Takes over from what an earlier agent published on `object`, once for each object.
    ///
    /// Later the watch only echoes what was published here, and that late.
    pub fn adopt(&mut self, object: &GuardedConfig) {
        if self.uid.is_none() || self.uid != object.metadata.uid {
            self.uid.clone_from(&object.metadata.uid);
            self.published = object.status().cloned().unwrap_or_default();
        }
    }

    /// What was last published.
    #[must_use]
    pub const fn published(&self) -> &NodeNetworkConfigStatus {
        &self.published
    }

    /// Whether the object is known to say `status` already.
    #[must_use]
    pub fn has_published(&self, status: &NodeNetworkConfigStatus) -> bool {
        !self.unsure && self.is_published(status)
    }

    /// Publishes `status`.
    pub async fn publish(&mut self, status: NodeNetworkConfigStatus) -> Result<(), PublishError> {
        let patch = json!({
            "apiVersion": NodeNetworkConfig::api_version(&()),
            "kind": NodeNetworkConfig::kind(&()),
            "metadata": { "name": self.node },
            "status": status,
        });
        let params = PatchParams::apply(AGENT_MANAGER).force();
        let patch = Patch::Apply(&patch);
        let request = self.api.patch_status(&self.node, &params, &patch);
        self.unsure = true;
        tokio::time::timeout(DEADLINE, request).await.map_err(|_| PublishError::TimedOut)??;
        self.unsure = false;
        self.published = status;
        Ok(())
    }

    /// The conditions of others are in the object too; they are not ours to compare.
    fn is_published(&self, status: &NodeNetworkConfigStatus) -> bool {
        let ours = |published: &NodeNetworkConfigStatus| {
            let mut published = published.clone();
            published.conditions.retain(|one| status.conditions.iter().any(|other| other.type_ == one.type_));
            published.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
            published
        };
        ours(&self.published) == ours(status)
    }
}
