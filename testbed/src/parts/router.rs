//! A router that nobody asked for: it advertises itself, and a prefix, to every NIC of the LAN.

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::sandbox::fabric::LAN;
use crate::sandbox::process::Process;
use crate::sandbox::testbed::Testbed;

/// From this prefix every NIC that listens to the router gives itself an address.
pub const ADVERTISED: &str = "2001:db8:bad:";

/// What `radvd` writes once it hears itself.
const HEARD: &str = "received RA from";

impl Testbed {
    /// A router that offers itself as the default route of everybody on the LAN, every few seconds, until the returned
    /// process is dropped.
    pub async fn router(&self) -> Result<Process> {
        let text = format!(
            "interface {LAN} {{\n  AdvSendAdvert on;\n  MinRtrAdvInterval 3;\n  MaxRtrAdvInterval 4;\n  \
             AdvLinkMTU 1400;\n  AdvDefaultPreference high;\n  prefix {ADVERTISED}:/64 {{ }};\n}};\n"
        );
        let directory = self.part("router")?;
        let file = directory.join("radvd.conf");
        fs::write(&file, text)?;
        let mut command = Command::new("radvd");
        command.arg("--nodaemon").arg("--config").arg(&file).arg("--pidfile").arg(directory.join("pid"));
        command.args(["--logmethod", "stderr", "--debug", "3"]);
        let mut router = self.start("router", command)?;
        router.says(HEARD).await?;
        Ok(router)
    }
}
