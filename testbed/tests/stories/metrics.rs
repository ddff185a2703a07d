//! What the chart ships of alerts and dashboard, asked of a real Prometheus that scrapes real parts.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use multinic_crds::InterfaceState;
use multinic_testbed::{
    Kind, More, Needs, OpenstackConfig, Port, Prometheus, SOON, Schema, Suite, Testbed, World, eventually,
    kubernetes_node, setup,
};
use serde_json::Value;

pub(crate) const ALERTS: &str = include_str!("../../../charts/multinic/files/alerts.yaml");
const DASHBOARD: &str = include_str!("../../../charts/multinic/files/dashboard.json");
const THERE: &str = "fa:16:3e:00:00:01";
const MISSING: &str = "fa:16:3e:00:00:02";
const ELSEWHERE: &str = "fa:16:3e:00:00:03";
const PROMETHEUS: More = More { obstacle: || None, ensure: || setup::prometheus::ensure().map(drop) };

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell(
        "prometheus_answers_every_query_of_alerts_and_dashboard_and_an_alert_names_its_node",
        Needs::More(PROMETHEUS),
        monitored,
    )
}

/// A cluster with something of everything that alerts and dashboard show: one NIC is right, one is missing, a row cannot
/// be used, and a second node has no agent.
async fn monitored(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Full).await?;
    let prometheus = bed.prometheus(&[&node], &at_once(ALERTS)).await?;
    node.plug(THERE)?;
    node.join(&world.cluster).await?;
    world.cluster.create_node(&kubernetes_node("worker-2", "192.0.2.99".parse()?)).await?;
    let rows = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(THERE, "worker-1").address("10.20.0.1"))
        .with(Port::new(MISSING, "worker-1").address("10.20.0.2"))
        .with(Port::new(ELSEWHERE, "worker-2").address("10.20.0.3"));
    let bad = OpenstackConfig::new("bad", "10.30.0.0/24")
        .with(Port { id: "bad-mtu".to_owned(), ..Port::new("fa:16:3e:00:00:04", "worker-1").mtu(70_000) });
    for object in [&rows, &bad] {
        world.database.producer().sync(object).await?;
    }
    world.configured(&node, THERE).await?;
    world.settled(&node, MISSING, InterfaceState::DeviceMissing).await?;

    every_panel_has_data(&prometheus).await?;
    every_alert_is_asked_of_something_that_is_there(&prometheus).await?;
    alerts_name_what_is_wrong(&world, &prometheus).await
}

async fn every_panel_has_data(prometheus: &Prometheus) -> Result<()> {
    let dashboard: Value = serde_json::from_str(DASHBOARD)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries: Vec<_> = targets.filter_map(|target| target["expr"].as_str()).collect();
    ensure!(queries.len() > 20, "only {} queries are found", queries.len());
    for query in queries {
        // As Grafana fills them in, where all nodes are chosen.
        let query = query.replace("$__rate_interval", "1m").replace("$node", ".*");
        ensure!(!query.contains('$'), "a variable of the dashboard is not known here: {query}");
        prometheus.finds(&query).await?;
    }
    let nodes = prometheus.ask("label/node/values", &[("match[]", "multinic_agent_build_info")]).await?;
    ensure!(nodes == serde_json::json!(["worker-1"]), "the dashboard offers {nodes}");
    Ok(())
}

async fn every_alert_is_asked_of_something_that_is_there(prometheus: &Prometheus) -> Result<()> {
    let rules = eventually("all rules to be evaluated", SOON, async || {
        let answer = prometheus.ask("rules", &[]).await?;
        let rules = answer["groups"][0]["rules"].as_array().context("no rules")?.clone();
        ensure!(!rules.iter().any(|rule| rule["health"] == "unknown"), "not all are");
        Ok(rules)
    })
    .await?;
    ensure!(rules.len() == ALERTS.matches("- alert: ").count(), "only {} rules are known", rules.len());
    for rule in rules {
        ensure!(rule["health"] == "ok" && rule["lastError"].is_null(), "{rule}");
        let expression = rule["query"].as_str().context("no query")?;
        prometheus.query(expression).await?;
        for metric in metrics(expression) {
            prometheus.finds(metric).await?;
        }
    }
    Ok(())
}

async fn alerts_name_what_is_wrong(world: &World<'_>, prometheus: &Prometheus) -> Result<()> {
    let standing = [
        "MultinicInterfacesNotConfigured on worker-1: Node worker-1 has NICs that are DeviceMissing: 1",
        "MultinicNodeUnreported on worker-2: No agent has taken up what node worker-2 should have",
        "MultinicRowsRejected: Rows of the table of NICs cannot be used (InvalidMtu): 1",
    ];
    fire(prometheus, &standing).await?;
    world.database.stop().await?;
    let unread = "MultinicTableNotRead: The multinic operator cannot read the table of NICs";
    fire(prometheus, &[&standing[..], &[unread]].concat()).await?;
    world.database.resume().await?;
    fire(prometheus, &standing).await
}

/// Waits until these alerts fire, and no others.
async fn fire(prometheus: &Prometheus, expected: &[&str]) -> Result<()> {
    eventually(&format!("{expected:?} to fire"), SOON, async || {
        let firing: BTreeSet<_> = prometheus.alerts().await?.iter().map(shown).collect();
        let expected = expected.iter().map(ToString::to_string).collect();
        ensure!(firing == expected, "these do: {firing:#?}");
        Ok(())
    })
    .await
}

fn shown(alert: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let on = alert["labels"].get("node").map(|node| format!(" on {}", text(node))).unwrap_or_default();
    format!("{}{on}: {}", text(&alert["labels"]["alertname"]), text(&alert["annotations"]["summary"]))
}

/// The rules, but that each fires as soon as it holds: no story can wait for as long as a person would. How long each
/// waits is tested with the chart, by promtool.
pub(crate) fn at_once(rules: &str) -> String {
    let line = |line: &str| match line.split_once("for: ") {
        Some((indentation, _)) if indentation.trim().is_empty() => format!("{indentation}for: 0s\n"),
        _ => format!("{line}\n"),
    };
    rules.lines().map(line).collect()
}

/// The metrics that `expression` is about.
fn metrics(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("multinic_") || *word == "up")
}
