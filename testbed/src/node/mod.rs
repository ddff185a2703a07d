//! Machines with NICs, into which the agent is put.

mod agent;
mod cable;
mod cgroup;
mod full;
mod light;
mod link;
mod root;

use std::cell::{Ref, RefCell};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

pub use link::Link;

use crate::Testbed;
use crate::process::Process;
use crate::spawner::Spawner;
use cable::Cables;
use root::Root;

/// The NIC that the node's own configuration owns. Nobody else may touch it.
pub const UPLINK: &str = "eth0";

/// How much of a machine a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A network namespace and a directory as the host's root: there in milliseconds, but it never boots.
    Light,
    /// A systemd-nspawn machine with systemd, udev, networkd and netplan: there in a second or two, and it reboots.
    Full,
}

/// What runs on a node while it is powered on.
struct Machine {
    /// Starts processes as if on the node.
    spawner: Spawner,
    /// Where a process on the node finds the host's root.
    root_on_node: PathBuf,
    /// Where this process finds the same.
    root_from_here: PathBuf,
    /// Where a process on the node finds what was put there from outside.
    share_on_node: PathBuf,
    /// What a person types before a command to run it on the node.
    enter: String,
    /// The machine itself, where there is one.
    init: Option<Process>,
}

/// A node with an uplink of its own and whatever was plugged into it.
pub struct Node<'bed> {
    bed: &'bed Testbed,
    kind: Kind,
    cables: Cables<'bed>,
    root: Root,
    agent: RefCell<Option<Process>>,
    machine: RefCell<Option<Machine>>,
}

impl<'bed> Node<'bed> {
    pub(crate) async fn start(bed: &'bed Testbed, name: &str, number: u8, kind: Kind) -> Result<Self> {
        let cables = Cables::lay(bed, name, number)?;
        let root = Root::clone_image(bed, name, cables.address())?;
        let node = Self { bed, kind, cables, root, agent: RefCell::new(None), machine: RefCell::new(None) };
        node.boot().await?;
        Ok(node)
    }

    /// Its name, here and in Kubernetes.
    #[must_use]
    pub fn name(&self) -> &str {
        self.cables.netns()
    }

    /// The address of its uplink.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.cables.address()
    }

    /// The MAC of its uplink.
    #[must_use]
    pub fn uplink_mac(&self) -> String {
        self.cables.uplink_mac()
    }

    /// Attaches a NIC, as OpenStack would while the node runs; returns the name the kernel gives to it.
    pub fn plug(&self, mac: &str) -> Result<String> {
        let taken: Vec<_> = self.links()?.into_iter().map(|link| link.name).collect();
        self.cables.plug(mac, &taken)
    }

    /// Pulls a NIC out.
    pub fn unplug(&self, mac: &str) -> Result<()> {
        self.cables.unplug(mac)
    }

    /// Runs a command on the node and returns what it printed.
    pub fn exec(&self, argv: &[&str]) -> Result<String> {
        self.machine()?.spawner.run(argv).with_context(|| format!("on {}", self.name()))
    }

    /// All its links but the loopback, in the kernel's order.
    pub fn links(&self) -> Result<Vec<Link>> {
        link::parse(&self.exec(&["ip", "-json", "address", "show"])?)
    }

    /// The link with this MAC; fails when there is none.
    pub fn link(&self, mac: &str) -> Result<Link> {
        let links = self.links()?;
        let found = links.iter().find(|link| link.mac == mac).cloned();
        found.with_context(|| format!("{} has no link {mac}, but {links:?}", self.name()))
    }

    /// The path by which this process sees the node's root directory. A reboot makes a new one.
    pub fn host_root(&self) -> Result<PathBuf> {
        Ok(self.machine()?.root_from_here.clone())
    }

    /// Shuts the node down in order and starts it again. NICs come back down, empty and under their kernel's names.
    ///
    /// Its agent is gone afterwards, as a pod would be until the kubelet starts it.
    pub async fn reboot(&self) -> Result<()> {
        ensure!(self.kind == Kind::Full, "{} is a light node, which never boots", self.name());
        self.agent.take();
        let machine = self.machine.take().context("the node is off")?;
        if let Some(mut init) = machine.init {
            init.stop().await?;
        }
        drop(machine.spawner);
        self.cables.replug()?;
        self.boot().await
    }

    /// What a person types before a command to run it on the node. A reboot makes a new one.
    pub fn enter_command(&self) -> Result<String> {
        Ok(self.machine()?.enter.clone())
    }

    pub(crate) fn start_process(&self, part: &str, command: Command) -> Result<Process> {
        let name = format!("{}-{part}", self.name());
        Process::start(&self.machine()?.spawner, &name, command, &self.bed.log(&name))
    }

    async fn boot(&self) -> Result<()> {
        let machine = match self.kind {
            Kind::Light => light::boot(self.bed, &self.cables, &self.root)?,
            Kind::Full => full::boot(self.bed, &self.cables, &self.root).await?,
        };
        self.machine.replace(Some(machine));
        Ok(())
    }

    fn machine(&self) -> Result<Ref<'_, Machine>> {
        match Ref::filter_map(self.machine.borrow(), Option::as_ref) {
            Ok(machine) => Ok(machine),
            Err(_) => bail!("{} is off", self.name()),
        }
    }
}
