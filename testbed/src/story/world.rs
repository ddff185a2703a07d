//! The whole product on real parts, and the questions that stories ask of it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use multinic_crds::{InterfaceState, InterfaceStatus, NodeNetworkConfig};

use crate::parts::control_plane::ControlPlane;
use crate::parts::database::{Database, Schema};
use crate::parts::node::Node;
use crate::parts::operator::Operator;
use crate::sandbox::eventually::{SOON, eventually};
use crate::sandbox::testbed::Testbed;

/// What is known to the cluster by a name: a node, or another kind of machine.
pub trait Named {
    /// Its name in Kubernetes.
    fn name(&self) -> &str;
}

impl Named for Node<'_> {
    fn name(&self) -> &str {
        self.name()
    }
}

impl Named for str {
    fn name(&self) -> &str {
        self
    }
}

impl<T: Named + ?Sized> Named for &T {
    fn name(&self) -> &str {
        (**self).name()
    }
}

/// A cluster, a database and an operator between them. Nodes join as the story goes.
pub struct World<'bed> {
    /// Where the objects are.
    pub cluster: ControlPlane<'bed>,
    /// Where the rows are.
    pub database: Database<'bed>,
    /// What turns rows into objects.
    pub operator: Operator<'bed>,
    /// How long nodes may take for what is asked of them; one that is emulated takes longer.
    pub patience: Duration,
}

impl Testbed {
    /// The whole product but its nodes: a control plane, a database and an operator between them.
    pub async fn world(&self, schema: Schema) -> Result<World<'_>> {
        World::start(self, schema).await
    }
}

impl<'bed> World<'bed> {
    pub(crate) async fn start(bed: &'bed Testbed, schema: Schema) -> Result<Self> {
        let cluster = bed.control_plane().await?;
        let database = bed.database(schema).await?;
        let operator = bed.operator(&cluster, &database).await?;
        Ok(Self { cluster, database, operator, patience: SOON })
    }

    /// The node's object as it is now.
    pub async fn config(&self, node: &impl Named) -> Result<NodeNetworkConfig> {
        let configs = Api::<NodeNetworkConfig>::all(self.cluster.client());
        configs.get(node.name()).await.with_context(|| format!("no object for {}", node.name()))
    }

    /// Sets what the agent may do on the node, as a person would.
    pub fn set_mode(&self, node: &impl Named, mode: &str) -> Result<()> {
        let patch = format!(r#"{{"spec":{{"mode":"{mode}"}}}}"#);
        self.cluster.kubectl(&["patch", "nnc", node.name(), "--type=merge", "-p", &patch]).map(drop)
    }

    /// What the agent says about a NIC; fails while its status is of an older generation than the object.
    pub async fn reported(&self, node: &impl Named, mac: &str) -> Result<InterfaceStatus> {
        let config = self.config(node).await?;
        let generation = config.metadata.generation;
        let status = config.status.context("no status")?;
        ensure!(
            status.observed_generation == generation,
            "the status is of generation {:?}, the object of {generation:?}",
            status.observed_generation
        );
        let interface = status.interfaces.into_iter().find(|interface| interface.mac_address == mac);
        interface.with_context(|| format!("{mac} is not in the status"))
    }

    /// A condition of the node's object.
    pub async fn condition(&self, node: &impl Named, kind: &str) -> Result<Condition> {
        let conditions = self.config(node).await?.status.unwrap_or_default().conditions;
        let found = conditions.iter().find(|condition| condition.type_ == kind).cloned();
        found.with_context(|| format!("{} has no condition {kind}, but {conditions:?}", node.name()))
    }

    /// Waits until the operator says `reason` of the object as it is now.
    pub async fn synced(&self, node: &impl Named, reason: &str) -> Result<Condition> {
        eventually(&format!("Synced of {} to be {reason}", node.name()), self.patience, async || {
            let generation = self.config(node).await?.metadata.generation;
            let synced = self.condition(node, "Synced").await?;
            let current = synced.observed_generation == generation && synced.reason == reason;
            ensure!(current, "at generation {generation:?}, the operator says {synced:?}");
            Ok(synced)
        })
        .await
    }

    /// Waits until the operator has read the table `count` times more.
    pub async fn syncs(&self, count: u64) -> Result<()> {
        let before = self.database.operator_statements().await?.selects;
        eventually(&format!("{count} syncs"), SOON, async || {
            let since = self.database.operator_statements().await?.selects - before;
            ensure!(since >= count, "{since} so far");
            Ok(())
        })
        .await
    }

    /// Waits until the agent says that a NIC is in `state`.
    pub async fn settled(
        &self,
        node: &impl Named,
        mac: &str,
        state: InterfaceState,
    ) -> Result<InterfaceStatus> {
        eventually(&format!("{mac} on {} to be {state:?}", node.name()), self.patience, async || {
            let reported = self.reported(node, mac).await?;
            ensure!(reported.state == state, "reported as {reported:?}");
            Ok(reported)
        })
        .await
    }

    /// Waits until every party says that the NIC is right: the object, and the row.
    pub async fn configured(&self, node: &impl Named, mac: &str) -> Result<()> {
        self.settled(node, mac, InterfaceState::Configured).await?;
        eventually(&format!("netplan_success of {mac}"), self.patience, async || {
            let success = self.database.producer().success(mac).await?;
            ensure!(success == Some(true), "it is {success:?}");
            Ok(())
        })
        .await
    }

    /// Waits until the node's object no longer wants the NIC and nothing of it is left on the node.
    pub async fn removed(&self, node: &impl Named, mac: &str) -> Result<()> {
        eventually(&format!("{mac} to be removed from {}", node.name()), self.patience, async || {
            let config = self.config(node).await?;
            let wanted =
                config.spec.interfaces.iter().any(|interface| interface.mac_address.to_string() == mac);
            ensure!(!wanted, "the object still wants it");
            let status = config.status.context("no status")?;
            ensure!(
                status.observed_generation == config.metadata.generation,
                "the agent has not seen it yet"
            );
            let left: Vec<_> =
                status.interfaces.iter().filter(|interface| interface.mac_address == mac).collect();
            ensure!(left.is_empty(), "the agent still has {left:?}");
            Ok(())
        })
        .await
    }
}
