//! cloud-init with its hotplug hook on, as the package has it, on an instance of OpenStack's.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use multinic_testbed::{GATEWAY, Node, Process, Testbed};

use super::metadata::{Metadata, Nic};

const FIRST_BOOT: &str = include_str!("on-node/cloud-init.sh");
const CONFIGURATION: &str = include_str!("on-node/cloud.cfg");

/// A server that knows no name, and says so at once. cloud-init looks up names that must not exist, and without a
/// server each would take ten seconds.
pub(super) async fn name_server(bed: &Testbed) -> Result<Process> {
    let mut command = Command::new("dnsmasq");
    command.args(["--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--user=root"]);
    command.args(["--no-resolv", "--no-hosts", "--local=/#/", "--bind-interfaces", "--pid-file="]);
    command.arg(format!("--listen-address={GATEWAY}"));
    let mut server = bed.start("dns", command)?;
    server.says("started, version").await?;
    Ok(server)
}

/// It does nothing at boot: most of that has nothing to do with NICs.
pub(super) fn put_aside(node: &mut Node<'_>) -> Result<()> {
    let cloud = node.disk().join("etc/cloud");
    fs::write(cloud.join("cloud-init.disabled"), "")?;
    fs::write(cloud.join("cloud.cfg.d/90-bench.cfg"), CONFIGURATION)?;
    let names = node.disk().join("etc/resolv.conf");
    // What is there may be a link to another file.
    let _ = fs::remove_file(&names);
    fs::write(names, format!("nameserver {GATEWAY}\n"))?;
    // By this, a container of Nova's is known.
    node.boot_with(vec!["--setenv=product_name=OpenStack Nova".into()]);
    Ok(())
}

/// It takes over the uplink, and listens for NICs.
pub(super) async fn first_boot(node: &Node<'_>, metadata: &Metadata, plugs: u8) -> Result<()> {
    metadata.attach(Nic { mac: node.uplink_mac(), address: node.address(), gateway: Some(GATEWAY) });
    // Beside, since this process answers what it asks.
    let mut booting = node.run_beside("cloud-init", &format!("set -ex -- {plugs}\n{FIRST_BOOT}"))?;
    let status = booting.ended().await?;
    ensure!(status.success(), "cloud-init, {status}: {}", booting.log()?);
    Ok(())
}
