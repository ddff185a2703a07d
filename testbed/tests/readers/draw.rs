//! Files that a seed decides.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
pub(crate) use multinic_testbed::Draw;

/// Files below a root, by their paths there.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// What is said where input `number` shows something wrong.
pub(crate) fn evidence(draw: &Draw, number: usize, files: &Files) -> String {
    let text = |(path, bytes): &(String, Vec<u8>)| format!("--- {path}\n{}", bytes.escape_ascii());
    let files: Vec<_> = files.iter().map(text).collect();
    format!("input {number} of MULTINIC_SOAK_SEED={}:\n{}", draw.seed, files.join("\n"))
}

/// Writes `files` below `root`.
pub(crate) fn write(root: &Path, files: &Files) -> Result<()> {
    for (path, bytes) in files {
        let path = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().context("no directory")?)?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// Removes `files`, and the directories of drop-ins that they were in.
pub(crate) fn remove(root: &Path, files: &Files) -> Result<()> {
    for (path, _) in files {
        let path = root.join(path.trim_start_matches('/'));
        if path.exists() {
            fs::remove_file(&path)?;
        }
        let directory = path.parent().context("no directory")?;
        if directory.extension().is_some_and(|extension| extension == "d") {
            // Not empty where others are in there.
            let _ = fs::remove_dir(directory);
        }
    }
    Ok(())
}
