//! What QEMU itself is told: everything that happens to a machine from outside.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::line::Line;

/// QEMU's monitor (QMP), asked anew each time.
pub(crate) struct Monitor {
    socket: PathBuf,
}

impl Monitor {
    pub(crate) fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Plugs a NIC in, whose cable is the tap device `tap`.
    pub(crate) fn plug(&self, id: &str, tap: &str, mac: &str, place: (&str, &str)) -> Result<()> {
        let (bus, address) = place;
        let cable = cable(id);
        self.tell(
            "netdev_add",
            &json!({ "type": "tap", "id": cable, "ifname": tap, "script": "no", "downscript": "no" }),
        )?;
        let nic = json!({
            "driver": "virtio-net-pci", "id": id, "netdev": cable, "mac": mac, "bus": bus, "addr": address,
        });
        self.tell("device_add", &nic)
    }

    /// Asks the guest to let go of a NIC; it is still there until the guest has.
    pub(crate) fn eject(&self, id: &str) -> Result<()> {
        self.tell("device_del", &json!({ "id": id }))
    }

    /// Fails while the NIC is still there.
    pub(crate) fn is_gone(&self, id: &str) -> Result<()> {
        let devices = self.ask("qom-list", &json!({ "path": "/machine/peripheral" }))?;
        let devices = devices.as_array().context("no list of devices")?;
        ensure!(devices.iter().all(|device| device["name"] != id), "{id} is still there");
        Ok(())
    }

    /// Takes the cable of a NIC that is gone.
    pub(crate) fn take_cable(&self, id: &str) -> Result<()> {
        self.tell("netdev_del", &json!({ "id": cable(id) }))
    }

    /// Cuts a NIC's carrier, or gives it back.
    pub(crate) fn set_carrier(&self, id: &str, carrier: bool) -> Result<()> {
        self.tell("set_link", &json!({ "name": id, "up": carrier }))
    }

    fn tell(&self, command: &str, arguments: &Value) -> Result<()> {
        self.ask(command, arguments).map(drop)
    }

    fn ask(&self, command: &str, arguments: &Value) -> Result<Value> {
        let mut line = Line::open(&self.socket)?;
        line.ask("qmp_capabilities", &json!({}))?;
        line.ask(command, arguments)
    }
}

/// What the other side of a NIC is called in QEMU.
pub(crate) fn cable(id: &str) -> String {
    format!("{id}-cable")
}
