//! The two ways to uninstall, and coming back after the first.

use anyhow::{Context, Result, ensure};
use multinic_testbed::{Harm, NAMESPACE, SOON, Testbed, eventually};

use crate::scene::{NICS, PATIENCE, PODS, QUICK, RELEASE, Scene};
use crate::steps::show;

/// Where anything of ours on a node would be. What stays until the next boot is told in docs/operating.md: the lock, which
/// could be locked twice if it were taken away, and what netplan made for udev at the last boot.
const TRACES: &str =
    "ls -d /etc/netplan/*multinic* /run/systemd/network/*multinic* /var/lib/multinic/* 2> /dev/null || true";

pub(crate) async fn tell(bed: &Testbed) -> Result<()> {
    let mut scene = Scene::installed("uninstall", bed).await?;
    // Helm 4 takes over what Helm 3 installed, and does all that follows.
    scene.helm = "helm4";
    keep(&scene).await?;
    come_back(&scene).await?;
    purge(&scene).await
}

/// A43: nothing stays behind but the definition, its objects and the NICs.
async fn keep(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("helm uninstall: the NICs stay as they are")?;
    let node = &scene.nodes[0];
    let monitor = node.monitor().await?;
    let printed = scene.helm(&["uninstall", RELEASE, "--wait", PATIENCE])?;
    show("helm4 uninstall multinic", &printed)?;
    nothing_is_left(scene, &["customresourcedefinition.apiextensions.k8s.io/nodenetworkconfigs.multinic.io"])
        .await?;
    scene.cluster.kubectl(&["get", "nodenetworkconfig", "worker-1"])?;

    for (name, mac, address) in NICS {
        let node = scene.nodes.iter().find(|node| node.name() == name).context("no such node")?;
        let link = node.link(mac)?;
        ensure!(link.up && link.addresses == [format!("{address}/24")], "the kernel has {link:?}");
    }
    for name in ["multinic0", "multinic1"] {
        ensure!(monitor.about(name).await?.is_empty(), "{name} was disturbed");
    }
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

/// Objects of ours in the cluster, by `kubectl get`; only `kept` may be there, and nothing may hang.
async fn nothing_is_left(scene: &Scene<'_>, kept: &[&str]) -> Result<()> {
    const KINDS: &str = "pods,daemonsets,deployments,replicasets,secrets,serviceaccounts,roles,rolebindings,\
        poddisruptionbudgets,networkpolicies,leases,clusterroles,clusterrolebindings,customresourcedefinitions,\
        validatingadmissionpolicies,validatingadmissionpolicybindings";
    eventually("everything to be gone", SOON, async || {
        let labelled = ["get", KINDS, "-A", "-l", "app.kubernetes.io/part-of=multinic", "-o", "name"];
        let by_label = scene.cluster.kubectl(&labelled)?;
        let in_namespace = scene.kubectl(&["get", "pods,leases,secrets", "-o", "name"])?;
        let left: Vec<_> =
            by_label.lines().chain(in_namespace.lines()).filter(|name| !kept.contains(name)).collect();
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}

async fn come_back(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("helm install once more: the same objects, the same names, not one event")?;
    let node = &scene.nodes[0];
    let monitor = node.monitor().await?;
    let before = scene.config("worker-1").await?;
    scene.install(&QUICK)?;
    scene.write_rows().await?;
    scene.all_right().await?;
    let after = scene.config("worker-1").await?;
    ensure!(after.spec == before.spec && after.metadata.uid == before.metadata.uid, "{after:?}");
    for name in ["multinic0", "multinic1"] {
        ensure!(monitor.about(name).await?.is_empty(), "{name} was disturbed");
    }
    assert_eq!(monitor.finish().await?, Harm::default());
    Ok(())
}

async fn purge(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("a node rebooted, by which its NICs are in files of this boot too")?;
    scene.nodes[0].reboot().await?;
    scene.cluster.ready(&scene.nodes[0]).await?;
    scene.agent_pod("worker-1").await?;
    scene.all_right().await?;
    let generated = scene.nodes[0].exec(&["sh", "-c", TRACES])?;
    ensure!(generated.contains("/run/systemd/network/"), "netplan made nothing of {generated}");

    scene.steps.step("purge: every node gives its NICs back")?;
    let chart = format!("{}/charts/multinic", crate::images::REPOSITORY);
    let upgrade = ["upgrade", RELEASE, &chart, "--reset-then-reuse-values", "--set", "purge=true"];
    let notes = scene.helm(&upgrade)?;
    ensure!(notes.contains("kubectl delete crd nodenetworkconfigs.multinic.io"), "{notes}");
    scene.kubectl(&["rollout", "status", "daemonset/multinic-agent", PATIENCE])?;
    let proof = scene.kubectl(&["logs", "daemonset/multinic-agent", "--tail=20"])?;
    show("kubectl logs daemonset/multinic-agent", &proof)?;

    for node in &scene.nodes {
        eventually(&format!("{} to be clean", node.name()), PODS, async || {
            let links = node.links()?;
            let ours: Vec<_> = links.iter().filter(|link| link.name.starts_with("multinic")).collect();
            ensure!(ours.is_empty(), "there is still {ours:?}");
            Ok(())
        })
        .await?;
    }
    for (name, mac, _) in NICS {
        let node = scene.nodes.iter().find(|node| node.name() == name).context("no such node")?;
        let link = node.link(mac)?;
        ensure!(!link.up && link.addresses.is_empty() && link.mtu == 1500, "the kernel has {link:?}");
    }

    scene.helm(&["uninstall", RELEASE, "--wait", PATIENCE])?;
    scene.cluster.kubectl(&["delete", "crd", "nodenetworkconfigs.multinic.io", PATIENCE])?;
    scene.cluster.kubectl(&["delete", "namespace", NAMESPACE, PATIENCE])?;
    nothing_is_left(scene, &[]).await?;
    for node in &scene.nodes {
        let traces = node.exec(&["sh", "-c", TRACES])?;
        ensure!(traces.is_empty(), "{} has still {traces}", node.name());
    }
    Ok(())
}
