//! A node that boots: a systemd-nspawn machine in the node's network namespace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::sched::CloneFlags;

use super::cable::Cables;
use super::cgroup;
use super::link::Link;
use super::machine::{Machine, Power, UPLINK};
use super::root::Root;
use crate::sandbox::eventually::{SOON, eventually};
use crate::sandbox::process::Process;
use crate::sandbox::spawner::{Namespace, Spawner};
use crate::sandbox::testbed::Testbed;

const SHARE: &str = "/opt/multinic";

/// Joins the cgroups named before `--`, then becomes what follows it.
const IN_CGROUPS: &str = r#"
while [ "$1" != -- ]; do
    echo 0 > "$1/cgroup.procs"
    shift
done
shift
exec "$@"
"#;

/// Every namespace that systemd-nspawn gives a machine. The mount namespace comes last, see [`Spawner::enter`].
const NAMESPACES: [(&str, CloneFlags); 6] = [
    ("net", CloneFlags::CLONE_NEWNET),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("pid", CloneFlags::CLONE_NEWPID),
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
    ("mnt", CloneFlags::CLONE_NEWNS),
];

/// What shows that a machine has booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// All of it runs, and it has an uplink.
    Uplink,
    /// networkd runs, whatever it has to do.
    Networkd,
}

pub(super) async fn boot(bed: &Testbed, cables: &Cables<'_>, root: &Root, sign: Sign) -> Result<Machine> {
    let name = cables.netns();
    // Without its own, two machines would clean up each other's services.
    let groups = cgroup::create(&bed.unique(name))?;
    let mut nspawn = power_on(bed, name, root, &groups)?;
    let init = eventually(&format!("{name} to start its init"), SOON, async || {
        nspawn.check()?;
        init_of(&nspawn)
    })
    .await?;
    let namespaces = NAMESPACES
        .into_iter()
        .map(|(namespace, kind)| Namespace::open(&format!("/proc/{init}/ns/{namespace}"), kind))
        .collect::<Result<_>>()?;
    let spawner = Spawner::enter(namespaces)?;
    eventually(&format!("{name} to boot"), SOON, async || {
        nspawn.check()?;
        match sign {
            Sign::Uplink => booted(&spawner),
            Sign::Networkd => spawner.run(&["systemctl", "is-active", "systemd-networkd"]).map(drop),
        }
    })
    .await?;
    Ok(Machine {
        spawner,
        root_on_node: PathBuf::from("/"),
        root_from_here: PathBuf::from(format!("/proc/{init}/root")),
        share_on_node: PathBuf::from(SHARE),
        enter: format!("nsenter -t {init} -a"),
        power: Some(Power { groups, nspawn, init }),
    })
}

fn power_on(bed: &Testbed, name: &str, root: &Root, groups: &[PathBuf]) -> Result<Process> {
    let mut command = Command::new("sh");
    command
        .args(["-ec", IN_CGROUPS, "in-cgroups"])
        .args(groups)
        .args(["--", "systemd-nspawn", "--quiet", "--console=pipe", "--boot", "--register=no", "--keep-unit"])
        .args(["--resolv-conf=off", "--timezone=off", "--link-journal=no"])
        // Without it networkd does not start.
        .arg("--capability=CAP_NET_ADMIN")
        .arg(format!("--machine={name}"))
        .arg(format!("--directory={}", root.path.display()))
        .arg(format!("--bind-ro={}:{SHARE}", root.share.display()))
        .args(&root.options)
        // udev must be able to write to the NICs' files.
        .env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "1");
    // In the node's network from the start: with nspawn's own --network-namespace-path, /sys shows the outer NICs.
    let log = format!("{name}-console");
    Process::start(&bed.spawner_in(name)?, &log, command, &bed.log(&log))
}

/// The machine's first process, once it is systemd: from then on its namespaces are the final ones.
fn init_of(nspawn: &Process) -> Result<u32> {
    let nspawn = nspawn.id();
    let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children"))?;
    let init = children.split_whitespace().next().context("systemd-nspawn has no child")?.parse()?;
    let program = fs::read_link(format!("/proc/{init}/exe"))?;
    ensure!(program.file_name() == Some(Path::new("systemd").as_os_str()), "still {}", program.display());
    Ok(init)
}

fn booted(spawner: &Spawner) -> Result<()> {
    let mut command = Command::new("systemctl");
    command.arg("is-system-running");
    let output = spawner.output(command)?;
    let state = String::from_utf8_lossy(&output.stdout);
    // A unit that cannot work in a container leaves it "degraded"; that is not what is waited for.
    ensure!(matches!(state.trim(), "running" | "degraded"), "systemd is {}", state.trim());
    let links = Link::parse(&spawner.run(&["ip", "-json", "address", "show"])?)?;
    let configured = links.iter().any(|link| link.name == UPLINK && link.up && !link.addresses.is_empty());
    ensure!(configured, "nothing has configured {UPLINK}: {links:?}");
    Ok(())
}
