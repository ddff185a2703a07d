//! `scripts/deploy.sh` for real: two nodes with an sshd each, and no registry.

use anyhow::{Result, ensure};
use multinic_testbed::{GATEWAY, NAMESPACE, Node, Testbed};
use multinic_testbed_cluster::{Finished, HostCommand, Visit};

use crate::images::REPOSITORY;
use crate::scene::Scene;
use crate::steps::show;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/deploy.sh");
/// Another administrator's machine: Helm 4, busybox's tools, and an awk that the scripts do not know.
const OTHER_TOOLS: &str = r#"
mkdir other
ln -s "$(command -v helm4)" other/helm
for tool in basename cat cp cut dirname du env find grep head ln mkdir mktemp mv paste rm sed sleep sort tail tar \
    timeout touch tr uname xargs; do
    ln -s "$(command -v busybox)" "other/$tool"
done
printf '#!/bin/sh\necho "this is no awk that the scripts know" >&2\nexit 1\n' > other/awk
chmod +x other/awk
"#;
const WITH_OTHER_TOOLS: &str = r#"PATH=$HOME/other:$PATH exec "$0" "$@""#;
/// The agent that ran on nodes before multinic.
const GO_AGENT: &str = r#"{"apiVersion": "apps/v1", "kind": "DaemonSet",
    "metadata": {"name": "multinic-agent", "namespace": "default"},
    "spec": {"selector": {"matchLabels": {"app": "go"}}, "template": {"metadata": {"labels": {"app": "go"}},
        "spec": {"nodeSelector": {"runs-it": "no"}, "containers": [{"name": "agent", "image": "example/go-agent:1"}]}}}}"#;
const NOBODY: &str = "192.0.2.99";
const USER: &str = "cloud";
const RELEASE: &str = "nics";
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
    failed(&script(&scene, &password).env("NODES", nodes).output()?, "step 8", NOBODY)?;
    let by_password = |password_of_user: &str| {
        script(&scene, &password).env("SSH_USER", USER).env("SSH_PASSWORD", password_of_user).output()
    };
    failed(&by_password("a guess")?, "step 8", "ermission denied")?;

    scene.steps.step(
        "scripts/deploy.sh, by password, as a user who needs sudo, under a name of the administrator's",
    )?;
    let deployed = script(&scene, &password)
        .env("SSH_USER", USER)
        .env("SSH_PASSWORD", PASSWORD)
        .env("RELEASE_NAME", RELEASE)
        .output()?;
    show("scripts/deploy.sh", &deployed.stdout)?;
    ensure!(deployed.code == Some(0) && deployed.stdout.contains("[14/14]"), "{deployed:?}");
    scene.write_rows().await?;
    scene.all_right().await?;
    let pods = ["get", "pods", "-l", "app.kubernetes.io/name=multinic-agent", "-o", "name"];
    ensure!(scene.kubectl(&pods)?.lines().count() == 2, "not two agents in {NAMESPACE}");

    for node in &scene.nodes {
        pinned(node)?;
    }

    scene.steps.step(
        "scripts/deploy.sh once more, by key, as root, with Helm 4 and busybox: an upgrade of that release",
    )?;
    let chart = format!("{REPOSITORY}/charts/multinic");
    scene.helm(&["upgrade", RELEASE, &chart, "--reuse-values", "--set", "operator.maxInterfaces=12"])?;
    let told = of_run(scene.cluster.command(SCRIPT).arg("--dry-run")).output()?;
    ensure!(told.code == Some(0) && !told.stdout.contains("would fail"), "{told:?}");
    let again = of_run(scene.cluster.command("sh").args(["-c", WITH_OTHER_TOOLS, SCRIPT])).output()?;
    ensure!(again.code == Some(0), "{again:?}");
    let values = scene.helm(&["get", "values", RELEASE])?;
    ensure!(values.contains("maxInterfaces: 12"), "what was set by hand is lost: {values}");
    scene.all_right().await?;

    scene.steps.step("the operator checks everything from its own pod, without helm")?;
    let check = ["exec", "deployment/multinic-operator", "--", "/multinic-operator", "check"];
    let said = scene.kubectl(&check)?;
    ensure!(said.lines().all(|line| line.starts_with("ok ")) && said.contains("each of 2 answers"), "{said}");
    Ok(())
}

/// The kubelet deletes an image that no pod of the node uses, unless it is pinned.
fn pinned(node: &Node<'_>) -> Result<()> {
    let list = [
        "ctr",
        "--namespace",
        "k8s.io",
        "images",
        "list",
        "labels.\"io.cri-containerd.pinned\"==pinned",
        "--quiet",
    ];
    let pinned = node.exec(&list)?;
    show(&format!("pinned on {}", node.name()), &pinned)?;
    for part in ["agent", "operator"] {
        ensure!(pinned.contains(&format!("multinic-{part}:")), "the {part} is not pinned: {pinned}");
    }
    Ok(())
}

/// What can go wrong before anything is on a node, each named with its step and what to do.
fn failures(scene: &Scene<'_>, password: &str) -> Result<()> {
    scene.steps.step("a dry run tells all fourteen steps and changes nothing, whatever the tools")?;
    let told = script(scene, password).arg("--dry-run").output()?;
    ensure!(told.code == Some(0) && told.stdout.contains("[14/14]"), "{told:?}");
    scene.cluster.command("sh").args(["-ec", OTHER_TOOLS]).run()?;
    let other = scene.cluster.command("sh").args(["-c", WITH_OTHER_TOOLS, SCRIPT, "--dry-run"]);
    let other = with_database(of_run(other), password).output()?;
    ensure!(other.code == Some(0), "{other:?}");
    assert_eq!(of_any_run(&other.stdout), of_any_run(&told.stdout));
    ensure!(
        scene.cluster.kubectl(&["get", "namespaces"])?.lines().all(|line| !line.contains(NAMESPACE)),
        "{told:?}"
    );

    scene.steps.step("no builder, an unknown host key, an unknown argument: each is named")?;
    failed(&script(scene, password).env("BUILDER", "docker").output()?, "step 2", "docker")?;
    failed(&script(scene, password).env("BUILDER", "dokcer").output()?, "step 2", "dokcer")?;
    let strange = script(scene, password).output()?;
    failed(&strange, "step 8", "ost key verification failed")?;
    scene.cluster.command("kubectl").args(["apply", "-f", "-"]).input(GO_AGENT).run()?;
    failed(&script(scene, password).output()?, "step 1", "DaemonSet multinic-agent in default")?;
    scene.cluster.kubectl(&["delete", "daemonset", "multinic-agent"])?;
    let unknown = script(scene, password).arg("--fast").output()?;
    ensure!(unknown.code == Some(2) && unknown.stderr.contains("--fast"), "{unknown:?}");
    Ok(())
}

/// What a dry run tells, but for helm's version and the six random letters of its scratch directory.
fn of_any_run(told: &str) -> Vec<String> {
    let lines = told.lines().filter(|line| !line.contains("helm v"));
    let without_letters = |line: &str| {
        let mut parts = line.split("/tmp/multinic.");
        let before = parts.next().unwrap_or_default().to_owned();
        parts.fold(before, |line, part| line + part.get(6..).unwrap_or(part))
    };
    lines.map(without_letters).collect()
}

fn script<'bed>(scene: &Scene<'bed>, password: &str) -> HostCommand<'bed> {
    with_database(of_run(scene.cluster.command(SCRIPT)), password)
}

fn with_database<'bed>(command: HostCommand<'bed>, password: &str) -> HostCommand<'bed> {
    command
        .env("DB_HOST", GATEWAY.to_string())
        .env("DB_PASSWORD", password)
        .env("HELM_ARGS", "--set agent.linkKinds={physical,veth} --set agent.pollInterval=1s")
}

/// What every run is told.
fn of_run(command: HostCommand<'_>) -> HostCommand<'_> {
    command.env("BUILDER", "buildah").env("SSH_USER", "root")
}

fn failed(finished: &Finished, step: &str, named: &str) -> Result<()> {
    let expected = finished.code == Some(1)
        && [step, named, "remedy: "].iter().all(|words| finished.stderr.contains(words));
    ensure!(expected, "not {step} with {named}: {finished:?}");
    Ok(())
}
