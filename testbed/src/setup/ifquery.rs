//! ifupdown's own reader of its files, without the rest: an installed ifupdown would configure NICs at boot.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::progress::Progress;
use super::recipe::fingerprint;
use super::{apt, cache};

/// Where the reader is in its package. It is what it is called as.
const READER: &str = "sbin/ifup";

/// The program, fetched first where it is not in the cache yet.
pub(super) fn ensure() -> Result<PathBuf> {
    let codename = apt::codename()?;
    let recipe = fingerprint(&[&codename, std::env::consts::ARCH, READER]);
    Ok(cache::ensure("ifquery", &recipe, fetch)?.join("ifquery"))
}

fn fetch(directory: &Path) -> Result<()> {
    let mut progress = Progress::start("ifquery");
    let mut download = Command::new("apt-get");
    download.args(["--quiet", "--option", "APT::Sandbox::User=root", "download", "ifupdown"]);
    progress.run(download.current_dir(directory), |line| Some(line.to_owned()))?;
    let entries: Vec<_> = fs::read_dir(directory)?.collect::<Result<_, _>>()?;
    let package = entries.first().context("apt-get downloaded nothing")?.path();
    progress.run(
        Command::new("dpkg-deb").arg("--extract").arg(&package).arg(directory.join("package")),
        |_| None,
    )?;
    let reader = directory.join("package").join(READER);
    let reader = if reader.exists() { reader } else { directory.join("package/usr").join(READER) };
    fs::copy(&reader, directory.join("ifquery")).with_context(|| format!("no {}", reader.display()))?;
    progress.finish();
    Ok(())
}
