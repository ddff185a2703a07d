//! What happens to database, operator and cluster.

use std::time::Duration;

use anyhow::{Result, ensure};
use multinic_testbed::{GATEWAY, OPERATOR_HEALTH, OPERATOR_USER, SOON, eventually, get, kubernetes_node};
use serde_json::Value;

use crate::replay::Replay;

/// Longer than the operator's interval, so that it meets what is there for a while.
const NOTICED: Duration = Duration::from_millis(1500);

impl Replay<'_> {
    pub(crate) async fn for_a_while(&mut self, change: &str, back: &str) -> Result<()> {
        self.end_open().await?;
        self.world.database.execute(change).await?;
        tokio::time::sleep(NOTICED).await;
        self.world.database.execute(back).await.map(drop)
    }

    pub(crate) async fn cut(&mut self) -> Result<()> {
        let connections: Vec<i64> = sqlx::query_scalar(
            "SELECT CAST(ID AS SIGNED) FROM information_schema.PROCESSLIST WHERE USER = ?",
        )
        .bind(OPERATOR_USER)
        .fetch_all(self.world.database.administrator())
        .await?;
        for connection in connections {
            // It may have ended by itself.
            let _ = self.world.database.execute(&format!("KILL {connection}")).await;
        }
        Ok(())
    }

    pub(crate) async fn restart_database(&mut self) -> Result<()> {
        self.calm().await?;
        self.world.database.stop().await?;
        self.pause().await;
        self.world.database.resume().await
    }

    pub(crate) async fn kill_operator(&mut self) -> Result<()> {
        self.calm().await?;
        self.world.operator.process()?.kill()?;
        self.world.operator.resume()?;
        // An object that is deleted before its operator has seen it has nobody who knows its slots.
        eventually("the operator to have synced", SOON, async || {
            let overview: Value = serde_json::from_str(&get(OPERATOR_HEALTH, "/").await?.body)?;
            ensure!(overview["last_sync_age_seconds"].is_u64(), "{overview}");
            Ok(())
        })
        .await
    }

    pub(crate) async fn delete_config(&mut self) -> Result<()> {
        self.calm().await?;
        let nodes = &self.meant.nodes;
        let node = nodes[self.chance.below(nodes.len())].clone();
        // A Node that has just joined has none yet.
        let find = async || self.world.config(&node.as_str()).await;
        let before = eventually("an object to delete", SOON, find).await?;
        self.world.cluster.kubectl(&["delete", "nnc", &node, "--wait=false"])?;
        eventually("the object to be made anew", SOON, async || {
            let config = self.world.config(&node.as_str()).await?;
            ensure!(config.metadata.uid != before.metadata.uid, "it is the old one");
            Ok(())
        })
        .await
    }

    pub(crate) async fn register_anew(&mut self) -> Result<()> {
        self.calm().await?;
        let nodes = &self.meant.nodes;
        let node = nodes[self.chance.below(nodes.len())].clone();
        self.world.cluster.delete_node(&node).await?;
        self.pause().await;
        let created = self.world.cluster.create_node(&kubernetes_node(&node, GATEWAY)).await?;
        eventually("the object to be the new Node's", SOON, async || {
            let config = self.world.config(&node.as_str()).await?;
            let owners = config.metadata.owner_references.unwrap_or_default();
            let owner = owners.first().map(|owner| owner.uid.clone());
            ensure!(owner == created.metadata.uid, "it is that of {owner:?}");
            Ok(())
        })
        .await
    }
}
