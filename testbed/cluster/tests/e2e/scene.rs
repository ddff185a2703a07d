//! A cluster with the product in it, and the questions that every story asks.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kube::Api;
use multinic_crds::{InterfaceState, NodeNetworkConfig};
use multinic_testbed::{
    Database, GATEWAY, NAMESPACE, Node, OpenstackConfig, Port, SOON, Schema, Testbed, eventually,
};
use multinic_testbed_cluster::{Cluster, Runtime};

use crate::images::{Images, REPOSITORY};
use crate::steps::Steps;

/// The name that the README gives the release.
pub(crate) const RELEASE: &str = "multinic";
/// How long helm and kubectl may wait for pods, on a machine that may be busy.
pub(crate) const PATIENCE: &str = "--timeout=120s";
/// So that a story need not wait for half a minute at every turn.
pub(crate) const QUICK: [&str; 2] = ["--set", "agent.pollInterval=1s"];
/// As long as what involves pods may take.
pub(crate) const PODS: Duration = Duration::from_mins(2);

/// The NICs that OpenStack has attached: node, MAC, address.
pub(crate) const NICS: [(&str, &str, &str); 3] = [
    ("worker-1", "fa:16:3e:00:01:01", "10.20.0.11"),
    ("worker-1", "fa:16:3e:00:01:02", "10.20.0.12"),
    ("worker-2", "fa:16:3e:00:02:01", "10.20.0.21"),
];

/// Two nodes and a database; the product when a story has installed it.
pub(crate) struct Scene<'bed> {
    pub(crate) steps: Steps,
    pub(crate) cluster: Cluster<'bed>,
    pub(crate) database: Database<'bed>,
    pub(crate) nodes: Vec<Node<'bed>>,
    /// The program that [`Self::helm`] runs: `helm`, which is Helm 3, or `helm4`.
    pub(crate) helm: &'static str,
}

impl<'bed> Scene<'bed> {
    /// A cluster without the product. The second node is one that the control plane runs on, and has containerd 2.
    pub(crate) async fn set(story: &'static str, bed: &'bed Testbed) -> Result<Self> {
        let steps = Steps::of(story);
        steps.step("a control plane, a MariaDB and two nodes, one of them tainted as a control plane's")?;
        let database = bed.database(Schema::ProducerWithAddressing).await?;
        let cluster = Cluster::start(bed).await?;
        let nodes = vec![
            cluster.node("worker-1", Runtime::Packaged).await?,
            cluster.control_plane_node("worker-2", Runtime::Containerd2).await?,
        ];
        for (name, mac, _) in NICS {
            nodes.iter().find(|node| node.name() == name).context("no such node")?.plug(mac)?;
        }
        Ok(Self { steps, cluster, database, nodes, helm: "helm" })
    }

    /// The same with images loaded, the chart installed, rows written and NICs right.
    pub(crate) async fn installed(story: &'static str, bed: &'bed Testbed) -> Result<Self> {
        let scene = Self::set(story, bed).await?;
        scene.load(Images::current()?)?;
        scene.steps.step("helm install, and rows for three NICs")?;
        scene.install(&QUICK)?;
        scene.write_rows().await?;
        scene.all_right().await?;
        Ok(scene)
    }

    pub(crate) fn load(&self, images: &Images) -> Result<()> {
        self.steps.step(&format!("images {} built and loaded on the nodes", images.tag))?;
        self.nodes.iter().try_for_each(|node| images.load(node))
    }

    /// The README's installation. That a node's NICs are veths is the testbed's, so it must say so.
    pub(crate) fn install(&self, more: &[&str]) -> Result<String> {
        let password = std::fs::read_to_string(self.database.password_file())?;
        let settings = [
            format!("database.host={GATEWAY}"),
            format!("database.password={password}"),
            "agent.linkKinds={physical,veth}".to_owned(),
        ];
        let chart = format!("{REPOSITORY}/charts/multinic");
        let mut arguments = vec!["install", RELEASE, &chart, "--create-namespace", "--wait", PATIENCE];
        for setting in &settings {
            arguments.extend(["--set", setting]);
        }
        arguments.extend(more);
        self.helm(&arguments)
    }

    /// helm, in the release's namespace.
    pub(crate) fn helm(&self, arguments: &[&str]) -> Result<String> {
        self.cluster.command(self.helm).args(["--namespace", NAMESPACE]).args(arguments).run()
    }

    /// kubectl, in the release's namespace.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.cluster.kubectl(&[&["--namespace", NAMESPACE], arguments].concat())
    }

    pub(crate) async fn write_rows(&self) -> Result<()> {
        let mut storage = OpenstackConfig::new("storage", "10.20.0.0/24");
        for (node, mac, address) in NICS {
            storage = storage.with(Port::new(mac, node).address(address).mtu(1450));
        }
        self.database.producer().sync(&storage).await
    }

    /// Waits until all three NICs are right for every party.
    pub(crate) async fn all_right(&self) -> Result<()> {
        for (node, mac, address) in NICS {
            self.right(node, mac, address).await?;
        }
        Ok(())
    }

    /// Waits until a NIC is right in the object, in the kernel and in its row.
    pub(crate) async fn right(&self, node: &str, mac: &str, address: &str) -> Result<()> {
        eventually(&format!("{mac} on {node} to be right"), PODS, async || {
            let config = self.config(node).await?;
            let status = config.status.context("no status")?;
            ensure!(
                status.observed_generation == config.metadata.generation,
                "the status is of an older generation"
            );
            let nic =
                status.interfaces.iter().find(|nic| nic.mac_address == mac).context("not in the status")?;
            ensure!(nic.state == InterfaceState::Configured, "the agent says {nic:?}");

            let node = self.nodes.iter().find(|one| one.name() == node).context("no such node")?;
            let link = node.link(mac)?;
            ensure!(link.name == nic.name && link.up && link.mtu == 1450, "the kernel has {link:?}");
            ensure!(link.addresses == [format!("{address}/24")], "the kernel has {link:?}");
            let success = self.database.producer().success(mac).await?;
            ensure!(success == Some(true), "netplan_success is {success:?}");
            Ok(())
        })
        .await
    }

    /// The node's object as it is now.
    pub(crate) async fn config(&self, node: &str) -> Result<NodeNetworkConfig> {
        let configs = Api::<NodeNetworkConfig>::all(self.cluster.client());
        configs.get(node).await.with_context(|| format!("no object for {node}"))
    }

    /// The name of the agent's pod on a node, once there is exactly one and it is ready.
    pub(crate) async fn agent_pod(&self, node: &str) -> Result<String> {
        self.pod("multinic-agent", &format!("spec.nodeName={node}")).await
    }

    /// The name of the only pod with this `app.kubernetes.io/name` in a selection, once it is ready.
    pub(crate) async fn pod(&self, name: &str, selection: &str) -> Result<String> {
        let label = format!("app.kubernetes.io/name={name}");
        let format =
            "jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].ready}{'\\n'}{end}";
        eventually(&format!("one ready pod {name} with {selection}"), PODS, async || {
            let pods =
                self.kubectl(&["get", "pods", "-l", &label, "--field-selector", selection, "-o", format])?;
            let pods: Vec<_> = pods.lines().collect();
            let [pod] = pods[..] else { anyhow::bail!("the pods are {pods:?}") };
            pod.strip_suffix(" true").map(str::to_owned).with_context(|| format!("{pod} is not ready"))
        })
        .await
    }

    /// Waits until a node's object says something of its agent's version.
    pub(crate) async fn agent_version(&self, node: &str, version: &str) -> Result<()> {
        eventually(&format!("the agent on {node} to be {version}"), SOON, async || {
            let found = self.config(node).await?.status.unwrap_or_default().agent_version;
            ensure!(found.contains(version), "it is {found}");
            Ok(())
        })
        .await
    }
}
