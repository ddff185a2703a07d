//! The product's agent in the guest: with the rights, and only those, that its pod has.

use anyhow::{Context, Result};
use multinic_testbed::{ControlPlane, kubernetes_node};

use crate::guest::{ADDRESS, NAME};
use crate::machine::VirtualMachine;
use crate::setup::SHARE;

const UNIT: &str = "multinic-agent";
const KUBECONFIG: &str = "/run/kubeconfig";

impl VirtualMachine<'_> {
    /// Registers the machine with the cluster and starts its agent there.
    pub async fn join(&self, cluster: &ControlPlane<'_>) -> Result<()> {
        cluster.create_node(&kubernetes_node(NAME, ADDRESS)).await?;
        self.start_agent(cluster).await
    }

    /// Starts the agent with a new token bound to this node, whose Node object must exist.
    pub async fn start_agent(&self, cluster: &ControlPlane<'_>) -> Result<()> {
        let kubeconfig = std::fs::read_to_string(cluster.agent_kubeconfig(NAME).await?)?;
        self.session.run(&["sh", "-c", &format!("umask 077; cat > {KUBECONFIG}")], &kubeconfig)?;
        let variables = [
            ("KUBECONFIG", KUBECONFIG.to_owned()),
            ("HOST_ROOT", "/".to_owned()),
            ("NODE_NAME", NAME.to_owned()),
            ("NODE_IPS", ADDRESS.to_string()),
            ("LOG_LEVEL", "info".to_owned()),
        ];
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| format!("--setenv={name}={value}")).collect();
        let program = format!("{SHARE}/multinic-agent");
        let mut command = vec![
            "systemd-run",
            "--collect",
            "--unit",
            UNIT,
            "--property=CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_CHROOT",
            "--property=NoNewPrivileges=yes",
            // Where a story that fails shows it.
            "--property=StandardOutput=journal+console",
            "--property=StandardError=journal+console",
        ];
        command.extend(variables.iter().map(String::as_str));
        command.push(&program);
        self.exec(&command).context("cannot start the agent")?;
        Ok(())
    }

    /// Whether it runs.
    pub fn has_agent(&self) -> Result<bool> {
        let state = self.exec(&["sh", "-c", &format!("systemctl is-active {UNIT} || true")])?;
        Ok(state.trim() == "active")
    }
}
