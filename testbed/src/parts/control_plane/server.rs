//! The processes of the control plane, and what they are told.

use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use kube::Client;
use kube::config::Kubeconfig;
use serde_json::{Value, json};

use crate::sandbox::eventually::{SOON, eventually};
use crate::sandbox::process::Process;
use crate::sandbox::testbed::Testbed;

/// Good for everything, but only in a network that nobody outside the testbed can reach.
const ADMIN_TOKEN: &str = "administrator";
/// Files below the control plane's directory.
pub(super) const SERVICE_ACCOUNT_KEY: &str = "service-accounts.key";
pub(super) const STORE: &str = "etcd";
pub(super) const CERTIFICATE: &str = "certificates/apiserver.crt";
const ETCD: &str = "http://127.0.0.1:2379";
const PORT: u16 = 6443;

/// Writes the files that the API server is started with.
pub(super) fn configure(directory: &Path) -> Result<()> {
    fs::write(directory.join("tokens.csv"), format!("{ADMIN_TOKEN},admin,admin,system:masters\n"))?;
    let signing_key = rcgen::KeyPair::generate()?;
    fs::write(directory.join("service-accounts.pub"), signing_key.public_key_pem())?;
    fs::write(directory.join(SERVICE_ACCOUNT_KEY), signing_key.serialize_pem())?;
    fs::write(directory.join("audit-policy.yaml"), super::audit::POLICY)?;
    Ok(())
}

pub(super) fn etcd(bed: &Testbed, directory: &Path) -> Result<Process> {
    let mut command = Command::new(bed.assets().control_plane.join("etcd"));
    command
        .arg("--data-dir")
        .arg(directory.join(STORE))
        .args(["--listen-client-urls", ETCD, "--advertise-client-urls", ETCD])
        .args(["--listen-peer-urls", "http://127.0.0.1:2380"])
        // Alone, it need not give others a second to stand for election.
        .args(["--heartbeat-interval", "10", "--election-timeout", "100"])
        // Its data need not survive the machine.
        .arg("--unsafe-no-fsync")
        .args(["--log-level", "warn"]);
    bed.start("etcd", command)
}

/// `options` come on top of what every control plane needs.
pub(super) fn api_server(
    bed: &Testbed,
    directory: &Path,
    address: IpAddr,
    options: &[OsString],
) -> Result<Process> {
    let mut command = Command::new(bed.assets().control_plane.join("kube-apiserver"));
    let file = |name: &str| directory.join(name).into_os_string();
    command
        .args(["--etcd-servers", ETCD])
        .args(["--advertise-address", &address.to_string(), "--secure-port", &PORT.to_string()])
        .args(["--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction"])
        .args(["--service-account-issuer", "https://kubernetes.default.svc"]);
    for (flag, value) in [
        ("--cert-dir", file("certificates")),
        ("--token-auth-file", file("tokens.csv")),
        ("--service-account-key-file", file("service-accounts.pub")),
        ("--service-account-signing-key-file", file(SERVICE_ACCOUNT_KEY)),
        ("--audit-policy-file", file("audit-policy.yaml")),
        ("--audit-log-path", file(super::audit::LOG)),
    ] {
        command.arg(flag).arg(value);
    }
    if address.is_ipv6() {
        command.args(["--bind-address", &address.to_string(), "--service-cluster-ip-range", "fd00:96::/112"]);
    } else {
        // It listens everywhere, in the testbed itself as well.
        command.args(["--service-cluster-ip-range", "10.96.0.0/16"]);
    }
    command.args(options);
    bed.start("kube-apiserver", command)
}

pub(super) fn has_controller_manager(bed: &Testbed) -> bool {
    bed.assets().control_plane.join("kube-controller-manager").is_file()
}

/// Only the controllers that a cluster without pods needs; nothing where the binary is missing.
pub(super) fn controller_manager(bed: &Testbed, kubeconfig: &Path) -> Result<Option<Process>> {
    if !has_controller_manager(bed) {
        return Ok(None);
    }
    let mut command = Command::new(bed.assets().control_plane.join("kube-controller-manager"));
    command
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args([
            "--controllers",
            "garbage-collector-controller,namespace-controller,serviceaccount-controller",
        ])
        // Renewing a lease would be a write in an idle cluster.
        .arg("--leader-elect=false");
    bed.start("kube-controller-manager", command).map(Some)
}

/// Waits until the server has made its certificate, without which nobody can trust it.
pub(super) async fn serving(server: &mut Process, directory: &Path) -> Result<()> {
    let certificate = directory.join(CERTIFICATE);
    eventually("the API server's certificate", SOON, async || {
        server.check()?;
        ensure!(
            fs::metadata(&certificate).is_ok_and(|file| file.len() > 0),
            "{} is missing",
            certificate.display()
        );
        Ok(())
    })
    .await
}

pub(super) async fn ready(server: &mut Process, client: &Client) -> Result<()> {
    eventually("the API server to be ready", SOON, async || {
        server.check()?;
        let request = http::Request::get("/readyz").body(Vec::new())?;
        client.request_text(request).await.context("/readyz")
    })
    .await
    .map(|_| ())
}

/// The user of a kubeconfig with all rights.
pub(super) fn administrator() -> Value {
    json!({"token": ADMIN_TOKEN})
}

/// An address as URLs have it.
pub(super) fn in_url(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

/// Access to the server on this `host` for a kubeconfig's `user`, complete in one file.
pub(super) fn kubeconfig(directory: &Path, host: &str, user: &Value) -> Result<Kubeconfig> {
    let certificates = fs::read(directory.join(CERTIFICATE))?;
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {
            "server": format!("https://{host}:{PORT}"),
            "certificate-authority-data": k8s_openapi::ByteString(certificates),
        }}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "user"}}],
        "current-context": "testbed",
    });
    Ok(serde_json::from_value(kubeconfig)?)
}
