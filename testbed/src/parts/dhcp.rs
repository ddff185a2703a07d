//! A DHCP server on the LAN: dnsmasq, in a network of its own, so that several can be there at once.

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::sandbox::fabric::LAN;
use crate::sandbox::process::Process;
use crate::sandbox::testbed::Testbed;

const SCRIPT: &str = r#"
n=$1 lan=$2
ip netns add dhcp$n
ip link add dhcp$n type veth peer name lan netns dhcp$n
ip link set dhcp$n master "$lan" up
ip -netns dhcp$n address add 10.3$n.0.254/24 dev lan
ip -netns dhcp$n address add 2001:db8:3$n::fe/64 dev lan nodad
ip -netns dhcp$n link set lan up
ip -netns dhcp$n link set lo up
"#;

/// The place of a DHCP server.
pub struct DhcpServer<'bed> {
    bed: &'bed Testbed,
    number: u8,
    started: u8,
}

impl Testbed {
    /// The place of the server with this number, from 0 to 9, which does not run yet. Its subnets are `10.3N.0.0/24` and
    /// `2001:db8:3N::/64`.
    pub fn dhcp_server(&self, number: u8) -> Result<DhcpServer<'_>> {
        self.spawner()?.run(&["sh", "-ec", SCRIPT, "dhcp", &number.to_string(), LAN])?;
        Ok(DhcpServer { bed: self, number, started: 0 })
    }
}

impl DhcpServer<'_> {
    /// Answers, with what `options` say beside the usual, until the returned process is dropped. Leases are known from one
    /// run to the next.
    pub async fn serve(&mut self, options: &[&str]) -> Result<Process> {
        let name = format!("dhcp{}", self.number);
        let part = format!("{name}-{}", self.started);
        self.started += 1;
        let leases = self.bed.logs().join(format!("{name}.leases"));
        fs::OpenOptions::new().create(true).append(true).open(self.bed.inside(&leases))?;
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            &name,
            "dnsmasq",
            "--keep-in-foreground",
            "--log-facility=-",
            "--log-dhcp",
        ]);
        command.args(["--conf-file=/dev/null", "--port=0", "--interface=lan", "--no-ping", "--user=root"]);
        command.arg(format!("--pid-file={}", self.bed.logs().join(format!("{name}.pid")).display()));
        command.arg(format!("--dhcp-leasefile={}", leases.display()));
        command.args(options);
        let mut server = self.bed.start(&part, command)?;
        server.says("started, version").await?;
        Ok(server)
    }
}
