//! Everything that only clusters need, built or installed once like the testbed's own.

mod programs;

use std::path::PathBuf;

use anyhow::Result;
use multinic_testbed::setup::packages::{self, Tool};
use multinic_testbed::setup::{Once, node_image, once};

pub(crate) use programs::PAUSE_IMAGE;

/// What a node needs before a kubelet can run pods on it, and people can log in.
const PACKAGES_FOR_PODS: &str = "containerd,runc,containernetworking-plugins,ca-certificates,iptables,nftables,\
    ethtool,kmod,openssh-server,sudo";

/// Images are built, and taken to nodes as a person would do it.
const TOOLS: &[Tool] = &[
    Tool { command: "buildah", package: "buildah" },
    Tool { command: "ssh", package: "openssh-client" },
    Tool { command: "sshpass", package: "sshpass" },
    Tool { command: "shellcheck", package: "shellcheck" },
    // One static file is all that a pod of a story needs.
    Tool { command: "busybox", package: "busybox-static" },
];

/// What a cluster with pods needs on top of [`multinic_testbed::setup::Assets`].
#[derive(Debug, Clone)]
pub struct ClusterAssets {
    /// Directory of `kubelet`, `kube-proxy`, `kube-scheduler`, `containerd`, `helm`, `helm4`, `registry` and the archive
    /// `pause.tar`.
    pub binaries: PathBuf,
    /// Root file system of a node that can run pods.
    pub node_image: PathBuf,
}

/// Like [`multinic_testbed::setup::ensure`], for what only a cluster with pods needs. The first time takes minutes and
/// a network, which is not there inside a testbed: call it before.
pub fn ensure() -> Result<ClusterAssets> {
    static ENSURED: Once<ClusterAssets> = Once::new();
    once(&ENSURED, || {
        packages::ensure(TOOLS)?;
        Ok(ClusterAssets {
            binaries: programs::ensure()?,
            node_image: node_image::ensure_with(
                "cluster-node-image",
                "cluster node image",
                PACKAGES_FOR_PODS,
            )?,
        })
    })
}
