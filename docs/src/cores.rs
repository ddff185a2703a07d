//! What both core crates depend on, from their manifests: the lists that keep them from touching anything.

use anyhow::{Context, Result, ensure};

use crate::{table, tree::source};

/// The manifests of the crates that only decide.
const MANIFESTS: [&str; 2] = ["node-agent/core/Cargo.toml", "operator/core/Cargo.toml"];
const DEPENDENCIES: &str = "[dependencies]";
/// Sections that do not reach the binaries.
const TESTS: &str = "[dev-dependencies]";

/// One row for each core crate.
pub(crate) fn table() -> Result<String> {
    let row = |path: &&str| row(&source(path)?).with_context(|| (*path).to_owned());
    let rows: Vec<_> = MANIFESTS.iter().map(row).collect::<Result<_>>()?;
    Ok(table::render(["crate", "direct dependencies"], rows))
}

fn row(manifest: &str) -> Result<[String; 2]> {
    let headers = manifest.lines().filter(|line| line.starts_with('[') && line.contains("dependencies"));
    for header in headers {
        ensure!([DEPENDENCIES, TESTS].contains(&header), "dependencies in {header} are not listed");
    }
    let mut package = entries(manifest, "[package]");
    let (_, name) = package.find(|(key, _)| *key == "name").context("the package has no name")?;
    let dependencies: Vec<_> =
        entries(manifest, DEPENDENCIES).map(|(key, _)| format!("`{}`", crate_name(key))).collect();
    Ok([format!("`{}`", name.trim_matches('"')), dependencies.join(", ")])
}

/// The keys and values on the lines of one section.
fn entries<'a>(manifest: &'a str, header: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let lines = manifest.lines().skip_while(move |line| *line != header).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    // Comments, and the further lines of a value, begin with something else.
    let first = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()));
    first.filter_map(|line| line.split_once('=')).map(|(key, value)| (key.trim(), value.trim()))
}

/// The crate that a key such as `serde.workspace` is about.
fn crate_name(key: &str) -> &str {
    key.split_once('.').map_or(key, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_the_crate_and_what_it_depends_on_outside_its_tests() {
        let manifest = "[package]\nname = \"core\"\n\n[lints]\nworkspace = true\n\n[dependencies]\nserde.workspace = true\n\
            # Without = its client.\nkube = { version = \"5.0\", features = [\n    \"derive\",\n] }\n\n\
            [dev-dependencies]\nproptest.workspace = true\n";
        assert_eq!(row(manifest).unwrap(), ["`core`", "`serde`, `kube`"]);
    }

    #[test]
    fn dependencies_in_a_section_that_is_not_read_are_an_error() {
        let error = row("[package]\nname = \"core\"\n[dependencies.tokio]\nworkspace = true\n").unwrap_err();
        assert_eq!(error.to_string(), "dependencies in [dependencies.tokio] are not listed");
    }
}
