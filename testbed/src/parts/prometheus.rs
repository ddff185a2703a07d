//! A Prometheus that scrapes the operator and agents of a testbed.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::admin::get;
use super::node::Node;
use super::operator::OPERATOR_HEALTH;
use crate::sandbox::eventually::{SOON, eventually};
use crate::sandbox::process::Process;
use crate::sandbox::testbed::Testbed;
use crate::setup;

const ADDRESS: &str = "192.0.2.1:9090";

/// A server that runs until it is dropped.
pub struct Prometheus {
    process: Process,
}

impl Testbed {
    /// Has Prometheus scrape the operator and the agents of `nodes` every second, with the labels that the chart's
    /// monitors give, and evaluate `rules` as often. [`setup::prometheus::ensure`] comes before the testbed.
    pub async fn prometheus(&self, nodes: &[&Node<'_>], rules: &str) -> Result<Prometheus> {
        Prometheus::start(self, nodes, rules).await.context("cannot start Prometheus")
    }
}

impl Prometheus {
    async fn start(bed: &Testbed, nodes: &[&Node<'_>], rules: &str) -> Result<Self> {
        let directory = bed.part("prometheus")?;
        fs::write(directory.join("rules.yaml"), rules)?;
        let configuration = directory.join("prometheus.yaml");
        // JSON is YAML.
        fs::write(&configuration, configured(nodes).to_string())?;
        let mut command = Command::new(setup::prometheus::ensure()?.join("prometheus"));
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
            .arg(format!("--web.listen-address={ADDRESS}"));
        let mut prometheus = Self { process: bed.start("prometheus", command)? };
        prometheus.process.says("Server is ready to receive web requests").await?;
        Ok(prometheus)
    }

    /// What the API answers, such as to `query`, of which nothing may be amiss.
    pub async fn ask(&self, what: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let answer = get(ADDRESS, &format!("/api/v1/{what}?{encoded}")).await?;
        ensure!(answer.status == 200, "{what} {parameters:?}: {}: {}", answer.status, answer.body);
        let mut body: Value = serde_json::from_str(&answer.body)?;
        let complaints = ["warnings", "infos"].map(|kind| body[kind].take());
        ensure!(complaints.iter().all(Value::is_null), "{what} {parameters:?}: {complaints:?}");
        Ok(body["data"].take())
    }

    /// The labels of the series that `expression` finds now.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let mut answer = self.ask("query", &[("query", expression)]).await?;
        let Value::Array(series) = answer["result"].take() else {
            bail!("{expression} is no vector: {answer}");
        };
        Ok(series.into_iter().map(|mut one| one["metric"].take()).collect())
    }

    /// The alerts that fire, or are about to.
    pub async fn alerts(&self) -> Result<Vec<Value>> {
        let mut answer = self.ask("alerts", &[]).await?;
        let Value::Array(alerts) = answer["alerts"].take() else { bail!("no alerts: {answer}") };
        Ok(alerts)
    }

    /// Waits until `expression` finds something, and returns the labels of that.
    pub async fn finds(&self, expression: &str) -> Result<Vec<Value>> {
        eventually(&format!("data for {expression}"), SOON, async || {
            let series = self.query(expression).await?;
            ensure!(!series.is_empty(), "there is none");
            Ok(series)
        })
        .await
    }
}

fn configured(nodes: &[&Node<'_>]) -> Value {
    let agents: Vec<_> = nodes
        .iter()
        .map(|node| json!({ "targets": [format!("{}:8080", node.address())], "labels": { "node": node.name() } }))
        .collect();
    let job = |name: &str, targets: Value| json!({ "job_name": name, "honor_labels": true, "static_configs": targets });
    json!({
        "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            job("multinic-operator", json!([{ "targets": [OPERATOR_HEALTH] }])),
            job("multinic-agent", agents.into()),
        ],
    })
}
