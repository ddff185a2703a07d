//! The files of the whole tree.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// The pages.
pub(crate) const PAGES: &str = env!("CARGO_MANIFEST_DIR");
/// The whole tree.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The chart's values, whose comments are their documentation.
pub(crate) const VALUES: &str = "charts/multinic/values.yaml";
/// What the values may be.
pub(crate) const SCHEMA: &str = "charts/multinic/values.schema.json";

/// A file of the tree.
pub(crate) fn source(path: &str) -> Result<String> {
    read(&Path::new(ROOT).join(path))
}

pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}
