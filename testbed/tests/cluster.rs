//! A cluster that runs pods: whatever the stories about a deployed product take for granted.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use multinic_testbed::{Cluster, GATEWAY, Needs, Node, SOON, Schema, Suite, Testbed, eventually, get};

const IMAGE: &str = "localhost/busybox:1";
const RECIPE: &str = "FROM scratch\nCOPY busybox /bin/busybox\nENTRYPOINT [\"/bin/busybox\"]\n";
/// One pod on every node that takes any, each saying its node's name, and an address for all of them.
const WORKLOAD: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      dnsPolicy: Default
      terminationGracePeriodSeconds: 0
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}
      containers:
      - name: web
        image: localhost/busybox:1
        args: [sh, -c, 'echo "$NODE is here"; echo "$NODE" > /node; exec httpd -f -p 8080 -h /']
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        readinessProbe: {httpGet: {path: /node, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.80, selector: {app: web}, ports: [{port: 8080}]}
"#;

/// A pod on every node but those that are reserved.
const EVERYWHERE: &str = r#"
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: everywhere}
spec:
  selector: {matchLabels: {app: everywhere}}
  template:
    metadata: {labels: {app: everywhere}}
    spec:
      dnsPolicy: Default
      containers: [{name: pause, image: localhost/pause:1}]
"#;

fn main() -> ExitCode {
    Suite::default()
        .tell("pods_run_answer_and_return_after_a_reboot", Needs::Cluster, pods)
        .tell("machines_come_and_go", Needs::Cluster, machines)
        .tell("people_log_in_by_key_and_by_password", Needs::Cluster, people)
        .run()
}

async fn pods(bed: &Testbed) -> Result<()> {
    let cluster = bed.cluster().await?;
    let _database = bed.database(Schema::Seed).await?;
    let (one, two) = futures::try_join!(cluster.node("worker-1"), cluster.node("worker-2"))?;
    let image = busybox(&cluster)?;
    one.load_image(&image)?;
    two.load_image(&image)?;
    cluster.command("kubectl").args(["apply", "-f", "-"]).input(WORKLOAD).run()?;
    cluster.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"])?;

    let pod = pod_on(&cluster, &one)?;
    assert_eq!(cluster.kubectl(&["logs", &pod])?, "worker-1 is here\n");
    assert_eq!(cluster.kubectl(&["exec", &pod, "--", "/bin/busybox", "cat", "/node"])?, "worker-1\n");
    let proxied = format!("/api/v1/namespaces/default/pods/{pod}:8080/proxy/node");
    assert_eq!(cluster.kubectl(&["get", "--raw", &proxied])?, "worker-1\n");
    let database = GATEWAY.to_string();
    let greeting =
        cluster.kubectl(&["exec", &pod, "--", "/bin/busybox", "nc", "-w", "3", &database, "3306"])?;
    ensure!(greeting.contains("MariaDB"), "no database answers a pod: {greeting:?}");
    port_forward(&cluster, &pod).await?;
    service(&cluster, &pod, "worker-2").await?;
    service(&cluster, &pod_on(&cluster, &two)?, "worker-1").await?;

    one.reboot().await?;
    cluster.ready(&one).await?;
    eventually("the pod to be back", SOON, async || {
        let proxied = format!("/api/v1/namespaces/default/pods/{pod}:8080/proxy/node");
        ensure!(cluster.kubectl(&["get", "--raw", &proxied])? == "worker-1\n", "it says something else");
        Ok(())
    })
    .await
}

/// An image that is built where there is no registry.
fn busybox(cluster: &Cluster<'_>) -> Result<PathBuf> {
    let (directory, archive) = (cluster.home().join("busybox"), cluster.home().join("busybox.tar"));
    std::fs::create_dir(&directory)?;
    let program = cluster.command("sh").args(["-c", "command -v busybox"]).run()?;
    std::fs::copy(program.trim(), directory.join("busybox"))?;
    std::fs::write(directory.join("Containerfile"), RECIPE)?;
    let target = format!("docker-archive:{}:{IMAGE}", archive.display());
    cluster.command("buildah").args(["build", "--tag", &target, "."]).current_dir(&directory).run()?;
    Ok(archive)
}

fn pod_on(cluster: &Cluster<'_>, node: &Node<'_>) -> Result<String> {
    let on_it = format!("spec.nodeName={}", node.name());
    let path = "jsonpath={.items[0].metadata.name}";
    cluster.kubectl(&["get", "pods", "--selector=app=web", "--field-selector", &on_it, "--output", path])
}

async fn port_forward(cluster: &Cluster<'_>, pod: &str) -> Result<()> {
    let mut forward =
        cluster.command("kubectl").args(["port-forward", pod, "9090:8080"]).start("port-forward")?;
    let answer =
        eventually("the forwarded port to answer", SOON, async || get("127.0.0.1:9090", "/node").await)
            .await?;
    assert_eq!(answer.body, "worker-1\n");
    forward.kill()
}

/// Asks the Service from a pod until the pod on the other node answers.
async fn service(cluster: &Cluster<'_>, pod: &str, other: &str) -> Result<()> {
    eventually(&format!("{other} to answer for the Service"), SOON, async || {
        let ask = ["exec", pod, "--", "/bin/busybox", "wget", "-q", "-O", "-", "http://10.96.0.80:8080/node"];
        let answer = cluster.kubectl(&ask)?;
        ensure!(answer.trim() == other, "{answer} did");
        Ok(())
    })
    .await
}

async fn machines(bed: &Testbed) -> Result<()> {
    let cluster = bed.cluster().await?;
    let (_reserved, worker) =
        futures::try_join!(cluster.control_plane_node("master-1"), cluster.node("worker-1"))?;
    cluster.command("kubectl").args(["apply", "-f", "-"]).input(EVERYWHERE).run()?;
    cluster.kubectl(&["rollout", "status", "daemonset/everywhere", "--timeout=60s"])?;
    assert_eq!(nodes_with_pods(&cluster)?, "worker-1");

    worker.power_off().await?;
    eventually("the node to be missed", SOON, async || {
        let status = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}"#;
        let ready = cluster.kubectl(&["get", "node", "worker-1", "--output", status])?;
        ensure!(ready == "Unknown", "Ready is {ready}");
        Ok(())
    })
    .await?;
    worker.power_on().await?;
    cluster.ready(&worker).await?;

    let first = (worker.address(), worker.exec(&["cat", "/etc/machine-id"])?);
    worker.destroy().await?;
    cluster.control_plane.delete_node("worker-1").await?;
    let worker = cluster.node("worker-1").await?;
    let second = (worker.address(), worker.exec(&["cat", "/etc/machine-id"])?);
    ensure!(first.0 != second.0 && first.1 != second.1, "{first:?} is still there: {second:?}");
    cluster.kubectl(&["rollout", "status", "daemonset/everywhere", "--timeout=60s"])?;
    assert_eq!(nodes_with_pods(&cluster)?, "worker-1");
    Ok(())
}

fn nodes_with_pods(cluster: &Cluster<'_>) -> Result<String> {
    cluster.kubectl(&[
        "get",
        "pods",
        "--selector=app=everywhere",
        "--output=jsonpath={.items[*].spec.nodeName}",
    ])
}

async fn people(bed: &Testbed) -> Result<()> {
    let cluster = bed.cluster().await?;
    let node = cluster.node("worker-1").await?;
    let key = cluster.home().join(".ssh/id_ed25519");
    cluster.command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).run()?;
    node.authorize_ssh_key("root", &std::fs::read_to_string(key.with_extension("pub"))?)?;
    node.set_password("cloud", "not a secret")?;
    let address = node.address().to_string();

    let unknown = cluster.command("ssh").args(["-o", "BatchMode=yes", &address, "hostname"]).output()?;
    ensure!(unknown.stderr.contains("Host key verification failed"), "not refused: {unknown:?}");
    let host_key = cluster.command("ssh-keyscan").args(["-t", "ed25519", &address]).run()?;
    std::fs::write(cluster.home().join(".ssh/known_hosts"), host_key)?;
    assert_eq!(cluster.command("ssh").args([&address, "hostname"]).run()?, "worker-1\n");
    let by_password = cluster
        .command("sshpass")
        .args(["-e", "ssh", "-o", "PubkeyAuthentication=no", &format!("cloud@{address}")])
        .args(["sudo", "-n", "ctr", "--namespace", "k8s.io", "images", "list", "--quiet"])
        .env("SSHPASS", "not a secret")
        .run()?;
    ensure!(by_password.contains("localhost/pause:1"), "{by_password}");
    Ok(())
}
