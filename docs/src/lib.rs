//! The parts of the pages that the code already says, so that no page can drift from it.
//!
//! ```text
//!  values.yaml ──▶ descriptions in values.schema.json  (docgen)
//!  values.yaml, alerts.yaml, Reason::ALL, registries, --help, manifests, schema ──▶ sections ──fill──▶ *.md, docs/*.md  (docgen)
//!  schema ──▶ a JSON schema for editors  (docgen)
//!  the sources' log calls ──▶ compared with the hand-written tables of docs/logs.md
//! ```
//!
//! A generated section lies between `<!-- generated: NAME -->` and `<!-- end -->` in a page that
//! is otherwise written by hand. The tests fail where a page is not what [`write`] would make of
//! it; `make docs` mends that. A log line needs a person to say what it means, so that table is
//! only checked.

mod alerts;
mod api;
#[cfg(test)]
mod circles;
mod cli;
mod cores;
#[cfg(test)]
mod examples;
mod logs;
mod metrics;
#[cfg(test)]
mod notices;
mod page;
#[cfg(test)]
mod proofs;
mod reasons;
#[cfg(test)]
mod references;
mod schema;
mod table;
mod tree;
mod values;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use tree::{PAGES, ROOT, SCHEMA, VALUES, read, source};

/// What editors complete and check manifests by; generated as a whole.
const EDITORS: &str = "docs/nodenetworkconfig.schema.json";

/// Writes every generated section anew, and complains about what only a person can mend. Pages
/// that are right are not touched.
pub fn write() -> Result<()> {
    let sections = sections()?;
    for (path, text) in pages()? {
        let filled = page::fill(&text, &sections).with_context(|| path.display().to_string())?;
        if filled != text {
            fs::write(&path, filled).with_context(|| format!("failed to write {}", path.display()))?;
        }
    }
    let schema = source(SCHEMA)?;
    let described = described(&schema)?;
    if described != schema {
        fs::write(Path::new(ROOT).join(SCHEMA), described)?;
    }
    fs::write(Path::new(ROOT).join(EDITORS), api::for_editors()?)
        .with_context(|| format!("failed to write {EDITORS}"))?;
    let complaints = logs::complaints(&log_page()?)?;
    ensure!(complaints.is_empty(), "mend docs/logs.md by hand:\n{}", complaints.join("\n"));
    Ok(())
}

/// The schema of the chart's values, with descriptions.
fn described(schema: &str) -> Result<String> {
    Ok(schema::describe(schema, &source(VALUES)?)?)
}

/// The page with the log lines.
fn log_page() -> Result<String> {
    source("docs/logs.md")
}

/// The generated sections, by name.
fn sections() -> Result<BTreeMap<&'static str, String>> {
    let values = values::table(&source(VALUES)?)?;
    Ok([
        ("values", values),
        ("reasons", reasons::table()),
        ("alerts", alerts::table()?),
        ("metrics operator", metrics::operator()?),
        ("metrics agent", metrics::agent()?),
        ("cli", cli::help()),
        ("core dependencies", cores::table()?),
        ("api spec", api::fields("spec")?),
        ("api status", api::fields("status")?),
        ("api columns", api::columns()?),
    ]
    .into())
}

/// Every page with its text, those at the root of the tree included.
fn pages() -> Result<Vec<(PathBuf, String)>> {
    let mut pages = Vec::new();
    for directory in [ROOT, PAGES] {
        for entry in fs::read_dir(directory).with_context(|| format!("failed to list {directory}"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = read(&path)?;
                pages.push((path, text));
            }
        }
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_what_docgen_writes() {
        let sections = sections().unwrap();
        let stale = |(_, text): &(PathBuf, String)| page::fill(text, &sections).unwrap() != *text;
        let stale: Vec<_> = pages().unwrap().into_iter().filter(stale).map(|(path, _)| path).collect();
        assert!(stale.is_empty(), "{stale:?} say something else than the code; run `make docs`");
    }

    #[test]
    fn the_schema_says_of_each_value_what_its_comment_says() {
        let schema = source(SCHEMA).unwrap();
        assert!(described(&schema).unwrap() == schema, "{SCHEMA} says something else; run `make docs`");
    }

    #[test]
    fn what_editors_read_is_what_docgen_writes() {
        let same = source(EDITORS).unwrap() == api::for_editors().unwrap();
        assert!(same, "{EDITORS} says something else than the code; run `make docs`");
    }

    #[test]
    fn every_section_is_in_exactly_one_page() {
        let pages = pages().unwrap();
        for name in sections().unwrap().into_keys() {
            let begin = format!("<!-- generated: {name} -->\n");
            let count: usize = pages.iter().map(|(_, text)| text.matches(&begin).count()).sum();
            assert_eq!(count, 1, "{name}");
        }
    }
}
