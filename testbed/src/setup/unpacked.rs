//! Packages of a release that no node runs, unpacked with what they depend on, and not installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::progress::Progress;
use super::recipe::fingerprint;
use super::{apt, cache, packages};

/// Some packages.
#[derive(Debug)]
pub struct Unpacked {
    /// The release of the distribution, by its codename.
    codename: &'static str,
    /// The package that is wanted, and how its version begins: a release that is not finished goes on.
    package: &'static str,
    version: &'static str,
    /// What it does not depend on, and is no good without.
    beside: &'static [&'static str],
}

/// netplan 1.2, which has a program of its own for what its generator did, from Debian 14.
pub static NETPLAN_1_2: Unpacked =
    Unpacked { codename: "forky", package: "netplan-generator", version: "1.2.", beside: &[] };

/// A browser with one family of fonts. Its version is whichever is secure now.
pub static CHROMIUM: Unpacked =
    Unpacked { codename: "bookworm", package: "chromium", version: "", beside: &["fonts-dejavu-core"] };

impl Unpacked {
    /// The directory, filled first where it is not in the cache yet.
    pub fn ensure(&self) -> Result<PathBuf> {
        packages::ensure(packages::TESTBED)?;
        let parts = [self.codename, std::env::consts::ARCH, self.package, self.version];
        let recipe = fingerprint(&[&parts, self.beside].concat());
        cache::ensure("unpacked", &recipe, |root| self.unpack(root))
    }

    fn unpack(&self, root: &Path) -> Result<()> {
        let mut progress = Progress::start("packages to unpack");
        let mut bootstrap = Command::new("mmdebstrap");
        bootstrap.args(["--mode=root", "--variant=extract"]);
        // A mirror may stand still. What is signed is checked all the same.
        bootstrap.arg("--aptopt=Acquire::Check-Valid-Until \"false\"");
        // That one has the links by which /lib is found.
        let packages = [&[self.package, "base-files"], self.beside].concat().join(",");
        bootstrap.arg(format!("--include={packages}")).arg(self.codename).arg(root);
        bootstrap.args(apt::sources(self.codename)?);
        progress.run(&mut bootstrap, |line| line.strip_prefix("I: ").map(str::to_owned))?;
        let version = unpacked_version(root, self.package)?;
        ensure!(
            version.starts_with(self.version),
            "{} has {} {version} by now, and not {}*",
            self.codename,
            self.package,
            self.version
        );
        progress.finish();
        Ok(())
    }
}

/// The version of `package`, by its changelog: `source (version) …`.
fn unpacked_version(root: &Path, package: &str) -> Result<String> {
    let changelog = root.join(format!("usr/share/doc/{package}/changelog.Debian.gz"));
    let read = Command::new("gzip").arg("-dc").arg(&changelog).output()?;
    ensure!(read.status.success(), "{package} was not unpacked: no {}", changelog.display());
    let text = String::from_utf8_lossy(&read.stdout);
    let version = text.lines().next().and_then(|line| line.split_once('(')?.1.split_once(')'));
    version
        .map(|(version, _)| version.to_owned())
        .with_context(|| format!("no version: {}", changelog.display()))
}
