//! Operators that lack a verb: what the API server answers is in their log.

use anyhow::{Result, ensure};
use multinic_testbed::{OpenstackConfig, Port, SOON, eventually};

use super::{Lab, NODE};

const OPERATOR_LOG: &[&str] = &["logs", "deployment/multinic-operator"];

impl Lab<'_> {
    pub(super) async fn operator_denied(&self, verb: &str, resource: &str) -> Result<()> {
        self.scene.kubectl(&["delete", "pod", "-l", "app.kubernetes.io/name=multinic-operator"])?;
        // Something to create, and something to say.
        self.scene.cluster.kubectl(&["delete", "nodenetworkconfig", "worker-2", "--ignore-not-found"])?;
        let mistakes = mistakes();
        self.scene.database.producer().insert(&mistakes, &mistake()).await?;
        if resource == "events" {
            self.the_mistake_recurs().await?;
        }
        let words = [&format!("cannot {verb} resource"), resource];
        let seen = self.logged(OPERATOR_LOG, &words).await;
        self.scene.database.producer().delete(&mistakes).await?;
        seen
    }

    pub(super) async fn candidates_denied(&self, verb: &str, resource: &str) -> Result<()> {
        self.scene.kubectl(&["delete", "lease", "multinic-operator", "--ignore-not-found"])?;
        self.scene.kubectl(&["delete", "pod", "-l", "app.kubernetes.io/name=multinic-operator"])?;
        let words = [&format!("cannot {verb} resource"), resource];
        self.logged(OPERATOR_LOG, &words).await
    }

    /// An Event that comes again is counted in the one that is there.
    async fn the_mistake_recurs(&self) -> Result<()> {
        self.said_by_the_operator("row rejected", 1).await?;
        self.scene.database.producer().delete(&mistakes()).await?;
        self.said_by_the_operator("rejected rows were corrected", 1).await?;
        self.scene.database.producer().insert(&mistakes(), &mistake()).await?;
        self.said_by_the_operator("row rejected", 2).await
    }

    async fn said_by_the_operator(&self, words: &str, times: usize) -> Result<()> {
        eventually(&format!("the operator to say {words:?} {times} times"), SOON, async || {
            let log = self.scene.kubectl(OPERATOR_LOG)?;
            ensure!(log.lines().filter(|line| line.contains(words)).count() >= times, "{log}");
            Ok(())
        })
        .await
    }
}

fn mistakes() -> OpenstackConfig {
    OpenstackConfig::new("mistakes", "10.30.0.0/24")
}

/// A row that cannot be used.
fn mistake() -> Port {
    Port::new("fa:16:3e:zz", NODE)
}
