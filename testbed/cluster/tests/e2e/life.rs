//! What happens to an installation in the course of its life. The NICs must not notice any of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use multinic_crds::NodeNetworkConfig;
use multinic_testbed::{Harm, Monitor, NAMESPACE, Node, OpenstackConfig, Port, SOON, Testbed, eventually};
use multinic_testbed_cluster::Runtime;
use serde_json::{Value, json};

use crate::images::{Images, NEXT_COMMIT, REPOSITORY};
use crate::replies;
use crate::scene::{NICS, PATIENCE, PODS, RELEASE, Scene};

pub(crate) async fn tell(bed: &Testbed) -> Result<()> {
    let mut scene = Scene::installed("life", bed).await?;
    replies::tell(&scene).await?;
    upgrade_and_rollback(&scene).await?;
    two_agents_on_one_node(&scene).await?;
    drain(&scene).await?;
    reboot(&scene).await?;
    replacement(&mut scene).await
}

/// A45: not one event about a NIC, and conditions keep their times.
async fn upgrade_and_rollback(scene: &Scene<'_>) -> Result<()> {
    scene.load(Images::next()?)?;
    let watched = Watched::begin(scene).await?;
    let before = conditions(scene).await?;

    scene.steps.step("helm upgrade to another version, whose definition of NodeNetworkConfig differs")?;
    let chart = next_chart(scene)?;
    let chart = chart.to_string_lossy();
    let tag = format!("image.tag={}", Images::next()?.tag);
    scene.helm(&[
        "upgrade",
        RELEASE,
        &chart,
        "--reset-then-reuse-values",
        "--set",
        &tag,
        "--wait",
        PATIENCE,
    ])?;
    let rolled_out = ["rollout", "status", "daemonset/multinic-agent", PATIENCE];
    scene.kubectl(&rolled_out)?;
    for node in ["worker-1", "worker-2"] {
        scene.agent_version(node, NEXT_COMMIT).await?;
    }
    ensure!(definition(scene)?.contains(NEXT_SUMMARY), "the definition was not upgraded");
    scene.all_right().await?;
    let report = scene.helm(&["test", RELEASE, "--logs"])?;
    ensure!(report.contains("Phase:          Succeeded"), "{report}");

    scene.steps.step("helm rollback")?;
    scene.helm(&["rollback", RELEASE, "--wait", PATIENCE])?;
    scene.kubectl(&rolled_out)?;
    for node in ["worker-1", "worker-2"] {
        eventually(&format!("the old agent on {node}"), SOON, async || {
            let version = scene.config(node).await?.status.unwrap_or_default().agent_version;
            ensure!(!version.contains(NEXT_COMMIT), "it is {version}");
            Ok(())
        })
        .await?;
    }
    ensure!(!definition(scene)?.contains(NEXT_SUMMARY), "the definition was not rolled back");
    scene.all_right().await?;
    assert_eq!(conditions(scene).await?, before);
    watched.end().await
}

const NEXT_SUMMARY: &str = "What the next version says of it.";

/// The chart as a later version might be: with another definition.
fn next_chart(scene: &Scene<'_>) -> Result<PathBuf> {
    let copy = scene.cluster.home().join("next-chart");
    let copied =
        Command::new("cp").arg("-r").arg(format!("{REPOSITORY}/charts/multinic")).arg(&copy).status()?;
    ensure!(copied.success(), "cannot copy the chart");
    change(&copy.join("Chart.yaml"), "version: 0.1.0", "version: 0.1.1")?;
    change(
        &copy.join("files/nodenetworkconfigs.yaml"),
        "Number of configured NICs / number of wanted NICs. Example: `9/10`.",
        NEXT_SUMMARY,
    )?;
    Ok(copy)
}

fn change(file: &Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(file)?;
    ensure!(text.contains(from), "{} has no {from:?}", file.display());
    Ok(fs::write(file, text.replace(from, to))?)
}

fn definition(scene: &Scene<'_>) -> Result<String> {
    scene.cluster.kubectl(&["get", "crd", "nodenetworkconfigs.multinic.io", "-o", "yaml"])
}

/// All conditions of all objects, but for the words that a version could change.
async fn conditions(scene: &Scene<'_>) -> Result<Vec<(String, Vec<Condition>)>> {
    let mut all = Vec::new();
    for node in ["worker-1", "worker-2"] {
        all.push((node.to_owned(), scene.config(node).await?.status.context("no status")?.conditions));
    }
    Ok(all)
}

/// What must stay undisturbed on both nodes.
struct Watched<'scene> {
    monitors: Vec<(&'scene Node<'scene>, Monitor<'scene>)>,
}

impl<'scene> Watched<'scene> {
    async fn begin(scene: &'scene Scene<'_>) -> Result<Self> {
        let mut monitors = Vec::new();
        for node in &scene.nodes {
            monitors.push((node, node.monitor().await?));
        }
        Ok(Self { monitors })
    }

    async fn end(self) -> Result<()> {
        for (node, monitor) in self.monitors {
            for (_, mac, _) in NICS.iter().filter(|(name, ..)| *name == node.name()) {
                let name = node.link(mac)?.name;
                let events = monitor.about(&name).await?;
                ensure!(events.is_empty(), "{name} on {} was disturbed: {events:?}", node.name());
            }
            assert_eq!(monitor.finish().await?, Harm::default());
        }
        Ok(())
    }
}

/// A46: only the holder of the host's lock acts.
async fn two_agents_on_one_node(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("a second agent on a node that has one: it waits until the first has ended")?;
    let first = scene.agent_pod("worker-1").await?;
    let pod: Value = serde_json::from_str(&scene.kubectl(&["get", "pod", &first, "-o", "json"])?)?;
    scene
        .cluster
        .command("kubectl")
        .args(["apply", "-f", "-"])
        .input(second_agent(pod)?.to_string())
        .run()?;
    eventually("the second agent to wait", PODS, async || {
        let log = scene.kubectl(&["logs", "second-agent"])?;
        ensure!(log.contains("another agent acts on this node"), "it says {log}");
        Ok(())
    })
    .await?;
    scene.write_rows().await?;
    scene.all_right().await?;
    let ready = ["get", "pod", "second-agent", "-o", "jsonpath={.status.containerStatuses[0].ready}"];
    ensure!(scene.kubectl(&ready)? == "false", "the second agent calls itself ready");

    scene.kubectl(&[
        "patch",
        "daemonset",
        "multinic-agent",
        "-p",
        &json!({"spec": {"template": {"spec":
        {"nodeSelector": {"nowhere": "true"}}}}})
        .to_string(),
    ])?;
    eventually("the second agent to take over", PODS, async || {
        ensure!(scene.kubectl(&ready)? == "true", "it is not ready");
        Ok(())
    })
    .await?;
    scene.kubectl(&["delete", "pod", "second-agent"])?;
    scene.kubectl(&[
        "patch",
        "daemonset",
        "multinic-agent",
        "--type=json",
        "-p",
        r#"[{"op": "remove", "path": "/spec/template/spec/nodeSelector"}]"#,
    ])?;
    scene.agent_pod("worker-1").await?;
    scene.all_right().await
}

/// The same pod under another name, on another port.
fn second_agent(mut pod: Value) -> Result<Value> {
    let container = &mut pod["spec"]["containers"][0];
    container["ports"][0] = json!({"name": "health", "containerPort": 8081, "hostPort": 8081});
    let variables = container["env"].as_array_mut().context("no environment")?;
    let listen = variables.iter_mut().find(|variable| variable["name"] == "LISTEN").context("no LISTEN")?;
    listen["value"] = json!("[::]:8081");
    pod["metadata"] = json!({"name": "second-agent", "namespace": NAMESPACE});
    pod["status"] = Value::Null;
    Ok(pod)
}

async fn drain(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("the operator's node drained: it moves to the other, and no NIC notices")?;
    let watched = Watched::begin(scene).await?;
    let taint = ["taint", "node", "worker-2", "node-role.kubernetes.io/control-plane-"];
    scene.cluster.kubectl(&taint)?;
    scene.cluster.kubectl(&[
        "drain",
        "worker-1",
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        PATIENCE,
    ])?;
    scene.pod("multinic-operator", "spec.nodeName=worker-2").await?;
    scene.write_rows().await?;
    scene.all_right().await?;
    scene.cluster.kubectl(&["uncordon", "worker-1"])?;
    watched.end().await
}

async fn reboot(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("a node rebooted")?;
    scene.nodes[0].reboot().await?;
    scene.cluster.ready(&scene.nodes[0]).await?;
    let boot = scene.nodes[0].exec(&["cat", "/proc/sys/kernel/random/boot_id"])?;
    eventually("the agent to be started again", PODS, async || {
        let said = scene.config("worker-1").await?.status.unwrap_or_default().boot_id;
        ensure!(said == boot.trim(), "it speaks of boot {said}");
        Ok(())
    })
    .await?;
    scene.agent_pod("worker-1").await?;
    scene.all_right().await
}

/// A44, and a new machine under the old name.
async fn replacement(scene: &mut Scene<'_>) -> Result<()> {
    scene.steps.step("a node that dies and is deleted: its object goes, whatever its agent does")?;
    scene.nodes[0].power_off().await?;
    scene.cluster.kubectl(&["delete", "node", "worker-1"])?;
    let configs = Api::<NodeNetworkConfig>::all(scene.cluster.client());
    eventually("the object of worker-1 to go", PODS, async || {
        let left = configs.get_opt("worker-1").await?;
        ensure!(left.is_none(), "it is still there: {:?}", left.map(|config| config.metadata));
        Ok(())
    })
    .await?;

    scene.steps.step("another machine under its name, with another NIC")?;
    scene.nodes.remove(0).destroy().await?;
    let fresh = scene.cluster.node("worker-1", Runtime::Packaged).await?;
    Images::current()?.load(&fresh)?;
    fresh.plug(REPLACED.0)?;
    scene.nodes.push(fresh);
    let [_, _, (node, mac, address)] = NICS;
    let storage = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(REPLACED.0, "worker-1").address(REPLACED.1).mtu(1450))
        .with(Port::new(mac, node).address(address).mtu(1450));
    scene.database.producer().sync(&storage).await?;
    scene.right("worker-1", REPLACED.0, REPLACED.1).await?;
    scene.right(node, mac, address).await?;
    eventually("the old machine's NICs to be forgotten", SOON, async || {
        let wanted = scene.config("worker-1").await?.spec.interfaces;
        ensure!(wanted.len() == 1, "{wanted:?}");
        Ok(())
    })
    .await
}

/// The NIC of the machine that replaces another.
const REPLACED: (&str, &str) = ("fa:16:3e:00:01:09", "10.20.0.19");
