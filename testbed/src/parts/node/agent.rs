//! The agent on a node: with the rights, and only those, that its pod has.

use std::cell::RefMut;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Node as KubeNode;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Node;
use super::registration::kubernetes_node;
use crate::parts::binaries::{binaries, bring_libraries};
use crate::parts::control_plane::ControlPlane;
use crate::sandbox::process::Process;

/// What the agent's container drops and keeps.
const SETPRIV: [&str; 4] = [
    "--bounding-set=-all,+net_admin,+sys_chroot,+net_raw,+net_bind_service",
    "--inh-caps=-all",
    "--ambient-caps=-all",
    "--no-new-privs",
];

/// Where a second agent answers: the first has the usual port.
const SECOND_LISTENS: &str = "[::]:8090";

impl Node<'_> {
    /// Registers the node with the cluster and starts its agent there.
    pub async fn join(&self, cluster: &ControlPlane<'_>) -> Result<()> {
        cluster.create_node(&self.as_kubernetes_node()).await?;
        self.start_agent(cluster).await
    }

    /// What its kubelet would tell the API server about it.
    #[must_use]
    pub fn as_kubernetes_node(&self) -> KubeNode {
        kubernetes_node(self.name(), self.address())
    }

    /// Starts the agent with a new token bound to this node, whose Node object must exist.
    pub async fn start_agent(&self, cluster: &ControlPlane<'_>) -> Result<()> {
        self.start_agent_told(cluster, &self.address().to_string()).await
    }

    /// The same, where the kubelet tells these addresses of the node to its pods.
    pub async fn start_agent_told(&self, cluster: &ControlPlane<'_>, node_ips: &str) -> Result<()> {
        self.bring_agent(cluster).await?;
        let agent = self.run_agent("agent", &[("NODE_IPS", node_ips)])?;
        self.agent.replace(Some(agent));
        Ok(())
    }

    /// Starts the agent with the token that it had before: the API server need not be there.
    pub fn start_agent_again(&self) -> Result<()> {
        let agent = self.run_agent("agent", &[("NODE_IPS", &self.address().to_string())])?;
        self.agent.replace(Some(agent));
        Ok(())
    }

    /// Starts another agent beside the one that runs, as a roll-out that goes wrong does.
    pub async fn start_second_agent(&self, cluster: &ControlPlane<'_>) -> Result<Process> {
        self.bring_agent(cluster).await?;
        let node_ips = self.address().to_string();
        self.run_agent("second-agent", &[("NODE_IPS", &node_ips), ("LISTEN", SECOND_LISTENS)])
    }

    /// Puts the program on the node, with a new token.
    async fn bring_agent(&self, cluster: &ControlPlane<'_>) -> Result<()> {
        let kubeconfig = cluster.agent_kubeconfig(self.name()).await?;
        let program = self.root.share.join("multinic-agent");
        place(&binaries()?.agent, &program)?;
        if self.kind.system().codename.is_some() {
            bring_libraries(
                &program,
                &self.root.share.join("lib"),
                &self.machine()?.share_on_node.join("lib"),
            )?;
        }
        place(&kubeconfig, &self.root.share.join("kubeconfig"))
    }

    fn run_agent(&self, part: &str, settings: &[(&str, &str)]) -> Result<Process> {
        let (share, host_root) = {
            let machine = self.machine()?;
            (machine.share_on_node.clone(), machine.root_on_node.clone())
        };
        let mut command = Command::new("setpriv");
        command
            .args(SETPRIV)
            .arg(share.join("multinic-agent"))
            .env_clear()
            .env("KUBECONFIG", share.join("kubeconfig"))
            .env("HOST_ROOT", host_root)
            .env("NODE_NAME", self.name())
            .envs(settings.iter().copied())
            .env("LINK_KINDS", "physical,veth")
            .env("LOG_LEVEL", "info");
        self.start_process(part, command)
    }

    /// The running agent.
    pub fn agent(&self) -> Result<RefMut<'_, Process>> {
        RefMut::filter_map(self.agent.borrow_mut(), Option::as_mut)
            .ok()
            .with_context(|| format!("{} has no agent", self.name()))
    }

    /// Stops the agent as a kubelet would, and waits for it.
    pub async fn stop_agent(&self) -> Result<()> {
        let mut agent = self.agent.take().with_context(|| format!("{} has no agent", self.name()))?;
        agent.stop().await?;
        Ok(())
    }

    /// Waits until the agent has ended by itself: how, and what it said.
    pub async fn agent_ends(&self) -> Result<(ExitStatus, String)> {
        let mut agent = self.agent.take().with_context(|| format!("{} has no agent", self.name()))?;
        let status = agent.ended().await?;
        Ok((status, agent.log()?))
    }

    /// Kills the agent, and first what it started, as happens to all of a container at once.
    pub fn kill_agents_container(&self) -> Result<()> {
        let agent = self.agent()?.id();
        for child in fs::read_to_string(format!("/proc/{agent}/task/{agent}/children"))?.split_whitespace() {
            // It may have ended this very moment.
            let _ = kill(Pid::from_raw(child.parse()?), Signal::SIGKILL);
        }
        self.kill_agent()
    }

    /// Kills the agent without a warning.
    pub fn kill_agent(&self) -> Result<()> {
        let mut agent = self.agent.take().with_context(|| format!("{} has no agent", self.name()))?;
        agent.kill()
    }
}

/// Puts a file where a later build or token cannot change it under a running agent.
fn place(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_file(to)?;
    }
    fs::hard_link(from, to)
        .or_else(|_| fs::copy(from, to).map(drop))
        .with_context(|| format!("cannot put {} on the node", from.display()))
}
