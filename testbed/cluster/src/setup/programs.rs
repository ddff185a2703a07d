//! What runs on the nodes of a cluster with pods, and what talks to such a cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use multinic_testbed::setup::go::{Module, go};
use multinic_testbed::setup::progress::Progress;
use multinic_testbed::setup::recipe::fingerprint;
use multinic_testbed::setup::{cache, control_plane};

/// From the same sources as the control plane.
const NODE: Module = control_plane::module(&[
    "k8s.io/kubernetes/cmd/kubelet",
    "k8s.io/kubernetes/cmd/kube-proxy",
    "k8s.io/kubernetes/cmd/kube-scheduler",
]);
/// A module of its own: its libraries are newer than the control plane's.
const HELM: Module = Module {
    go_mod: include_str!("../../helm/go.mod"),
    go_sum: include_str!("../../helm/go.sum"),
    // Where it renders without a server, it does so for a server such as ours.
    linker_flags: "-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0 \
        -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=34 \
        -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=34",
    tags: &[],
    commands: &["helm.sh/helm/v3/cmd/helm"],
};
/// People have either.
const HELM4: Module = Module {
    go_mod: include_str!("../../helm4/go.mod"),
    go_sum: include_str!("../../helm4/go.sum"),
    linker_flags: "-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1",
    tags: &[],
    commands: &["helm.sh/helm/v4/cmd/helm"],
};
/// Newer than any distribution's.
const CONTAINERD: Module = Module {
    go_mod: include_str!("../../containerd/go.mod"),
    go_sum: include_str!("../../containerd/go.sum"),
    linker_flags: "-s -w -X github.com/containerd/containerd/v2/version.Version=2.4.2",
    tags: &[],
    commands: &[
        "github.com/containerd/containerd/v2/cmd/containerd",
        "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
    ],
};
/// Where a company keeps its images.
const REGISTRY: Module = Module {
    go_mod: include_str!("../../registry/go.mod"),
    go_sum: include_str!("../../registry/go.sum"),
    linker_flags: "-s -w",
    tags: &[],
    commands: &["github.com/distribution/distribution/v3/cmd/registry"],
};
const PAUSE: &str = include_str!("../../node/pause.go");
const PAUSE_RECIPE: &str = "FROM scratch\nCOPY pause /pause\nENTRYPOINT [\"/pause\"]\n";
/// The name that the image in the archive `pause.tar` has.
pub(crate) const PAUSE_IMAGE: &str = "localhost/pause:1";

/// The directory of all these commands, the other Helm as `helm4`, and `pause.tar`; built first where it is not in the
/// cache yet.
pub(crate) fn ensure() -> Result<PathBuf> {
    let recipe = fingerprint(&[
        &NODE.fingerprint(),
        &HELM.fingerprint(),
        &HELM4.fingerprint(),
        &CONTAINERD.fingerprint(),
        &REGISTRY.fingerprint(),
        PAUSE,
        PAUSE_RECIPE,
        PAUSE_IMAGE,
    ]);
    cache::ensure("cluster", &recipe, |directory| {
        NODE.build("cluster", directory)?;
        HELM4.build("helm 4", directory)?;
        fs::rename(directory.join("helm"), directory.join("helm4"))?;
        HELM.build("helm 3", directory)?;
        CONTAINERD.build("containerd", directory)?;
        REGISTRY.build("image registry", directory)?;
        pause(directory)
    })
}

/// An image of one file, since none can be fetched where there is no registry.
fn pause(directory: &Path) -> Result<()> {
    let mut progress = Progress::start("pause image");
    let work = tempfile::tempdir()?;
    fs::write(work.path().join("pause.go"), PAUSE)?;
    progress.run(
        go(work.path()).args(["build", "-trimpath", "-ldflags", "-s -w", "-o", "pause", "pause.go"]),
        |_| None,
    )?;
    fs::write(work.path().join("Containerfile"), PAUSE_RECIPE)?;
    let archive = directory.join("pause.tar");
    progress.run(
        Command::new("buildah")
            .current_dir(work.path())
            .args(["--root", "storage", "--runroot", "state", "--storage-driver", "vfs"])
            .args(["build", "--isolation", "chroot", "--tag"])
            .arg(format!("docker-archive:{}:{PAUSE_IMAGE}", archive.display()))
            .arg("."),
        |_| None,
    )?;
    progress.finish();
    Ok(())
}
