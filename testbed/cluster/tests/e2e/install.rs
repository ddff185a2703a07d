//! From nothing to right NICs, with the commands that users know; and what an agent's token is worth.

use anyhow::{Context, Result, ensure};
use http::Request;
use kube::Client;
use multinic_testbed::{Harm, NAMESPACE, Node, SOON, Testbed, eventually, get};
use multinic_testbed_cluster::Registry;
use serde_json::{Value, json};

use crate::encryption;
use crate::images::REPOSITORY;
use crate::people;
use crate::scene::{NICS, PODS, RELEASE, Scene};
use crate::steps::show;

pub(crate) async fn tell(bed: &Testbed) -> Result<()> {
    let scene = Scene::set("install", bed).await?;
    let registry = scene.cluster.registry().await?;
    mount_below_what_is_read_only(&scene)?;
    installation(&scene).await?;
    such_a_mount_is_read_only_too_where_the_runtime_can(&scene)?;
    commands_of_the_go_agent(&scene).await?;
    a_check_says_what_works(&scene).await?;
    people::tell(&scene).await?;
    encryption::the_server_is_who_it_says(&scene).await?;
    a_token_is_good_for_one_node(&scene).await?;
    objects_pods_and_processes_come_back_unseen(&scene, registry).await
}

async fn installation(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("make images PUSH=1, to a registry")?;
    let name = format!("IMAGE_NAME={}/multinic-agent", Registry::address());
    let make = scene.cluster.command("make").args(["-C", REPOSITORY, "images", "PUSH=1", &name]);
    let built = make.env("BUILDER", "buildah").run()?;
    ensure!(built.matches("pushed").count() == 2, "{built}");

    scene.steps.step("helm install, with the README's values")?;
    let repository = format!("image.repository={}/multinic-agent", Registry::address());
    let notes = scene.install(&["--set", &repository])?;
    show("helm install multinic charts/multinic …", &notes)?;
    for command in
        ["kubectl get nodenetworkconfigs", "test multinic --logs", "logs deployment/multinic-operator"]
    {
        ensure!(notes.contains(command), "the notes do not tell `{command}`");
    }
    ensure!(!notes.contains("WARNING"), "the admission policy is not enforced");

    scene.steps.step("rows for three NICs on both nodes, which must be right in object, kernel and row")?;
    scene.write_rows().await?;
    scene.all_right().await?;
    let objects = scene.cluster.kubectl(&["get", "nodenetworkconfigs"])?;
    show("kubectl get nodenetworkconfigs", &objects)?;
    ensure!(objects.contains("2/2") && objects.contains("1/1"), "{objects}");
    Ok(())
}

/// What is mounted on a node below a directory that agents only read.
const BELOW: &str = "/usr/local/share/below";

fn mount_below_what_is_read_only(scene: &Scene<'_>) -> Result<()> {
    for node in &scene.nodes {
        node.exec(&["sh", "-ec", &format!("mkdir {BELOW} && mount -t tmpfs none {BELOW}")])?;
    }
    Ok(())
}

fn such_a_mount_is_read_only_too_where_the_runtime_can(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("a mount below what agents only read: read-only as well with containerd 2")?;
    for (node, options) in scene.nodes.iter().zip(["rw,", "ro,"]) {
        let mounts = node.exec(&["sh", "-ec", "cat /proc/$(pidof multinic-agent)/mountinfo"])?;
        let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let below: Vec<_> = fields.filter(|fields| fields[4] == format!("/host{BELOW}")).collect();
        let [mount] = below.as_slice() else { anyhow::bail!("{}: {below:?}", node.name()) };
        ensure!(mount[5].starts_with(options), "{}: {mount:?}", node.name());
    }
    Ok(())
}

/// What the seed's README has users type, with the namespace that its deploy script uses.
async fn commands_of_the_go_agent(scene: &Scene<'_>) -> Result<()> {
    const LABEL: &str = "app.kubernetes.io/name=multinic-agent";
    scene.steps.step("the commands of the Go agent's README")?;
    let pod = scene.agent_pod("worker-1").await?;
    let distribution =
        "jsonpath={range .items[*]}{.spec.nodeName}{'\\t'}{.metadata.name}{'\\t'}{.status.phase}{'\\n'}{end}";
    let commands: [(&[&str], &str); 8] = [
        (&["get", "daemonset", "-l", LABEL], "multinic-agent"),
        (&["get", "pods", "-l", LABEL, "-o", "wide"], "worker-2"),
        (&["get", "pods", "-l", LABEL, "-o", distribution], "Running"),
        (&["logs", "daemonset/multinic-agent"], "\"message\":\"starting\""),
        (&["logs", &pod, "--tail=50"], "\"level\":\"INFO\""),
        (&["logs", "-l", LABEL], "\"level\":\"INFO\""),
        (&["describe", "daemonset", "multinic-agent"], "Number of Nodes Scheduled with Available Pods: 2"),
        (&["describe", "pod", &pod], "/host/etc/netplan from etc-netplan (rw)"),
    ];
    for (command, expected) in commands {
        let printed = scene.kubectl(command)?;
        show(&format!("kubectl {}", command.join(" ")), &first_lines(&printed))?;
        ensure!(printed.contains(expected), "no {expected:?} in {printed}");
    }
    every_line_says_something(&scene.kubectl(&["logs", &pod])?)?;

    let command = scene.cluster.command("kubectl");
    let forwarding =
        command.args(["--namespace", NAMESPACE, "port-forward", &pod, "8080:8080"]).start("port-forward")?;
    let health = eventually("the forwarded port", SOON, async || get("127.0.0.1:8080", "/").await).await?;
    drop(forwarding);
    show("curl http://localhost:8080/", &health.body)?;
    let health: Value = serde_json::from_str(&health.body)?;
    ensure!(health["status"] == "healthy" && health["deleted_interfaces"] == 0, "{health}");
    for field in ["uptime", "processed_vms", "failed_configs"] {
        ensure!(!health[field].is_null(), "{field} is not in {health}");
    }
    Ok(())
}

fn every_line_says_something(log: &str) -> Result<()> {
    for line in log.lines() {
        let parsed: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        ensure!(parsed["message"].as_str().is_some_and(|message| !message.is_empty()), "{line}");
    }
    Ok(())
}

fn first_lines(text: &str) -> String {
    let mut lines: Vec<_> = text.lines().take(4).collect();
    if text.lines().count() > lines.len() {
        lines.push("…");
    }
    lines.join("\n")
}

async fn a_check_says_what_works(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("helm test")?;
    let report = scene.helm(&["test", RELEASE, "--logs"])?;
    show("helm test multinic --logs", &report)?;
    ensure!(report.contains("Phase:          Succeeded") && !report.contains("FAILED"), "{report}");

    scene.steps.step("helm test while the database is away: it fails, and says why")?;
    scene.database.stop().await?;
    let failed =
        scene.cluster.command("helm").args(["--namespace", NAMESPACE, "test", RELEASE, "--logs"]).output()?;
    scene.database.resume().await?;
    let report = format!("{}{}", failed.stdout, failed.stderr);
    ensure!(failed.code == Some(1) && report.contains("FAILED database"), "{failed:?}");
    let why = report.lines().find(|line| line.contains("FAILED")).unwrap_or_default();
    show("helm test multinic", why)?;
    scene.all_right().await
}

/// A36, A37, with the very token of an agent's pod.
async fn a_token_is_good_for_one_node(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("what the token of worker-1's agent may do")?;
    let thief = with_token_of(scene, "worker-1").await?;
    let status = |node: &str| {
        let path = format!("/apis/multinic.io/v1alpha1/nodenetworkconfigs/{node}/status?dryRun=All");
        ("PATCH", path, json!({"status": {"summary": "0/0"}}))
    };
    ensure!(ask(&thief, status("worker-1")).await? == 200, "its own node's status");
    eventually("the admission policy to be enforced", SOON, async || {
        let answer = ask(&thief, status("worker-2")).await?;
        ensure!(answer == 403, "another node's status is answered with {answer}");
        Ok(())
    })
    .await?;

    let ours = "/apis/multinic.io/v1alpha1/nodenetworkconfigs";
    let secret = format!("/api/v1/namespaces/{NAMESPACE}/secrets/multinic-database");
    let object = json!({"apiVersion": "multinic.io/v1alpha1", "kind": "NodeNetworkConfig",
        "metadata": {"name": "worker-9"}, "spec": {}});
    for (verb, path, body) in [
        ("PATCH", format!("{ours}/worker-1?dryRun=All"), json!({"spec": {"mode": "Paused"}})),
        ("POST", format!("{ours}?dryRun=All"), object),
        ("DELETE", format!("{ours}/worker-1?dryRun=All"), Value::Null),
        (
            "PATCH",
            "/api/v1/nodes/worker-1?dryRun=All".to_owned(),
            json!({"metadata": {"labels": {"a": "b"}}}),
        ),
        ("GET", "/api/v1/nodes/worker-1".to_owned(), Value::Null),
        ("GET", "/api/v1/pods".to_owned(), Value::Null),
        ("GET", secret, Value::Null),
        ("GET", format!("/api/v1/namespaces/{NAMESPACE}/configmaps"), Value::Null),
        ("GET", "/apis/coordination.k8s.io/v1/leases".to_owned(), Value::Null),
    ] {
        let line = format!("{verb} {path}");
        let answer = ask(&thief, (verb, path, body)).await?;
        ensure!(answer == 403, "{line} is answered with {answer}");
    }
    Ok(())
}

/// A client with the token that the agent's pod on `node` has, read where the kubelet put it.
async fn with_token_of(scene: &Scene<'_>, node: &str) -> Result<Client> {
    let pod = scene.agent_pod(node).await?;
    let uid = scene.kubectl(&["get", "pod", &pod, "-o", "jsonpath={.metadata.uid}"])?;
    let machine = scene.nodes.iter().find(|one| one.name() == node).context("no such node")?;
    let volumes = format!("/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~projected");
    let token = machine.exec(&["sh", "-c", &format!("cat {volumes}/*/token")])?;
    let mut kubeconfig: Value = serde_json::from_slice(&std::fs::read(scene.cluster.kubeconfig_path())?)?;
    kubeconfig["users"][0]["user"] = json!({"token": token.trim()});
    let path = scene.cluster.home().join("thief.kubeconfig");
    std::fs::write(&path, kubeconfig.to_string())?;
    scene.cluster.control_plane.client_as(&path).await
}

/// The HTTP status of the answer.
async fn ask(client: &Client, (verb, path, body): (&str, String, Value)) -> Result<u16> {
    let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body)? };
    let kind = if verb == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = Request::builder().method(verb).uri(&path).header("content-type", kind).body(body)?;
    match client.request_text(request).await {
        Ok(_) => Ok(200),
        Err(kube::Error::Api(refused)) => Ok(refused.code),
        Err(error) => Err(error).with_context(|| path),
    }
}

/// A08 and A09: neither NICs nor uplink notice. A51: all of it while the registry is down.
async fn objects_pods_and_processes_come_back_unseen(
    scene: &Scene<'_>,
    mut registry: Registry,
) -> Result<()> {
    scene.steps.step("the registry goes down, for good")?;
    registry.stop().await?;

    let node = &scene.nodes[0];
    let monitor = node.monitor().await?;
    let names = multinic_names(node)?;

    scene.steps.step("an object deleted by hand")?;
    let before = scene.config("worker-1").await?;
    scene.cluster.kubectl(&["delete", "nodenetworkconfig", "worker-1"])?;
    scene.all_right().await?;
    let after = scene.config("worker-1").await?;
    ensure!(after.metadata.uid != before.metadata.uid && after.spec == before.spec, "{after:?}");

    scene.steps.step("an agent's pod deleted, and an agent's process killed")?;
    let pod = scene.agent_pod("worker-1").await?;
    scene.kubectl(&["delete", "pod", &pod])?;
    let pod = scene.agent_pod("worker-1").await?;
    node.exec(&["sh", "-c", "kill -KILL $(pidof multinic-agent)"])?;
    eventually("the kubelet to start the agent again", PODS, async || {
        let count = "jsonpath={.status.containerStatuses[0].restartCount}";
        let restarts = scene.kubectl(&["get", "pod", &pod, "-o", count])?;
        ensure!(restarts == "1", "it has started {restarts} times again");
        Ok(())
    })
    .await?;
    scene.agent_pod("worker-1").await?;

    scene.steps.step("the operator's pod deleted")?;
    let operator = scene.pod("multinic-operator", "status.phase=Running").await?;
    scene.kubectl(&["delete", "pod", &operator])?;
    scene.pod("multinic-operator", "status.phase=Running").await?;
    scene.write_rows().await?;
    scene.all_right().await?;

    for name in names {
        ensure!(
            monitor.about(&name).await?.is_empty(),
            "{name} was disturbed: {:?}",
            monitor.about(&name).await?
        );
    }
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

fn multinic_names(node: &Node<'_>) -> Result<Vec<String>> {
    let ours = NICS.iter().filter(|(name, ..)| *name == node.name());
    ours.map(|(_, mac, _)| Ok(node.link(mac)?.name)).collect()
}
