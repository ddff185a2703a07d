//! A node whose NICs answer by tables of their own: its pods, its Services and its pods' way to it must not notice.

use anyhow::{Context, Result, ensure};
use multinic_testbed::{Node, SOON, eventually};

use crate::{
    images::REPOSITORY,
    scene::{NICS, PATIENCE, RELEASE, Scene},
};

/// Where the Service `kubernetes` is, in every cluster of the testbed.
const SERVICE: (&str, u16) = ("10.96.0.1", 443);
/// What the operator's pod listens on.
const HEALTH: u16 = 8080;
/// What the node listens on at all its addresses.
const PORT: u16 = 8000;
const CONNECT: &str = "timeout 5 bash -c \"exec 3<>/dev/tcp/$0/$1\"";

pub(crate) async fn tell(scene: &Scene<'_>) -> Result<()> {
    scene
        .steps
        .step("source routing for all NICs: pods, Services and the node's own ways stay as they are")?;
    let pod = scene.pod("multinic-operator", "status.phase=Running").await?;
    let of_pod = |path: &str| scene.kubectl(&["get", "pod", &pod, "-o", &format!("jsonpath={{{path}}}")]);
    let (host, address) = (of_pod(".spec.nodeName")?, of_pod(".status.podIP")?);
    let node = scene.nodes.iter().find(|node| node.name() == host).context("no such node")?;
    let (_, _, second) = NICS.iter().find(|(name, ..)| *name == host).context("it has no NIC")?;
    let _server = node.run_beside(
        "listener",
        &format!("exec systemd-socket-activate --accept --inetd --listen={PORT} echo hello"),
    )?;
    let ways = Ways { node, pod: &address, second };
    eventually("every way before", SOON, async || ways.try_all()).await?;

    let subnet = scene.config(&host).await?.spec.interfaces[0].subnet_id.clone();
    let gateway = format!("networking.subnets.{subnet}.gateway=10.20.0.254");
    upgrade(scene, &["--set", "networking.sourceRouting=true", "--set", &gateway])?;
    eventually("replies to leave by the NIC", SOON, async || {
        let way = node.exec(&["ip", "route", "get", "203.0.113.9", "from", second])?;
        ensure!(way.contains("via 10.20.0.254 dev multinic0"), "{way}");
        Ok(())
    })
    .await?;
    scene.all_right().await?;
    // The operator's pod is another one by now.
    let pod = scene.pod("multinic-operator", "status.phase=Running").await?;
    let address = scene.kubectl(&["get", "pod", &pod, "-o", "jsonpath={.status.podIP}"])?;
    let ways = Ways { node, pod: &address, second };
    eventually("every way with source routing", SOON, async || ways.try_all()).await?;

    upgrade(scene, &["--set", "networking.sourceRouting=false"])?;
    eventually("no rule to be left", SOON, async || {
        let rules = node.exec(&["ip", "rule"])?;
        ensure!(!rules.contains(second), "{rules}");
        Ok(())
    })
    .await?;
    scene.all_right().await
}

fn upgrade(scene: &Scene<'_>, settings: &[&str]) -> Result<()> {
    let chart = format!("{REPOSITORY}/charts/multinic");
    let upgrade = ["upgrade", RELEASE, &chart, "--reset-then-reuse-values", "--wait", PATIENCE];
    scene.helm(&[&upgrade, settings].concat()).map(drop)
}

/// The ways that a CNI and kube-proxy make.
struct Ways<'a> {
    node: &'a Node<'a>,
    /// The address of a pod on it.
    pod: &'a str,
    /// The address of its first NIC.
    second: &'a str,
}

impl Ways<'_> {
    fn try_all(&self) -> Result<()> {
        let (service, port) = SERVICE;
        self.pod_reaches(service, port).context("from a pod to a ClusterIP")?;
        self.pod_reaches(self.second, PORT).context("from a pod to the second address of its own node")?;
        let health = HEALTH.to_string();
        self.node.exec(&["sh", "-c", CONNECT, self.pod, &health]).context("from the node to a pod")?;
        let ping = ["ping", "-c", "1", "-W", "5", "-I", self.second, self.pod];
        self.node.exec(&ping).context("from the node's second address to a pod").map(drop)
    }

    fn pod_reaches(&self, address: &str, port: u16) -> Result<()> {
        let script = format!(
            "for ns in $(ip netns list | cut -d' ' -f1); do \
               if ip -netns $ns -brief address | grep -q ' {}/'; then exec ip netns exec $ns sh -c '{CONNECT}' {address} {port}; fi; \
             done; echo no network of the pod; exit 1",
            self.pod
        );
        self.node.exec(&["sh", "-c", &script]).map(drop)
    }
}
