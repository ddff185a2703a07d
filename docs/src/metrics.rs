//! What `/metrics` shows, from the registries that the binaries themselves fill.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use multinic_agent::report::{ChangeLabels, ReadyLabels};
use multinic_crds::NodeNetworkConfigStatus;
use prometheus_client::{encoding::text::encode, registry::Registry};

use crate::table;

/// The metrics of the operator.
pub(crate) fn operator() -> Result<String> {
    let mut registry = Registry::default();
    let metrics = multinic_operator::report::metrics::Metrics::register(&mut registry);
    // All other labels have their values from the beginning.
    metrics.set_unreported(["a-node".into()]);
    render(&registry)
}

/// The metrics of the agent.
pub(crate) fn agent() -> Result<String> {
    let mut registry = Registry::default();
    let metrics = multinic_agent::report::Metrics::register(&mut registry);
    // Labels only show in a family that has values.
    metrics.observe(&NodeNetworkConfigStatus::default());
    drop(metrics.ready.get_or_create(&ReadyLabels { reason: "Configured" }));
    drop(metrics.changes.get_or_create(&ChangeLabels { result: "success" }));
    render(&registry)
}

fn render(registry: &Registry) -> Result<String> {
    let mut text = String::new();
    encode(&mut text, registry)?;
    Ok(tabulate(&text))
}

#[derive(Default)]
struct Family<'a> {
    kind: &'a str,
    help: &'a str,
    labels: BTreeSet<&'a str>,
}

/// A table of the families in an exposition.
fn tabulate(text: &str) -> String {
    let mut families: BTreeMap<&str, Family> = BTreeMap::new();
    let mut current = "";
    for line in text.lines() {
        let words: Vec<_> = line.splitn(4, ' ').collect();
        match words.as_slice() {
            ["#", "HELP", name, help] => {
                current = name;
                families.entry(current).or_default().help = help;
            }
            ["#", "TYPE", name, kind] => families.entry(name).or_default().kind = kind,
            ["#", ..] => {}
            // The samples of a family follow its head.
            _ => families.entry(current).or_default().labels.extend(labels(line)),
        }
    }
    let row = |(name, family): (&str, Family)| {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        [exported(name, family.kind), family.kind.to_owned(), labels.join(", "), family.help.to_owned()]
    };
    table::render(["metric", "type", "labels", "what it says"], families.into_iter().map(row))
}

/// The names of the labels of a sample, except for the bounds of buckets.
fn labels(sample: &str) -> impl Iterator<Item = &str> {
    let inner =
        sample.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(inner, _)| inner);
    inner
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, _)| name)
        .filter(|name| *name != "le")
}

/// The names of the samples, which are what a query asks for.
fn exported(name: &str, kind: &str) -> String {
    match kind {
        "counter" => format!("`{name}_total`"),
        "info" => format!("`{name}_info`"),
        "histogram" => format!("`{name}_bucket`, `_sum`, `_count`"),
        _ => format!("`{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_named_as_their_samples_are() {
        let text = "# HELP x_y Of y.\n# TYPE x_y counter\nx_y_total{kind=\"a\",by=\"b\"} 1\n\
            # HELP t_seconds Time.\n# TYPE t_seconds histogram\n# UNIT t_seconds seconds\n\
            t_seconds_sum 0.0\nt_seconds_bucket{le=\"+Inf\"} 0\n# EOF\n";
        assert_eq!(
            tabulate(text),
            "| metric | type | labels | what it says |\n| --- | --- | --- | --- |\n\
             | `t_seconds_bucket`, `_sum`, `_count` | histogram |  | Time. |\n\
             | `x_y_total` | counter | `by`, `kind` | Of y. |\n"
        );
    }
}
