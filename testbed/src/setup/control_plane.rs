//! The control plane's binaries: somebody's envtest assets, or built from pinned Go modules.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::cache;
use super::go::Module;

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
const MODULE: Module = module(COMMANDS);

/// Commands of Kubernetes, from the sources that the control plane is built from.
#[must_use]
pub const fn module(commands: &'static [&'static str]) -> Module {
    Module { go_mod: GO_MOD, go_sum: GO_SUM, linker_flags: LINKER_FLAGS, tags: &[], commands }
}

/// The directory that has the binaries, built first where nobody provides them.
pub(super) fn ensure() -> Result<PathBuf> {
    if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) {
        return provided(PathBuf::from(assets));
    }
    cache::ensure("control-plane", &MODULE.fingerprint(), build)
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
    MODULE.build("control plane", directory).context(
        "a directory with etcd, kube-apiserver, kube-controller-manager and kubectl in KUBEBUILDER_ASSETS would do \
         as well",
    )?;
    // Go calls etcd after the last element of its package path.
    fs::rename(directory.join("server"), directory.join("etcd"))?;
    Ok(())
}
