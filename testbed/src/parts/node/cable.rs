//! A node's network namespace and the cables between it and the fabric.

use std::cell::RefCell;
use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};

use super::machine::UPLINK;
use crate::sandbox::fabric::{LAN, UPLINKS};
use crate::sandbox::testbed::Testbed;

/// The virtual cables of one node. What is plugged in stays over a reboot.
pub(super) struct Cables<'bed> {
    bed: &'bed Testbed,
    netns: String,
    number: u8,
    nics: RefCell<Vec<Nic>>,
}

#[derive(Debug)]
struct Nic {
    mac: String,
    /// The fabric's end.
    port: String,
}

impl<'bed> Cables<'bed> {
    /// The cables of a node that is off, with nothing plugged in but the uplink.
    pub(super) fn lay(bed: &'bed Testbed, netns: &str, number: u8) -> Self {
        Self { bed, netns: netns.to_owned(), number, nics: RefCell::new(Vec::new()) }
    }

    pub(super) fn netns(&self) -> &str {
        &self.netns
    }

    pub(super) fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, 10 + self.number)
    }

    pub(super) fn uplink_mac(&self) -> String {
        format!("fa:16:3e:ff:00:{:02x}", self.number)
    }

    /// Attaches a NIC under the first name that the kernel would find free.
    pub(super) fn plug(&self, mac: &str, taken: &[String]) -> Result<String> {
        let mut nics = self.nics.borrow_mut();
        ensure!(nics.iter().all(|nic| nic.mac != mac), "{mac} is plugged in already");
        let free = (1..=u8::MAX).map(|number| format!("eth{number}")).find(|name| !taken.contains(name));
        let name = free.context("no name is free")?;
        let port = (1..=u8::MAX)
            .map(|port| format!("n{}p{port}", self.number))
            .find(|port| nics.iter().all(|nic| nic.port != *port));
        let port = port.context("no port is free")?;
        self.connect(&port, LAN, &name, mac)?;
        nics.push(Nic { mac: mac.to_owned(), port });
        Ok(name)
    }

    pub(super) fn unplug(&self, mac: &str) -> Result<()> {
        let mut nics = self.nics.borrow_mut();
        let place =
            nics.iter().position(|nic| nic.mac == mac).with_context(|| format!("{mac} is not plugged in"))?;
        self.disconnect(&nics.remove(place).port)
    }

    /// Cuts a NIC's carrier, or gives it back.
    pub(super) fn set_carrier(&self, mac: &str, is_there: bool) -> Result<()> {
        let nics = self.nics.borrow();
        let nic =
            nics.iter().find(|nic| nic.mac == mac).with_context(|| format!("{mac} is not plugged in"))?;
        let state = if is_there { "up" } else { "down" };
        self.bed.spawner()?.run(&["ip", "link", "set", &nic.port, state])?;
        Ok(())
    }

    /// What power does to NICs: the same hardware as ever, but new to the kernel, under the names of a first boot.
    pub(super) fn power_on(&self) -> Result<()> {
        let fabric = self.bed.spawner()?;
        fabric.run(&["ip", "netns", "add", &self.netns])?;
        fabric.run(&["ip", "-netns", &self.netns, "link", "set", "lo", "up"])?;
        self.connect(&self.uplink_port(), UPLINKS, UPLINK, &self.uplink_mac())?;
        for (number, nic) in self.nics.borrow().iter().enumerate() {
            self.connect(&nic.port, LAN, &format!("eth{}", number + 1), &nic.mac)?;
        }
        Ok(())
    }

    /// Nothing answers any more. The whole namespace goes, since nothing in a real kernel outlives a reboot.
    pub(super) fn power_off(&self) -> Result<()> {
        for port in self.nics.borrow().iter().map(|nic| &nic.port).chain([&self.uplink_port()]) {
            self.disconnect(port)?;
        }
        self.bed.spawner()?.run(&["ip", "netns", "delete", &self.netns])?;
        Ok(())
    }

    fn uplink_port(&self) -> String {
        format!("n{}up", self.number)
    }

    fn connect(&self, port: &str, bridge: &str, name: &str, mac: &str) -> Result<()> {
        let fabric = self.bed.spawner()?;
        fabric.run(&[
            "ip",
            "link",
            "add",
            port,
            "type",
            "veth",
            "peer",
            "name",
            name,
            "address",
            mac,
            "netns",
            &self.netns,
        ])?;
        fabric.run(&["ip", "link", "set", port, "master", bridge, "up"])?;
        Ok(())
    }

    fn disconnect(&self, port: &str) -> Result<()> {
        self.bed.spawner()?.run(&["ip", "link", "delete", port])?;
        Ok(())
    }
}
