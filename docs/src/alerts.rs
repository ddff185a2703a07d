//! The alerts that the chart ships, as a table; and whether a person has said of each what to do.

use anyhow::Result;
use serde::Deserialize;

use crate::{source, table};

/// A rule, as far as a reader is concerned.
#[derive(Debug, Deserialize)]
struct Alert {
    #[serde(rename = "alert")]
    name: String,
    /// How long it must hold; at once where nothing is said.
    #[serde(rename = "for")]
    lasts: Option<String>,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Debug, Deserialize)]
struct Labels {
    severity: String,
}

#[derive(Debug, Deserialize)]
struct Annotations {
    summary: String,
}

#[derive(Debug, Deserialize)]
struct Group {
    rules: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

fn alerts() -> Result<Vec<Alert>> {
    let rules: Rules = serde_saphyr::from_str(&source("charts/multinic/files/alerts.yaml")?)?;
    Ok(rules.groups.into_iter().flat_map(|group| group.rules).collect())
}

/// One row for each alert.
pub(crate) fn table() -> Result<String> {
    let row = |alert: Alert| {
        let link = format!("[{}](#{})", alert.name, alert.name.to_lowercase());
        let lasts = alert.lasts.unwrap_or_else(|| "at once".to_owned());
        [link, alert.labels.severity, lasts, plain(&alert.annotations.summary)]
    };
    Ok(table::render(["alert", "severity", "after", "what it says"], alerts()?.into_iter().map(row)))
}

/// A text with placeholders for what Prometheus fills in.
fn plain(template: &str) -> String {
    let mut parts = template.split("{{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inner, rest) = part.split_once("}}").unwrap_or((part, ""));
        let label = inner.trim().strip_prefix("$labels.");
        text += &label.map_or_else(|| "N".to_owned(), str::to_uppercase);
        text += rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_prometheus_fills_in_is_a_placeholder() {
        assert_eq!(plain("{{ $value | humanize }} on {{ $labels.node }}: x"), "N on NODE: x");
    }

    #[test]
    fn every_alert_has_a_section_that_says_what_to_do_and_every_section_is_about_an_alert() {
        let page = source("docs/alerts.md").unwrap();
        let sections: Vec<_> = page.split("\n## ").skip(1).collect();
        let titles: Vec<_> = sections.iter().map(|section| section.lines().next().unwrap()).collect();
        let alerts = alerts().unwrap();
        assert_eq!(titles, alerts.iter().map(|alert| &*alert.name).collect::<Vec<_>>());
        for (section, alert) in sections.iter().zip(&alerts) {
            for part in ["- **Find the cause**: ", "- **Do**: "] {
                assert!(section.contains(part), "{} has no {part}", alert.name);
            }
        }
    }
}
