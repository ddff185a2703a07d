//! What must hold once nothing happens any more.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use multinic_crds::CONFIRM_REMOVAL;
use multinic_testbed::{NAMESPACE, eventually};

use crate::meant::Nic;
use crate::replay::{FOREIGN, Replay};

/// The operator's least grace, twice, and some more for a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// A row: port, MAC address, server, address, MTU, object, success.
type Row = (String, String, String, Option<String>, Option<i32>, String, bool);

impl Replay<'_> {
    /// Table, objects and agents end equal; what was told in between was meant; and then there is peace.
    pub(crate) async fn everybody_agrees(&mut self) -> Result<()> {
        self.calm().await?;
        eventually("everybody to agree", PATIENCE, async || {
            self.confirm().await?;
            self.objects_are_as_meant().await?;
            self.agents_have_what_is_meant()?;
            self.rows_are_as_written().await
        })
        .await?;
        for (node, told) in &*self.agents.told() {
            self.meant.explains(node, told)?;
        }
        self.only_objects_were_written()?;
        self.nothing_is_written_any_more().await
    }

    /// A person looks at what is held, finds that it was meant, since all else is back, and says so.
    async fn confirm(&self) -> Result<()> {
        for node in &self.meant.nodes {
            let config = self.world.config(&node.as_str()).await?;
            let conditions = config.status.unwrap_or_default().conditions;
            let held = conditions.iter().find(|condition| condition.reason == "ShrinkGuard");
            let Some((_, rest)) = held.and_then(|held| held.message.split_once(CONFIRM_REMOVAL)) else {
                continue;
            };
            let token: String = rest.chars().skip(1).take_while(char::is_ascii_hexdigit).collect();
            let annotation = format!("{CONFIRM_REMOVAL}={token}");
            let said = config.metadata.annotations.unwrap_or_default();
            if said.get(CONFIRM_REMOVAL) != Some(&token) {
                self.world.cluster.kubectl(&["annotate", "nnc", node, "--overwrite", &annotation])?;
            }
        }
        Ok(())
    }

    async fn objects_are_as_meant(&self) -> Result<()> {
        for node in &self.meant.nodes {
            let config = self.world.config(&node.as_str()).await?;
            let has: BTreeMap<_, _> = config
                .spec
                .interfaces
                .iter()
                .map(|nic| (nic.mac_address.to_string(), Nic::from(nic)))
                .collect();
            ensure!(has == self.meant_for(node), "{node} has {has:?}");
            let (generation, status) = (config.metadata.generation, config.status.unwrap_or_default());
            ensure!(status.observed_generation == generation, "{node} is not reported");
            let synced = status.conditions.iter().find(|condition| condition.type_ == "Synced");
            let holds =
                |synced: &Condition| synced.status == "True" && synced.observed_generation == generation;
            ensure!(synced.is_some_and(holds), "{node} is not synced: {synced:?}");
        }
        Ok(())
    }

    fn agents_have_what_is_meant(&self) -> Result<()> {
        let have = self.agents.have();
        for node in &self.meant.nodes {
            let nics = have.get(node).with_context(|| format!("{node} was told nothing"))?;
            let nics: BTreeMap<_, _> =
                nics.iter().map(|(mac, (_, nic))| (mac.clone(), nic.clone())).collect();
            ensure!(nics == self.meant_for(node), "the agent of {node} has {nics:?}");
        }
        Ok(())
    }

    fn meant_for(&self, node: &str) -> BTreeMap<String, Nic> {
        let now = self.meant.now().into_iter();
        now.filter_map(|((of, mac), nic)| (of == node).then_some((mac, nic))).collect()
    }

    /// Every row says what the producer wrote, and success where a Node proves it.
    async fn rows_are_as_written(&self) -> Result<()> {
        let mut rows: Vec<Row> = sqlx::query_as(
            "SELECT port_id, macaddress, attached_node_name, address, mtu, cr_name, netplan_success = 1 \
             FROM multi_interface",
        )
        .fetch_all(self.world.database.administrator())
        .await?;
        let mut written = Vec::new();
        for (number, object) in self.meant.objects.iter().enumerate() {
            for port in &object.ports {
                let success = number != FOREIGN && self.meant.nodes.contains(&port.node);
                let port = port.clone();
                written.push((
                    port.id,
                    port.mac,
                    port.node,
                    port.address,
                    port.mtu,
                    object.name.clone(),
                    success,
                ));
            }
        }
        rows.sort();
        written.sort();
        ensure!(rows == written, "the table has {rows:#?} instead of {written:#?}");
        Ok(())
    }

    /// By the operator, in all that time.
    fn only_objects_were_written(&self) -> Result<()> {
        let operator = operator();
        for write in self.world.cluster.writes()?.into_iter().filter(|write| write.user == operator) {
            let is_its_own = ["nodenetworkconfigs", "events"].contains(&write.resource.as_str());
            ensure!(is_its_own && write.verb != "delete", "the operator wrote {write:?}");
        }
        Ok(())
    }

    async fn nothing_is_written_any_more(&self) -> Result<()> {
        // What is being written now is in the log by then.
        self.world.syncs(1).await?;
        let operator = operator();
        let writes = async || -> Result<_> {
            let mut writes = self.world.cluster.writes()?;
            writes.retain(|write| write.user == operator && write.resource != "events");
            Ok((writes, self.world.database.operator_statements().await?.updates))
        };
        let (before, updates) = writes().await?;
        self.world.syncs(3).await?;
        let (after, more) = writes().await?;
        let new = &after[before.len()..];
        ensure!(
            new.is_empty() && more == updates,
            "{} UPDATEs although nothing happens, and {new:?}",
            more - updates
        );
        Ok(())
    }
}

/// As the audit names it.
fn operator() -> String {
    format!("system:serviceaccount:{NAMESPACE}:multinic-operator")
}
