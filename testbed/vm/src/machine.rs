//! A machine that QEMU emulates, in the testbed's network.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use multinic_testbed::setup::progress::Progress;
use multinic_testbed::{
    LAN, Link, Named, Process, SOON, Testbed, UPLINK, UPLINKS, binaries, bring_libraries, eventually,
};

use crate::board::Board;
use crate::guest::{Guest, NAME, UPLINK_MAC};
use crate::monitor::{self, Monitor};
use crate::names::Names;
use crate::session::Session;
use crate::setup::{self, Disk, ROOT_LABEL, SHARE, SHARE_LABEL};

/// A minute is usual, on a host that has nothing else to do.
const BOOT: Duration = Duration::from_mins(10);

/// A running machine. Its disk is forgotten with it, but not over its reboots.
pub struct VirtualMachine<'bed> {
    bed: &'bed Testbed,
    board: Board,
    monitor: Monitor,
    pub(crate) session: Session,
    qemu: RefCell<Process>,
    nics: RefCell<Vec<Nic>>,
}

#[derive(Debug, Clone)]
struct Nic {
    mac: String,
    slot: u8,
}

impl Nic {
    /// What QEMU calls it.
    fn id(&self) -> String {
        format!("nic{}", self.slot)
    }

    /// The fabric's end of its cable.
    fn tap(&self) -> String {
        format!("vm{}", self.slot)
    }
}

impl Named for VirtualMachine<'_> {
    fn name(&self) -> &str {
        NAME
    }
}

impl<'bed> VirtualMachine<'bed> {
    /// Boots a machine with an uplink and these NICs.
    pub async fn boot(bed: &'bed Testbed, guest: &Guest, macs: &[&str]) -> Result<Self> {
        let directory = bed.part("machine")?;
        let share = share(&directory)?;
        let nics: Vec<_> = Board::SLOTS
            .zip([&UPLINK_MAC].into_iter().chain(macs))
            .map(|(slot, mac)| Nic { mac: (*mac).to_owned(), slot })
            .collect();
        let sockets = (directory.join("monitor"), directory.join("agent"));
        let command = qemu(guest.board, &setup::disk(guest)?, &share, &nics, bed, &sockets);
        let machine = Self {
            bed,
            board: guest.board,
            qemu: RefCell::new(bed.start("qemu", command)?),
            monitor: Monitor::at(sockets.0),
            session: Session::at(sockets.1),
            nics: RefCell::new(nics),
        };
        let nics = machine.nics.borrow().clone();
        for nic in &nics {
            let bridge = if nic.mac == UPLINK_MAC { UPLINKS } else { LAN };
            eventually("QEMU to have made its cables", SOON, async || {
                machine.qemu.borrow_mut().check()?;
                machine.lay(nic, bridge)
            })
            .await?;
        }
        machine.booted("").await?;
        Ok(machine)
    }

    /// What is asked of it may take so long.
    pub const PATIENCE: Duration = Duration::from_mins(5);

    /// Attaches a NIC over PCI, as Nova does it while the machine runs.
    pub fn plug(&self, mac: &str) -> Result<()> {
        let mut nics = self.nics.borrow_mut();
        ensure!(nics.iter().all(|nic| nic.mac != mac), "{mac} is plugged in already");
        let slot = Board::SLOTS.into_iter().find(|slot| nics.iter().all(|nic| nic.slot != *slot));
        let nic = Nic { mac: mac.to_owned(), slot: slot.context("no slot is free")? };
        let (bus, address) = self.board.place(nic.slot);
        self.monitor.plug(&nic.id(), &nic.tap(), mac, (&bus, &address))?;
        self.lay(&nic, LAN)?;
        nics.push(nic);
        Ok(())
    }

    /// Detaches a NIC over PCI, and waits until the guest has let go of it.
    pub async fn unplug(&self, mac: &str) -> Result<()> {
        let nic = self.nic(mac)?;
        self.monitor.eject(&nic.id())?;
        eventually(&format!("the guest to let go of {mac}"), Self::PATIENCE, async || {
            self.monitor.is_gone(&nic.id())
        })
        .await?;
        self.monitor.take_cable(&nic.id())?;
        self.nics.borrow_mut().retain(|nic| nic.mac != mac);
        Ok(())
    }

    /// Cuts a NIC's carrier, or gives it back, and waits until the guest sees it.
    pub async fn set_carrier(&self, mac: &str, carrier: bool) -> Result<()> {
        self.monitor.set_carrier(&self.nic(mac)?.id(), carrier)?;
        let name = self.names(mac)?.name;
        eventually(&format!("the carrier of {mac} to be {carrier}"), Self::PATIENCE, async || {
            let seen = self.exec(&["cat", &format!("/sys/class/net/{name}/carrier")])?;
            ensure!(seen.trim() == if carrier { "1" } else { "0" }, "it is {seen}");
            Ok(())
        })
        .await
    }

    /// Runs a command in the guest and returns what it printed.
    pub fn exec(&self, argv: &[&str]) -> Result<String> {
        self.session.run(argv, "").with_context(|| format!("on {NAME}"))
    }

    /// The link with this MAC; fails when there is none.
    pub fn link(&self, mac: &str) -> Result<Link> {
        let links = Link::parse(&self.exec(&["ip", "-json", "address", "show"])?)?;
        let found = links.iter().find(|link| link.mac == mac).cloned();
        found.with_context(|| format!("no link {mac}, but {links:?}"))
    }

    /// What the link with this MAC is called.
    pub fn names(&self, mac: &str) -> Result<Names> {
        Names::parse(&self.exec(&["ip", "-json", "link", "show"])?, mac)
    }

    /// The address that is burnt into a NIC, whatever it has been told to use.
    pub fn permanent_mac(&self, name: &str) -> Result<String> {
        let said = self.exec(&["ethtool", "--show-permaddr", name])?;
        let address = said.trim().strip_prefix("Permanent address: ");
        Ok(address.with_context(|| format!("ethtool says {said}"))?.to_owned())
    }

    /// What udev calls a NIC where nobody says otherwise: by its slot, else by its path.
    pub fn policy_name(&self, name: &str) -> Result<String> {
        let known = self.exec(&["udevadm", "info", "--query=property", &format!("/sys/class/net/{name}")])?;
        let value = |key: &str| known.lines().find_map(|line| line.strip_prefix(key));
        let named = value("ID_NET_NAME_SLOT=").or_else(|| value("ID_NET_NAME_PATH="));
        Ok(named.with_context(|| format!("udev knows no place of {name}: {known}"))?.to_owned())
    }

    /// Has the machine reboot itself in order. Its agent is gone afterwards.
    pub async fn reboot(&self) -> Result<()> {
        let before = self.boot_id()?;
        // It may be gone before it has answered.
        let _ = self.exec(&["systemctl", "reboot"]);
        self.booted(&before).await
    }

    fn boot_id(&self) -> Result<String> {
        self.exec(&["cat", "/proc/sys/kernel/random/boot_id"])
    }

    /// Waits for a boot after that with the id `before`.
    async fn booted(&self, before: &str) -> Result<()> {
        eventually(&format!("{NAME} to boot"), BOOT, async || {
            self.qemu.borrow_mut().check()?;
            ensure!(self.boot_id()? != before, "it has not gone down yet");
            let state = self.exec(&["sh", "-c", "systemctl is-system-running || true"])?;
            ensure!(matches!(state.trim(), "running" | "degraded"), "systemd is {}", state.trim());
            let uplink = self.link(UPLINK_MAC)?;
            ensure!(uplink.name == UPLINK && !uplink.addresses.is_empty(), "the uplink is {uplink:?}");
            Ok(())
        })
        .await
    }

    fn nic(&self, mac: &str) -> Result<Nic> {
        let nics = self.nics.borrow();
        nics.iter().find(|nic| nic.mac == mac).cloned().with_context(|| format!("{mac} is not plugged in"))
    }

    /// Connects the outer end of a cable.
    fn lay(&self, nic: &Nic, bridge: &str) -> Result<()> {
        self.bed.spawner()?.run(&["ip", "link", "set", &nic.tap(), "master", bridge, "up"])?;
        Ok(())
    }
}

/// A disk with the agent's program.
fn share(directory: &Path) -> Result<PathBuf> {
    let (content, disk) = (directory.join("share"), directory.join("share-disk"));
    fs::create_dir(&content)?;
    let program = content.join("multinic-agent");
    fs::copy(&binaries()?.agent, &program)?;
    bring_libraries(&program, &content.join("lib"), &Path::new(SHARE).join("lib"))?;
    let mut progress = Progress::start("disk with the agent");
    setup::make_disk(&mut progress, SHARE_LABEL, &content, &disk, "1G")?;
    progress.finish();
    Ok(disk)
}

fn qemu(
    board: Board,
    disk: &Disk,
    share: &Path,
    nics: &[Nic],
    bed: &Testbed,
    (monitor, agent): &(PathBuf, PathBuf),
) -> Command {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-machine", board.machine()])
        .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024"])
        .args(["-kernel".as_ref(), disk.kernel.as_os_str(), "-initrd".as_ref(), disk.initrd.as_os_str()])
        .args(["-append", &format!("root=LABEL={ROOT_LABEL} rw console=ttyS0 quiet systemd.show_status=1")])
        .args(["-serial", &format!("file:{}", bed.logs().join("machine-console.log").display())])
        .args(["-qmp", &format!("unix:{},server=on,wait=off", monitor.display())])
        .args(["-chardev", &format!("socket,path={},server=on,wait=off,id=agent", agent.display())])
        .args(["-device", "virtio-serial,addr=0x12"])
        .args(["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]);
    for (id, path, address) in [("root", disk.root.as_path(), "0x10"), ("share", share, "0x11")] {
        // What is written is forgotten with the process.
        let drive = format!("file={},format=raw,if=none,id={id},snapshot=on", path.display());
        let device = format!("virtio-blk-pci,drive={id},addr={address}");
        qemu.args(["-drive", &drive, "-device", &device]);
    }
    for device in board.devices() {
        qemu.args(["-device", &device]);
    }
    for nic in nics {
        let (id, cable, (bus, address)) = (nic.id(), monitor::cable(&nic.id()), board.place(nic.slot));
        let netdev = format!("tap,id={cable},ifname={},script=no,downscript=no", nic.tap());
        let device =
            format!("virtio-net-pci,id={id},netdev={cable},mac={},bus={bus},addr={address}", nic.mac);
        qemu.args(["-netdev", &netdev, "-device", &device]);
    }
    qemu
}
