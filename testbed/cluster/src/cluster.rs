//! A cluster that runs pods: a whole control plane, and nodes with a kubelet, a container runtime and a kube-proxy.
//!
//! ```text
//!  fabric 192.0.2.1   API server, controllers, scheduler; whatever a HostCommand runs: kubectl, helm, ssh, scripts
//!     |               forwards between the nodes, like the router of a cloud
//!     |-- worker-1  192.0.2.10   pods 10.244.0.0/24   systemd: containerd 1 or 2, kubelet, kube-proxy, sshd
//!     '-- worker-2  192.0.2.11   pods 10.244.1.0/24
//! ```
//!
//! There is no DNS. Images come to nodes from a [`Registry`], by [`crate::Visit::load_image`], or by ssh.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use multinic_testbed::{Authority, ControlPlane, Kind, Node, Process, SOON, Testbed, eventually};
use serde_json::json;

use crate::command::{Home, HostCommand};
use crate::member::{self, CONTROL_PLANE_LABEL, Member, NODE_GROUP, NODE_USER, PODS, PROXY_USER, Runtime};
use crate::registry::Registry;
use crate::setup::{self, ClusterAssets};
use crate::{containers, plane};

/// Lets the fabric route between nodes, without telling them that they could talk to each other directly; and keeps
/// what buildah makes in here.
const PREPARE: &str = "
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 0 > /proc/sys/net/ipv4/conf/all/send_redirects
echo 0 > /proc/sys/net/ipv4/conf/fabric0/send_redirects
mkdir -p /var/lib/containers
mount -t tmpfs tmpfs /var/lib/containers
";

/// A running cluster, at first without nodes. Nothing of multinic is in it.
pub struct Cluster<'bed> {
    bed: &'bed Testbed,
    assets: ClusterAssets,
    /// The API server, and its record of who wrote what.
    pub control_plane: ControlPlane<'bed>,
    authority: Authority,
    home: Home,
    /// Dropped, that is killed, with the rest.
    _processes: [Process; 2],
}

impl<'bed> Cluster<'bed> {
    /// A cluster that runs pods, still without nodes and with nothing of multinic in it.
    ///
    /// [`setup::ensure`] must have run before the testbed was made.
    pub async fn start(bed: &'bed Testbed) -> Result<Self> {
        Self::build(bed).await.context("cannot start the cluster")
    }

    async fn build(bed: &'bed Testbed) -> Result<Self> {
        let assets = setup::ensure()?;
        bed.spawner()?.run(&["sh", "-ec", PREPARE])?;
        let authority = Authority::found()?;
        let options = plane::api_server_options(&bed.part("cluster")?, &authority)?;
        let control_plane = ControlPlane::serve(bed, &options).await?;
        let processes = [
            plane::controller_manager(bed, &control_plane)?,
            plane::scheduler(bed, &assets, &control_plane)?,
        ];
        let binaries = [bed.assets().control_plane.as_path(), &assets.binaries];
        let home = Home::furnish(bed, &control_plane.kubeconfig_path(), &binaries, &authority.certificate())?;
        Ok(Self { bed, assets, control_plane, authority, home, _processes: processes })
    }

    /// A client with all rights.
    #[must_use]
    pub fn client(&self) -> Client {
        self.control_plane.client()
    }

    /// Access with all rights, complete in one file.
    #[must_use]
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.control_plane.kubeconfig_path()
    }

    /// The home directory of everything that [`Self::command`] runs: `.ssh` in it is what ssh uses.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.directory()
    }

    /// A program of this host, to be run in the testbed's network.
    pub fn command(&self, program: impl AsRef<OsStr>) -> HostCommand<'bed> {
        HostCommand::new(self.bed, &self.home, program.as_ref())
    }

    /// Runs kubectl with all rights and returns what it printed.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.command("kubectl").args(arguments).run()
    }

    /// A registry whose certificate the nodes trust, and so does whatever [`Self::command`] runs.
    pub async fn registry(&self) -> Result<Registry> {
        Registry::start(self.bed, &self.assets.binaries.join("registry"), &self.authority).await
    }

    /// A new machine that has become a Ready node of the cluster.
    pub async fn node(&self, name: &str, runtime: Runtime) -> Result<Node<'bed>> {
        self.join(name, runtime, false).await.with_context(|| format!("cannot start the node {name}"))
    }

    /// Like [`Self::node`], but labelled and tainted as a node that the control plane itself runs on.
    pub async fn control_plane_node(&self, name: &str, runtime: Runtime) -> Result<Node<'bed>> {
        let node =
            self.join(name, runtime, true).await.with_context(|| format!("cannot start the node {name}"))?;
        // A kubelet may not give itself a role.
        let label = json!({"metadata": {"labels": {CONTROL_PLANE_LABEL: ""}}});
        let nodes = Api::<KubeNode>::all(self.client());
        nodes.patch(name, &PatchParams::default(), &Patch::Merge(label)).await?;
        Ok(node)
    }

    /// Waits until the node's kubelet, as of its last boot, says that it is ready.
    pub async fn ready(&self, node: &Node<'_>) -> Result<()> {
        let boot = node.exec(&["cat", "/proc/sys/kernel/random/boot_id"])?;
        let nodes = Api::<KubeNode>::all(self.client());
        eventually(&format!("{} to be Ready", node.name()), SOON, async || {
            let status = nodes.get(node.name()).await?.status.context("no status")?;
            let info = status.node_info.context("its kubelet has said nothing")?;
            ensure!(info.boot_id == boot.trim(), "its kubelet has said nothing since the last boot");
            let conditions = status.conditions.unwrap_or_default();
            let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
            ensure!(ready.is_some_and(|ready| ready.status == "True"), "Ready is {ready:?}");
            Ok(())
        })
        .await
    }

    async fn join(&self, name: &str, runtime: Runtime, reserved: bool) -> Result<Node<'bed>> {
        let number = self.bed.next_node();
        let mut node = Node::build(self.bed, name, number, Kind::Full, &self.assets.node_image)?;
        node.boot_with(containers::prepare(self.bed, node.directory(), &self.assets.binaries)?);
        let pods = part_of_pods(number);
        self.bed.spawner()?.run(&["ip", "route", "add", &pods, "via", &node.address().to_string()])?;
        let kubelet = self.authority.issue(&format!("{NODE_USER}{name}"), Some(NODE_GROUP))?;
        let proxy = self.authority.issue(PROXY_USER, None)?;
        let member = Member {
            pods,
            address: node.address(),
            reserved,
            runtime,
            authority: &self.authority.certificate(),
            kubelet: self.control_plane.kubeconfig_of(&member::user(&kubelet))?,
            proxy: self.control_plane.kubeconfig_of(&member::user(&proxy))?,
        };
        member.install(&node.disk())?;
        node.power_on().await?;
        self.ready(&node).await?;
        Ok(node)
    }
}

/// The addresses of the pods on the node that has this number: its part of [`PODS`].
fn part_of_pods(number: u8) -> String {
    PODS.replace(".0.0/16", &format!(".{number}.0/24"))
}
