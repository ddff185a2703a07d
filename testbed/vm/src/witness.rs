//! What happens to the uplink, which nobody may touch.

use anyhow::{Result, ensure};
use multinic_testbed::{SOON, UPLINK, eventually};

use crate::machine::VirtualMachine;

const LOG: &str = "/run/uplink-events";
/// What a CNI would leave: it stays, and that it is noticed shows that the witness watches.
const FOREIGN_ADDRESS: &str = "198.51.100.7";
const FOREIGN_RULE: &str = "11000";
/// Its coming is the last thing that is noticed.
const END: &str = "198.51.100.8";

/// Records from its start to [`Witness::finish`]; one for each boot.
pub struct Witness<'vm>(&'vm VirtualMachine<'vm>);

impl VirtualMachine<'_> {
    /// Records every notification of the kernel about the uplink's link, addresses and routes, and about any rule.
    pub async fn watch_uplink(&self) -> Result<Witness<'_>> {
        let log = format!("--property=StandardOutput=file:{LOG}");
        self.exec(&[
            "systemd-run",
            "--collect",
            "--unit=uplink-events",
            &log,
            "ip",
            "-oneline",
            "monitor",
            "link",
            "address",
            "route",
            "rule",
            "dev",
            UPLINK,
        ])?;
        let witness = Witness(self);
        let address = format!("{FOREIGN_ADDRESS}/32");
        eventually("the witness to watch", SOON, async || {
            // Again and again: the first may come before it listens.
            self.exec(&["ip", "address", "replace", &address, "dev", UPLINK])?;
            witness.saw(FOREIGN_ADDRESS)
        })
        .await?;
        self.exec(&["ip", "rule", "add", "priority", FOREIGN_RULE, "from", FOREIGN_ADDRESS, "table", "100"])?;
        witness.saw_soon(&format!("{FOREIGN_RULE}:")).await?;
        Ok(witness)
    }
}

impl Witness<'_> {
    /// Everything that was noticed about the uplink but what the witness did itself; fails when foreign state is gone.
    pub async fn finish(self) -> Result<Vec<String>> {
        let end = format!("{END}/32");
        self.0.exec(&["ip", "address", "add", &end, "dev", UPLINK])?;
        self.saw_soon(END).await?;
        let addresses = self.0.exec(&["ip", "address", "show", "dev", UPLINK])?;
        ensure!(addresses.contains(FOREIGN_ADDRESS), "a foreign address is gone: {addresses}");
        let rules = self.0.exec(&["ip", "rule", "show"])?;
        ensure!(rules.contains(&format!("{FOREIGN_RULE}:")), "a foreign rule is gone: {rules}");
        self.0.exec(&["systemctl", "stop", "uplink-events"])?;
        self.0.exec(&["ip", "address", "delete", &end, "dev", UPLINK])?;
        let own = |line: &&str| [FOREIGN_ADDRESS, END].iter().any(|address| line.contains(address));
        let log = self.log()?;
        Ok(log.lines().filter(|line| !own(line)).map(str::to_owned).collect())
    }

    async fn saw_soon(&self, what: &str) -> Result<()> {
        eventually(&format!("the witness to see {what}"), SOON, async || self.saw(what)).await
    }

    fn saw(&self, what: &str) -> Result<()> {
        let log = self.log()?;
        ensure!(log.contains(what), "it saw {log:?}");
        Ok(())
    }

    fn log(&self) -> Result<String> {
        self.0.exec(&["cat", LOG])
    }
}
