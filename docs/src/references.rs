//! What pages refer to is there: files of the tree, values of the chart, metrics.

use std::{fs, path::Path};

use crate::{
    metrics, pages, read, source,
    tree::{PAGES, VALUES},
    values,
};

/// The targets of the links in a page that lead to files, with the heading they lead to, if any.
fn links(page: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let targets = page.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let inner = targets.filter(|target| !target.contains("://"));
    inner.map(|target| target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor))))
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The values that commands in a page set.
fn set(page: &str) -> impl Iterator<Item = &str> {
    let assignments = page.split("--set ").skip(1).filter_map(|rest| Some(rest.split_once('=')?.0));
    assignments.filter(|key| key.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'))
}

/// The metrics that a page names.
fn named_metrics(page: &str) -> impl Iterator<Item = &str> {
    let words = page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("multinic_"))
}

#[test]
fn every_link_leads_somewhere() {
    for (path, text) in pages().unwrap() {
        for (file, heading) in links(&text) {
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            // What has no headings, such as a picture, need not be a text.
            let Some(wanted) = heading else {
                assert!(target.exists(), "{}: {file}", path.display());
                continue;
            };
            let target = read(&target).unwrap_or_else(|error| panic!("{}: {error:#}", path.display()));
            let mut headings = target.lines().filter(|line| line.starts_with('#')).map(anchor);
            assert!(headings.any(|heading| heading == wanted), "{}: {file}#{wanted}", path.display());
        }
    }
}

#[test]
fn every_page_is_in_the_contents_of_the_site_once() {
    let name =
        |path: &Path| fs::canonicalize(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let summary = Path::new(PAGES).join("SUMMARY.md");
    let mut listed: Vec<_> =
        links(&read(&summary).unwrap()).map(|(file, _)| name(&Path::new(PAGES).join(file))).collect();
    let mut all: Vec<_> = pages().unwrap().iter().map(|(path, _)| name(path)).collect();
    all.retain(|path| *path != name(&summary));
    listed.sort();
    all.sort();
    assert_eq!(listed, all);
}

#[test]
fn every_value_that_a_command_sets_is_one_of_the_chart() {
    let documented = values::documented(&source(VALUES).unwrap());
    for (path, text) in pages().unwrap() {
        for key in set(&text) {
            let known = documented.iter().any(|value| key == value || key.starts_with(&format!("{value}.")));
            assert!(known, "{}: --set {key}", path.display());
        }
    }
}

#[test]
fn every_metric_that_a_page_an_alert_or_the_dashboard_names_is_exported() {
    let tables = metrics::operator().unwrap() + &metrics::agent().unwrap();
    let exported: Vec<_> = named_metrics(&tables).collect();
    let queries = ["alerts.yaml", "dashboard.json"].map(|name| format!("charts/multinic/files/{name}"));
    let queries = queries.map(|path| (source(&path).unwrap(), path)).map(|(text, path)| (path.into(), text));
    for (path, text) in pages().unwrap().into_iter().chain(queries) {
        for name in named_metrics(&text) {
            assert!(exported.contains(&name), "{}: {name}", path.display());
        }
    }
}

#[test]
fn what_a_page_refers_to_is_found() {
    let page = "See [a](b.md#c), [d](https://e), [f](#g).\n\n    helm x --set a.b=1 --set c=2\n`sum(multinic_x{a=\"b\"})`";
    assert_eq!(links(page).collect::<Vec<_>>(), [("b.md", Some("c")), ("", Some("g"))]);
    assert_eq!(anchor("## States of a `NIC`"), "states-of-a-nic");
    assert_eq!(set(page).collect::<Vec<_>>(), ["a.b", "c"]);
    assert_eq!(named_metrics(page).collect::<Vec<_>>(), ["multinic_x"]);
}
