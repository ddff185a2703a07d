//! Building commands from a pinned Go module.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::packages::is_installed;
use super::progress::Progress;
use super::recipe::fingerprint;

/// Commands, and the exact sources that they are built from.
#[derive(Debug)]
pub struct Module {
    /// The text of `go.mod`.
    pub go_mod: &'static str,
    /// The text of `go.sum`.
    pub go_sum: &'static str,
    /// What the linker is told, such as versions.
    pub linker_flags: &'static str,
    /// Build tags, such as those that leave out what is never used.
    pub tags: &'static [&'static str],
    /// Packages; each becomes a binary that is named after the last element of its path.
    pub commands: &'static [&'static str],
}

impl Module {
    /// Changes with whatever the binaries are made from.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let built = [self.commands, self.tags].concat().join(" ");
        fingerprint(&[self.go_mod, self.go_sum, self.linker_flags, &built])
    }

    /// Builds all commands into `directory`.
    pub fn build(&self, step: &'static str, directory: &Path) -> Result<()> {
        ensure!(
            is_installed("go"),
            "the {step} needs Go to be built once: install Go 1.26 or newer (any 1.21 fetches it by itself)"
        );
        let module = tempfile::tempdir()?;
        fs::write(module.path().join("go.mod"), self.go_mod)?;
        fs::write(module.path().join("go.sum"), self.go_sum)?;

        let mut progress = Progress::start(step);
        let packages = self.packages(module.path(), &mut progress)?;
        let mut compiled = 0;
        progress.run(
            go(module.path())
                .args(["build", "-v", "-trimpath", "-ldflags", self.linker_flags, "-tags"])
                .arg(self.tags.join(","))
                .arg("-o")
                .arg(directory.join(""))
                .args(self.commands),
            |package| {
                compiled += 1;
                Some(format!("compiled {compiled} of at most {packages} packages, now {package}"))
            },
        )?;
        progress.finish();
        Ok(())
    }

    /// Downloads the modules and counts the packages in them that are needed.
    fn packages(&self, module: &Path, progress: &mut Progress) -> Result<usize> {
        let mut downloaded = 0;
        let list = || {
            let mut command = go(module);
            command.args(["list", "-deps", "-f", "{{.ImportPath}}", "-tags", &self.tags.join(",")]);
            command.args(self.commands);
            command
        };
        progress.run(&mut list(), |line| {
            downloaded += 1;
            Some(format!("{downloaded} modules, {line}"))
        })?;
        let listed = list().output().context("cannot run go list")?;
        ensure!(
            listed.status.success(),
            "go list failed: {}",
            String::from_utf8_lossy(&listed.stderr).trim()
        );
        Ok(String::from_utf8(listed.stdout)?.lines().count())
    }
}

/// Go without anything of this host in what it builds.
#[must_use]
pub fn go(directory: &Path) -> Command {
    let mut command = Command::new("go");
    command.current_dir(directory).env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=readonly -buildvcs=false");
    command
}
