//! `scripts/deploy.sh` for real: two nodes with an sshd each, and no registry.

use anyhow::{Result, ensure};
use multinic_testbed::{Finished, GATEWAY, HostCommand, NAMESPACE, Testbed};

use crate::images::REPOSITORY;
use crate::scene::Scene;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/deploy.sh");
/// A directory in which `helm` is Helm 4, and how a script is run that finds it first.
const HELM_4_FIRST: &str = r#"mkdir helm-4 && ln -s "$(command -v helm4)" helm-4/helm"#;
const WITH_HELM_4: &str = r#"PATH=$HOME/helm-4:$PATH exec "$0""#;
const NOBODY: &str = "192.0.2.99";
const USER: &str = "cloud";
/// With all that a shell could stumble over.
const PASSWORD: &str = r#"it's "$HOME" \ `id` #1"#;

pub(crate) async fn tell(bed: &Testbed) -> Result<()> {
    let scene = Scene::set("deploy", bed).await?;
    let password = std::fs::read_to_string(scene.database.password_file())?;
    failures(&scene, &password)?;

    scene.steps.step("keys and known hosts, as a person prepares them")?;
    let home = scene.cluster.home();
    let key = home.join(".ssh/id_ed25519");
    scene.cluster.command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).run()?;
    let public = std::fs::read_to_string(key.with_extension("pub"))?;
    let addresses: Vec<_> = scene.nodes.iter().map(|node| node.address().to_string()).collect();
    let known = scene.cluster.command("ssh-keyscan").args(&addresses).run()?;
    std::fs::write(home.join(".ssh/known_hosts"), known)?;
    for node in &scene.nodes {
        node.authorize_ssh_key("root", public.trim())?;
        node.set_password(USER, PASSWORD)?;
    }

    scene.steps.step("a node that nobody reaches, a wrong password: each is named")?;
    let nodes = format!("{} {NOBODY}", addresses[0]);
    failed(script(&scene, &password).env("NODES", nodes).output()?, "step 8", NOBODY)?;
    let by_password = |password_of_user: &str| {
        script(&scene, &password).env("SSH_USER", USER).env("SSH_PASSWORD", password_of_user).output()
    };
    failed(by_password("a guess")?, "step 8", "ermission denied")?;

    scene.steps.step("scripts/deploy.sh, by password, as a user who needs sudo")?;
    let deployed = by_password(PASSWORD)?;
    scene.steps.show("scripts/deploy.sh", &deployed.stdout)?;
    ensure!(deployed.code == Some(0) && deployed.stdout.contains("[14/14]"), "{deployed:?}");
    scene.write_rows().await?;
    scene.all_right().await?;
    let pods = ["get", "pods", "-l", "app.kubernetes.io/name=multinic-agent", "-o", "name"];
    ensure!(scene.kubectl(&pods)?.lines().count() == 2, "not two agents in {NAMESPACE}");

    scene.steps.step("scripts/deploy.sh once more, by key, as root, with Helm 4: an upgrade")?;
    let (release, chart) = ("multinic-controller", format!("{REPOSITORY}/charts/multinic"));
    scene.helm(&["upgrade", release, &chart, "--reuse-values", "--set", "operator.maxInterfaces=12"])?;
    let told = of_run(scene.cluster.command(SCRIPT).arg("--dry-run")).output()?;
    ensure!(told.code == Some(0) && !told.stdout.contains("would fail"), "{told:?}");
    scene.cluster.command("sh").args(["-ec", HELM_4_FIRST]).run()?;
    let again = of_run(scene.cluster.command("sh").args(["-c", WITH_HELM_4, SCRIPT])).output()?;
    ensure!(again.code == Some(0), "{again:?}");
    let values = scene.helm(&["get", "values", release])?;
    ensure!(values.contains("maxInterfaces: 12"), "what was set by hand is lost: {values}");
    scene.all_right().await
}

/// What can go wrong before anything is on a node, each named with its step and what to do.
fn failures(scene: &Scene<'_>, password: &str) -> Result<()> {
    scene.steps.step("a dry run tells all fourteen steps and changes nothing")?;
    let told = script(scene, password).arg("--dry-run").output()?;
    ensure!(told.code == Some(0) && told.stdout.contains("[14/14]"), "{told:?}");
    ensure!(
        scene.cluster.kubectl(&["get", "namespaces"])?.lines().all(|line| !line.contains(NAMESPACE)),
        "{told:?}"
    );

    scene.steps.step("no builder, an unknown host key, an unknown argument: each is named")?;
    failed(script(scene, password).env("BUILDER", "docker").output()?, "step 2", "docker")?;
    failed(script(scene, password).env("BUILDER", "dokcer").output()?, "step 2", "dokcer")?;
    let strange = script(scene, password).output()?;
    failed(strange, "step 8", "ost key verification failed")?;
    let unknown = script(scene, password).arg("--fast").output()?;
    ensure!(unknown.code == Some(2) && unknown.stderr.contains("--fast"), "{unknown:?}");
    Ok(())
}

fn script<'bed>(scene: &Scene<'bed>, password: &str) -> HostCommand<'bed> {
    of_run(scene.cluster.command(SCRIPT))
        .env("DB_HOST", GATEWAY.to_string())
        .env("DB_PASSWORD", password)
        .env("HELM_ARGS", "--set agent.linkKinds={physical,veth} --set agent.pollInterval=1s")
}

/// What every run is told.
fn of_run(command: HostCommand<'_>) -> HostCommand<'_> {
    command.env("BUILDER", "buildah").env("SSH_USER", "root")
}

fn failed(finished: Finished, step: &str, named: &str) -> Result<()> {
    let expected = finished.code == Some(1)
        && [step, named, "remedy: "].iter().all(|words| finished.stderr.contains(words));
    ensure!(expected, "not {step} with {named}: {finished:?}");
    Ok(())
}
