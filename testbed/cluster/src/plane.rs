//! What a control plane needs on top before pods can run: one that knows its nodes, and the rest of its controllers.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use multinic_testbed::{Authority, ControlPlane, Process, Testbed};

use crate::setup::ClusterAssets;

/// Options of an API server that knows nodes by their certificates, and is known to them by its own.
pub(crate) fn api_server_options(directory: &Path, authority: &Authority) -> Result<Vec<OsString>> {
    let write = |name: &str, text: &str| -> Result<PathBuf> {
        let path = directory.join(name);
        fs::write(&path, text)?;
        Ok(path)
    };
    let myself = authority.issue("kube-apiserver", Some("system:masters"))?;
    let mut options: Vec<OsString> = [
        // Aggregated servers and webhooks are called at their pods' addresses: there is no kube-proxy here.
        "--enable-aggregator-routing=true",
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
    ]
    .map(OsString::from)
    .into();
    for (option, file) in [
        ("--client-ca-file", write("ca.crt", &authority.certificate())?),
        ("--kubelet-client-certificate", write("kubelet-client.crt", &myself.certificate)?),
        ("--kubelet-client-key", write("kubelet-client.key", &myself.key)?),
    ] {
        options.extend([option.into(), file.into()]);
    }
    Ok(options)
}

/// All controllers that need no cloud and no signing key, quick to notice a node that is gone.
pub(crate) fn controller_manager(bed: &Testbed, control_plane: &ControlPlane<'_>) -> Result<Process> {
    let program = bed.assets().control_plane.join("kube-controller-manager");
    ensure!(program.is_file(), "a cluster needs {}: unset KUBEBUILDER_ASSETS", program.display());
    let mut command = Command::new(program);
    command
        .arg("--kubeconfig")
        .arg(control_plane.kubeconfig_path())
        .arg("--service-account-private-key-file")
        .arg(control_plane.service_account_key())
        .arg("--root-ca-file")
        .arg(control_plane.certificate())
        .args(["--node-monitor-period", "1s", "--node-monitor-grace-period", "10s"])
        .arg("--leader-elect=false");
    bed.start("kube-controller-manager", command)
}

pub(crate) fn scheduler(
    bed: &Testbed,
    assets: &ClusterAssets,
    control_plane: &ControlPlane<'_>,
) -> Result<Process> {
    let mut command = Command::new(assets.binaries.join("kube-scheduler"));
    command.arg("--kubeconfig").arg(control_plane.kubeconfig_path()).arg("--leader-elect=false");
    bed.start("kube-scheduler", command)
}
