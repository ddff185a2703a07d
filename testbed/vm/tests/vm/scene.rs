//! The product with one machine, and what is asked of them again and again.

use std::cell::RefCell;
use std::io::{Write, stdout};
use std::time::Instant;

use anyhow::{Result, ensure};
use multinic_testbed::{OpenstackConfig, Port, World, eventually};
use multinic_testbed_vm::VirtualMachine;

/// What a NIC should be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Right {
    pub(crate) mac: &'static str,
    pub(crate) name: &'static str,
    pub(crate) mtu: u32,
    pub(crate) address: &'static str,
}

/// A world, a machine in it, and the table.
pub(crate) struct Scene<'bed> {
    pub(crate) world: World<'bed>,
    pub(crate) machine: VirtualMachine<'bed>,
    storage: RefCell<OpenstackConfig>,
    guest: &'static str,
    started: Instant,
}

impl<'bed> Scene<'bed> {
    pub(crate) fn open(mut world: World<'bed>, machine: VirtualMachine<'bed>, guest: &'static str) -> Self {
        world.patience = VirtualMachine::PATIENCE;
        let storage = RefCell::new(OpenstackConfig::new("storage", "10.20.0.0/24"));
        Self { world, machine, storage, guest, started: Instant::now() }
    }

    /// Says what holds now, as it happens: a walk takes minutes.
    pub(crate) fn say(&self, what: &str) -> Result<()> {
        Ok(writeln!(stdout(), "[{} {:5.1} s] {what}", self.guest, self.started.elapsed().as_secs_f64())?)
    }

    /// OpenStack's tooling takes these rows away and writes those.
    pub(crate) async fn rows(&self, gone: &[&str], come: &[Port]) -> Result<()> {
        let mut storage = self.storage.borrow().clone();
        storage.ports.retain(|port| !gone.contains(&port.mac.as_str()));
        storage.ports.extend_from_slice(come);
        self.storage.replace(storage.clone());
        self.world.database.producer().sync(&storage).await
    }

    /// Waits until every party says that the NIC is right, and holds it against the machine itself.
    pub(crate) async fn configured(&self, right: Right) -> Result<()> {
        self.world.configured(&self.machine, right.mac).await?;
        self.is_right(right)
    }

    /// Waits until the machine itself shows the NIC as it should be.
    pub(crate) async fn becomes_right(&self, right: Right) -> Result<()> {
        eventually(&format!("{right:?}"), VirtualMachine::PATIENCE, async || self.shows(right)).await?;
        self.is_right(right)
    }

    fn is_right(&self, right: Right) -> Result<()> {
        self.shows(right)?;
        let Right { mac, mtu, address, .. } = right;
        self.say(&format!("  {} is {mac} with {address} and MTU {mtu}", self.machine.names(mac)?))
    }

    fn shows(&self, right: Right) -> Result<()> {
        let nic = self.machine.link(right.mac)?;
        ensure!(nic.is_up_as(right.name, right.mtu, right.address), "not {right:?}, but {nic:?}");
        let burnt_in = self.machine.permanent_mac(&nic.name)?;
        ensure!(burnt_in == right.mac, "{right:?} has the permanent address {burnt_in}");
        Ok(())
    }
}
