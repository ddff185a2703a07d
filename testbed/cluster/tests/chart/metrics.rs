//! What the chart makes for Prometheus and Grafana.

use std::{collections::BTreeSet, fs, process::Command};

use multinic_testbed::setup::prometheus;
use serde_json::{Value, json};

use super::{
    CHART, NEWEST,
    rendered::{Rendered, refusal},
};

/// What promtool is to say of each alert.
const TESTS: &str = include_str!("alerts.yaml");
const MONITORS: [(&str, &str, &str); 2] = [
    ("PodMonitor", "metrics.podMonitor", "podMetricsEndpoints"),
    ("ServiceMonitor", "metrics.serviceMonitor", "endpoints"),
];

#[test]
fn without_asking_for_it_nothing_is_made_for_prometheus_or_grafana() {
    let kinds = ["PodMonitor", "ServiceMonitor", "PrometheusRule", "Service", "ConfigMap"];
    let rendered = Rendered::of(NEWEST, &[]).unwrap();
    for object in &rendered.0 {
        assert!(!kinds.contains(&object["kind"].as_str().unwrap()), "{object}");
    }
}

#[test]
fn a_monitor_finds_both_kinds_of_pod_and_says_on_which_node_they_are() {
    for (kind, values, endpoints) in MONITORS {
        // An interval of Prometheus, which is no concern of how often the table may be read.
        let sets = [
            format!("{values}.enabled=true"),
            format!("{values}.interval=1h30m"),
            "agent.port=9101".to_owned(),
        ];
        let rendered = Rendered::of(NEWEST, &sets.each_ref().map(String::as_str)).unwrap();
        let spec = &rendered.get(kind, "multinic")["spec"];
        let found = &spec["selector"]["matchExpressions"][0]["values"];
        for (owner, index) in [("DaemonSet", 0), ("Deployment", 1)] {
            let name = found[index].as_str().unwrap();
            let pods = &rendered.get(owner, name)["spec"]["template"];
            let looked_at = match kind {
                "PodMonitor" => &pods["metadata"]["labels"],
                _ => &rendered.get("Service", name)["metadata"]["labels"],
            };
            assert_eq!(looked_at["app.kubernetes.io/name"], name, "{kind}");
            let instance = &spec["selector"]["matchLabels"]["app.kubernetes.io/instance"];
            assert_eq!(&looked_at["app.kubernetes.io/instance"], instance, "{kind}");
            assert_eq!(pods["spec"]["containers"][0]["ports"][0]["name"], "health");
            if let Some(service) = rendered.find("Service", name) {
                let selected = service["spec"]["selector"].as_object().unwrap();
                let has = |(key, value): (&String, &Value)| pods["metadata"]["labels"][key] == *value;
                assert!(selected.iter().all(has), "{service}");
                let port = &service["spec"]["ports"][0];
                assert_eq!((&port["name"], &port["targetPort"]), (&json!("health"), &json!("health")));
            }
        }
        let node = json!({ "sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node" });
        let expected = json!([{
            "port": "health", "path": "/metrics", "honorLabels": true, "interval": "1h30m", "relabelings": [node],
        }]);
        assert_eq!(spec[endpoints], expected, "{kind}");
        // By these the alerts know the agents.
        assert_eq!(spec["jobLabel"], "app.kubernetes.io/name", "{kind}");
    }
}

#[test]
fn a_monitor_can_be_elsewhere_than_the_pods_and_have_rules_of_ones_own() {
    for (kind, values, endpoints) in MONITORS {
        let sets = [
            "enabled=true",
            "namespace=monitoring",
            "labels.release=prometheus",
            "scrapeTimeout=5s",
            "relabelings[0].targetLabel=cluster",
            "relabelings[0].replacement=north",
            "metricRelabelings[0].action=drop",
        ];
        let sets = sets.map(|set| format!("{values}.{set}"));
        let rendered = Rendered::of(NEWEST, &sets.each_ref().map(String::as_str)).unwrap();
        let monitor = rendered.get(kind, "multinic");
        assert_eq!(monitor["metadata"]["namespace"], "monitoring");
        assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
        assert_eq!(monitor["spec"]["namespaceSelector"]["matchNames"], json!(["of-ours"]));
        let endpoint = &monitor["spec"][endpoints][0];
        assert_eq!(endpoint["scrapeTimeout"], "5s");
        assert_eq!(endpoint["relabelings"][0]["targetLabel"], "node");
        assert_eq!(endpoint["relabelings"][1], json!({ "targetLabel": "cluster", "replacement": "north" }));
        assert_eq!(endpoint["metricRelabelings"], json!([{ "action": "drop" }]));
    }
    let both = refusal(&["metrics.podMonitor.enabled=true", "metrics.serviceMonitor.enabled=true"]);
    assert!(both.contains("enable one of them"), "{both}");
}

#[test]
fn promtool_accepts_the_alerts_and_each_fires_when_it_should() {
    let rendered = Rendered::of(NEWEST, &rules(&[])).unwrap();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rules.yaml"), rule(&rendered)["spec"].to_string()).unwrap();
    fs::write(directory.path().join("alerts.yaml"), TESTS).unwrap();
    let promtool = prometheus::ensure().unwrap().join("promtool");
    for arguments in [
        &["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"][..],
        &["test", "rules", "alerts.yaml"],
    ] {
        let output = Command::new(&promtool).current_dir(directory.path()).args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(output.status.success(), "promtool {arguments:?}: {}{}", said[0], said[1]);
    }
}

#[test]
fn every_alert_is_tested_to_fire_and_not_to_fire() {
    let rendered = Rendered::of(NEWEST, &rules(&[])).unwrap();
    let shipped = rule(&rendered)["spec"]["groups"][0]["rules"].as_array().unwrap();
    let shipped: BTreeSet<_> = shipped.iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    let tests: Value = serde_saphyr::from_str(TESTS).unwrap();
    let cases = tests["tests"].as_array().unwrap().iter();
    let cases: Vec<_> = cases.flat_map(|group| group["alert_rule_test"].as_array().unwrap()).collect();
    for fires in [true, false] {
        let expected = |case: &&&Value| case["exp_alerts"].as_array().unwrap().is_empty() != fires;
        let names = cases.iter().filter(expected).map(|case| case["alertname"].as_str().unwrap());
        assert_eq!(names.collect::<BTreeSet<_>>(), shipped, "tests that it fires: {fires}");
    }
}

#[test]
fn alerts_lead_to_the_page_that_is_named_and_ones_own_stand_beside_them() {
    let more = [
        "metrics.prometheusRule.labels.release=prometheus",
        "metrics.prometheusRule.namespace=monitoring",
        "metrics.prometheusRule.additionalRules[0].alert=Ours",
        "metrics.prometheusRule.additionalRules[0].expr=multinic_rows == 0",
    ];
    let rendered = Rendered::of(NEWEST, &rules(&more)).unwrap();
    let rule = rule(&rendered);
    assert_eq!(rule["metadata"]["namespace"], "monitoring");
    assert_eq!(rule["metadata"]["labels"]["release"], "prometheus");
    for alert in rule["spec"]["groups"][0]["rules"].as_array().unwrap() {
        let section = alert["alert"].as_str().unwrap().to_lowercase();
        assert_eq!(alert["annotations"]["runbook_url"], format!("https://docs.example/alerts.md#{section}"));
    }
    let own = json!({ "name": "multinic-additional", "rules": [{ "alert": "Ours", "expr": "multinic_rows == 0" }] });
    assert_eq!(rule["spec"]["groups"][1], own);
}

#[test]
fn the_dashboard_is_a_config_map_that_grafana_finds_and_asks_the_chosen_prometheus() {
    let sets =
        ["metrics.grafanaDashboard.enabled=true", "metrics.grafanaDashboard.annotations.folder=network"];
    let rendered = Rendered::of(NEWEST, &sets).unwrap();
    let map = rendered.get("ConfigMap", "multinic-dashboard");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(map["metadata"]["annotations"], json!({ "folder": "network" }));
    let shipped = fs::read_to_string(format!("{CHART}/files/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(map["data"]["multinic.json"].as_str().unwrap()).unwrap();
    assert_eq!(dashboard, serde_json::from_str::<Value>(&shipped).unwrap());

    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "an id is there twice");
    let sources: Vec<_> =
        panels.iter().filter(|panel| panel["type"] != "row").map(|panel| &panel["datasource"]).collect();
    let chosen = json!({ "type": "prometheus", "uid": "${datasource}" });
    assert!(sources.iter().all(|source| **source == chosen), "{sources:?}");
    assert_eq!(dashboard["templating"]["list"][0]["name"], "datasource");
}

fn rules<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let enabled = [
        "metrics.prometheusRule.enabled=true",
        "metrics.prometheusRule.runbooks=https://docs.example/alerts.md",
    ];
    [&enabled, more].concat()
}

fn rule(rendered: &Rendered) -> &Value {
    rendered.get("PrometheusRule", "multinic")
}
