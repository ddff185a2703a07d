//! A database that lets nobody in but by TLS.

use anyhow::{Result, ensure};
use multinic_testbed::NAMESPACE;

use crate::images::REPOSITORY;
use crate::scene::{PATIENCE, RELEASE, Scene};
use crate::steps::show;

/// What docs/operating.md tells to do about it, and what is said where the certificate is not to be trusted.
pub(crate) async fn the_server_is_who_it_says(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("the database requires TLS, and its certificate is checked")?;
    let outdated = scene.database.require_tls().await?;
    let current = scene.database.require_tls().await?;
    trust(scene, "database-ca", &current)?;
    let report = scene.helm(&["test", RELEASE, "--logs"])?;
    ensure!(report.contains("ok   database"), "{report}");
    // What was 1 must become 1 anew, by an operator that has only just connected.
    scene.write_rows().await?;
    scene.all_right().await?;

    scene.steps.step("it is signed by somebody else: nothing is read, and helm test says why")?;
    trust(scene, "outdated-ca", &outdated)?;
    let test = ["--namespace", NAMESPACE, "test", RELEASE, "--logs"];
    let failed = scene.cluster.command("helm").args(test).output()?;
    let report = format!("{}{}", failed.stdout, failed.stderr);
    let why = report.lines().find(|line| line.contains("FAILED database")).unwrap_or_default();
    show("helm test multinic", why)?;
    ensure!(failed.code == Some(1) && why.contains("certificate") && why.contains("DB_SSL_CA"), "{failed:?}");
    scene.helm(&["rollback", RELEASE, "--wait", PATIENCE])?;
    scene.all_right().await
}

/// Has the operator trust this authority, and nobody else.
fn trust(scene: &Scene<'_>, name: &str, certificate: &str) -> Result<()> {
    let file = scene.cluster.home().join("ca.crt");
    std::fs::write(&file, certificate)?;
    let from = format!("--from-file=ca.crt={}", file.display());
    scene.kubectl(&["create", "configmap", name, &from])?;
    let chart = format!("{REPOSITORY}/charts/multinic");
    let map = format!("database.tls.caConfigMap={name}");
    let mut upgrade = vec!["upgrade", RELEASE, &chart, "--reset-then-reuse-values", "--wait", PATIENCE];
    upgrade.extend(["--set", "database.tls.mode=verify-identity", "--set", &map]);
    scene.helm(&upgrade).map(drop)
}
