//! A directory of finished things. Whatever is in it under its final name is complete.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Where built things live: `$MULTINIC_CACHE`, else `multinic` in the user's cache directory.
fn directory() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("MULTINIC_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|caches| caches.join("multinic")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/multinic")))
        .context("no place for the cache: set MULTINIC_CACHE or HOME")
}

/// The cached thing `name` made by the recipe `fingerprint`, built by `build` when it is not there yet.
///
/// `build` fills an empty directory that becomes visible only when it is complete; another process asking for the
/// same thing waits for it.
pub fn ensure(name: &str, fingerprint: &str, build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = directory()?;
    let finished = cache.join(format!("{name}-{fingerprint}"));
    if finished.is_dir() {
        return Ok(finished);
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot create the cache {}", cache.display()))?;
    let lock = File::create(cache.join(format!("{name}.lock")))?;
    lock.lock().with_context(|| format!("cannot lock {name} in {}", cache.display()))?;
    if finished.is_dir() {
        return Ok(finished);
    }

    // Only the holder of the lock builds, so what is left under this name is from a build that was interrupted.
    let unfinished = cache.join(format!("{name}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).with_context(|| format!("cannot remove {}", unfinished.display()))?;
    }
    fs::create_dir(&unfinished)?;
    build(&unfinished)?;
    fs::rename(&unfinished, &finished)?;
    Ok(finished)
}
