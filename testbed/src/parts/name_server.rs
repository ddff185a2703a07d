//! A name server on the uplinks' network, which knows one name: dnsmasq.

use std::process::Command;

use anyhow::Result;

use crate::parts::control_plane::SERVER_NAME;
use crate::sandbox::fabric::GATEWAY;
use crate::sandbox::process::Process;
use crate::sandbox::testbed::Testbed;

impl Testbed {
    /// Answers at [`GATEWAY`] for the API server's name, until the returned process is dropped.
    pub async fn name_server(&self) -> Result<Process> {
        let mut command = Command::new("dnsmasq");
        command.args(["--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--user=root"]);
        command.args(["--no-resolv", "--no-hosts", "--bind-interfaces"]);
        command.arg(format!("--listen-address={GATEWAY}"));
        command.arg(format!("--address=/{SERVER_NAME}/{GATEWAY}"));
        command.arg(format!("--pid-file={}", self.logs().join("name-server.pid").display()));
        let mut server = self.start("name-server", command)?;
        server.says("started, version").await?;
        Ok(server)
    }
}
