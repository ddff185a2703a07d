//! The control plane's binaries: somebody's envtest assets, or built from pinned Go modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::cache;
use super::packages::is_installed;
use super::progress::Progress;
use super::recipe::fingerprint;

const GO_MOD: &str = include_str!("../../control-plane/go.mod");
const GO_SUM: &str = include_str!("../../control-plane/go.sum");
/// Clients parse the server's version; without these it calls itself `v0.0.0-master`.
const LINKER_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34";
const COMMANDS: &[&str] = &[
    "go.etcd.io/etcd/server/v3",
    "k8s.io/kubernetes/cmd/kube-apiserver",
    "k8s.io/kubernetes/cmd/kube-controller-manager",
    "k8s.io/kubernetes/cmd/kubectl",
];

/// The directory that has the binaries, built first where nobody provides them.
pub(super) fn ensure() -> Result<PathBuf> {
    if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) {
        return provided(PathBuf::from(assets));
    }
    cache::ensure("control-plane", &fingerprint(&[GO_MOD, GO_SUM, LINKER_FLAGS]), build)
}

fn provided(assets: PathBuf) -> Result<PathBuf> {
    for command in ["etcd", "kube-apiserver", "kubectl"] {
        ensure!(
            assets.join(command).is_file(),
            "KUBEBUILDER_ASSETS={} has no {command}: point it at a complete envtest directory, or unset it",
            assets.display()
        );
    }
    Ok(assets)
}

fn build(directory: &Path) -> Result<()> {
    if !is_installed("go") {
        bail!(
            "the control plane needs Go to be built once: install Go 1.26 or newer (any 1.21 fetches it by itself), \
             or set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver, kube-controller-manager and kubectl"
        );
    }
    let module = tempfile::tempdir()?;
    fs::write(module.path().join("go.mod"), GO_MOD)?;
    fs::write(module.path().join("go.sum"), GO_SUM)?;

    let mut progress = Progress::start("control plane");
    let packages = packages(module.path(), &mut progress)?;
    let mut compiled = 0;
    progress.run(
        go(module.path())
            .args(["build", "-v", "-trimpath", "-ldflags", LINKER_FLAGS, "-o"])
            .arg(directory.join(""))
            .args(COMMANDS),
        |package| {
            compiled += 1;
            Some(format!("compiled {compiled} of at most {packages} packages, now {package}"))
        },
    )?;
    // Go calls etcd after the last element of its package path.
    fs::rename(directory.join("server"), directory.join("etcd"))?;
    progress.finish();
    Ok(())
}

/// Downloads the modules and counts the packages in them that are needed.
fn packages(module: &Path, progress: &mut Progress) -> Result<usize> {
    let mut downloaded = 0;
    progress.run(go(module).args(["list", "-deps", "-f", "{{.ImportPath}}"]).args(COMMANDS), |line| {
        downloaded += 1;
        Some(format!("{downloaded} modules, {line}"))
    })?;
    let listed = go(module).args(["list", "-deps"]).args(COMMANDS).output().context("cannot run go list")?;
    ensure!(listed.status.success(), "go list failed: {}", String::from_utf8_lossy(&listed.stderr).trim());
    Ok(String::from_utf8(listed.stdout)?.lines().count())
}

fn go(module: &Path) -> Command {
    let mut command = Command::new("go");
    command.current_dir(module).env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=readonly -buildvcs=false");
    command
}
