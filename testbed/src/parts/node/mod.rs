//! Machines with NICs, into which the agent is put.

mod agent;
mod cable;
mod cgroup;
mod full;
mod light;
mod link;
mod load;
mod machine;
mod registration;
mod root;
mod visit;

use std::cell::{Cell, Ref, RefCell};
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use link::Link;
pub use machine::UPLINK;
pub use registration::kubernetes_node;

use crate::sandbox::process::Process;
use crate::sandbox::testbed::Testbed;
use crate::setup::{self, System, system};
use cable::Cables;
use full::Sign;
use machine::{Machine, Power};
use root::Root;

/// How much of a machine a node is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A network namespace and a directory as the host's root: there in milliseconds, but it never boots.
    Light,
    /// A systemd-nspawn machine with systemd, udev, networkd and netplan: there in a second or two, and it reboots.
    Full,
    /// The same of another system.
    Of(&'static System),
}

impl Kind {
    fn system(self) -> &'static System {
        match self {
            Self::Light | Self::Full => &system::NETPLAN,
            Self::Of(system) => system,
        }
    }
}

/// A node with an uplink of its own and whatever was plugged into it.
pub struct Node<'bed> {
    bed: &'bed Testbed,
    kind: Kind,
    cables: Cables<'bed>,
    root: Root,
    agent: RefCell<Option<Process>>,
    machine: RefCell<Option<Machine>>,
    /// How many monitors there have been, each with logs of its own.
    monitors: Cell<u8>,
}

impl Testbed {
    /// A node whose uplink is configured, without an agent.
    pub async fn node(&self, name: &str, kind: Kind) -> Result<Node<'_>> {
        Node::start(self, name, self.next_node(), kind)
            .await
            .with_context(|| format!("cannot start the node {name}"))
    }
}

impl<'bed> Node<'bed> {
    pub(crate) async fn start(bed: &'bed Testbed, name: &str, number: u8, kind: Kind) -> Result<Self> {
        let image = match kind {
            Kind::Light | Kind::Full => bed.assets().node_image.clone(),
            Kind::Of(system) => setup::ensure_system(system)?,
        };
        let node = Self::build(bed, name, number, kind, &image)?;
        node.power_on().await?;
        Ok(node)
    }

    /// A node that is off, from a root file system of the caller's choice; its `number` is the
    /// [next one](Testbed::next_node).
    pub fn build(bed: &'bed Testbed, name: &str, number: u8, kind: Kind, image: &Path) -> Result<Self> {
        let cables = Cables::lay(bed, name, number);
        let root = Root::clone_image(bed, name, cables.address(), image, kind.system())?;
        let (agent, machine) = (RefCell::new(None), RefCell::new(None));
        Ok(Self { bed, kind, cables, root, agent, machine, monitors: Cell::new(0) })
    }

    /// From its next boot on, systemd-nspawn is told these options as well.
    pub fn boot_with(&mut self, options: Vec<OsString>) {
        self.root.options = options;
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

    /// Cuts a NIC's carrier for a moment, as a switch that restarts does.
    pub fn flap(&self, mac: &str) -> Result<()> {
        self.set_carrier(mac, false)?;
        self.set_carrier(mac, true)
    }

    /// Cuts a NIC's carrier, or gives it back.
    pub fn set_carrier(&self, mac: &str, is_there: bool) -> Result<()> {
        self.cables.set_carrier(mac, is_there)
    }

    /// Runs a command on the node and returns what it printed.
    pub fn exec(&self, argv: &[&str]) -> Result<String> {
        self.machine()?.spawner.run(argv).with_context(|| format!("on {}", self.name()))
    }

    /// All its links but the loopback, in the kernel's order.
    pub fn links(&self) -> Result<Vec<Link>> {
        Link::parse(&self.exec(&["ip", "-json", "address", "show"])?)
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

    /// From its next boot on, the uplink is configured as on hosts of this kind too.
    pub fn add_uplink_of(&self, system: &System) -> Result<()> {
        root::configure_uplink(&self.host_root()?, self.address(), system)
    }

    /// Shuts the node down in order and starts it again. NICs come back down, empty and under their kernel's names.
    ///
    /// Its agent is gone afterwards, as a pod would be until the kubelet starts it.
    pub async fn reboot(&self) -> Result<()> {
        self.shut_down().await?;
        self.power_on().await
    }

    /// The same, where nobody knows whether the boot configures an uplink.
    pub async fn reboot_in_doubt(&self) -> Result<()> {
        self.shut_down().await?;
        self.boot(Sign::Networkd).await
    }

    async fn shut_down(&self) -> Result<()> {
        let mut power = self.switch_off()?;
        power.nspawn.stop().await?;
        self.cables.power_off()
    }

    /// Cuts the power: nothing on the node gets to say a word, and nothing of it answers. Its disks stay.
    pub async fn power_off(&self) -> Result<()> {
        let mut power = self.switch_off()?;
        kill(Pid::from_raw(i32::try_from(power.init)?), Signal::SIGKILL)?;
        power.nspawn.ended().await?;
        self.cables.power_off()
    }

    /// Starts the node again after its power was cut.
    pub async fn power_on(&self) -> Result<()> {
        self.boot(Sign::Uplink).await
    }

    async fn boot(&self, sign: Sign) -> Result<()> {
        ensure!(self.machine.borrow().is_none(), "{} is on", self.name());
        self.cables.power_on()?;
        let machine = match self.kind {
            Kind::Light => light::boot(self.bed, &self.cables, &self.root)?,
            Kind::Full | Kind::Of(_) => full::boot(self.bed, &self.cables, &self.root, sign).await?,
        };
        self.machine.replace(Some(machine));
        Ok(())
    }

    /// Takes the machine away for good. Afterwards there may be another one of its name.
    pub async fn destroy(self) -> Result<()> {
        let on = self.machine.borrow().is_some();
        if on {
            self.power_off().await?;
        }
        self.root.discard(self.bed)
    }

    /// Nobody can use the node from here on; what is left of it is the running machine.
    fn switch_off(&self) -> Result<Power> {
        ensure!(!matches!(self.kind, Kind::Light), "{} is a light node, which never boots", self.name());
        self.agent.take();
        let machine = self.machine.take().with_context(|| format!("{} is off", self.name()))?;
        machine.power.context("a full node is a machine")
    }

    /// What a person types before a command to run it on the node. A reboot makes a new one.
    pub fn enter_command(&self) -> Result<String> {
        Ok(self.machine()?.enter.clone())
    }

    /// The directory of all that it is made of. What is mounted right below it goes with the node.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.root.directory
    }

    /// The path by which this process sees the root directory, also while the node is off.
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        self.bed.inside(&self.root.path)
    }

    /// Runs a shell script on the node until the returned process is dropped.
    pub fn run_beside(&self, part: &str, script: &str) -> Result<Process> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        self.start_process(part, command)
    }

    /// Names a NIC as udev does for hardware whose place it knows, and as it does up to systemd 253 after each
    /// rename by whomever: whatever of `names` it is not called becomes an alternative name. Until the returned
    /// process is dropped.
    pub fn name_by_udev(&self, mac: &str, names: [&str; 2]) -> Result<Process> {
        let link = self.link(mac)?;
        self.exec(&["ip", "link", "set", &link.name, "name", names[0]])?;
        let script = format!(
            "while sleep 0.05; do \
               name=$(ip -oneline link | sed -n 's/^[0-9]*: \\([^@:]*\\).*{mac}.*/\\1/p'); \
               for other in {} {}; do \
                 [ \"$name\" = \"$other\" ] || ip link property add dev \"$name\" altname $other 2>/dev/null; \
               done; \
             done",
            names[0], names[1]
        );
        self.run_beside("udev", &script)
    }

    pub(crate) fn start_process(&self, part: &str, command: Command) -> Result<Process> {
        let name = format!("{}-{part}", self.name());
        Process::start(&self.machine()?.spawner, &name, command, &self.bed.log(&name))
    }

    pub(crate) fn next_monitor(&self) -> u8 {
        let number = self.monitors.get();
        self.monitors.set(number + 1);
        number
    }

    fn machine(&self) -> Result<Ref<'_, Machine>> {
        match Ref::filter_map(self.machine.borrow(), Option::as_ref) {
            Ok(machine) => Ok(machine),
            Err(_) => bail!("{} is off", self.name()),
        }
    }
}
