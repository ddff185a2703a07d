//! Disks that take nothing, and power that is cut in the middle of a write: nothing is lost, and kernel and files tell one
//! story.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use multinic_testbed::{
    Ambush, Blow, Kind, Needs, Node, SOON, Suite, Testbed, eventually, setup::system::NETWORKD,
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::crashes::{journal, settles};
use crate::endings::{FIRST, Scene, State, one, speaks_of};

const BOOT_FILES: &str = "/etc/netplan";
const STATE: &str = "/var/lib/multinic";
/// In the kernel's part of a change, and at its files.
const FREEZES: [usize; 2] = [7, 12];

pub(crate) fn tell(suite: Suite) -> Suite {
    let faults = [
        ("a_full", Fault { begins: "! dd if=/dev/zero of=ballast bs=1k", ends: "rm ballast" }),
        ("a_read_only", Fault { begins: "mount -o remount,ro .", ends: "mount -o remount,rw ." }),
        ("an_immutable", Fault { begins: "chattr +i .", ends: "chattr -i ." }),
    ];
    let directories = [("boot_files", BOOT_FILES, "NotPersisted"), ("state", STATE, "HostFilesUnwritable")];
    let suite = faults.into_iter().fold(suite, |suite, (word, fault)| {
        directories.into_iter().fold(suite, |suite, (of, directory, reason)| {
            let name = format!("{word}_directory_of_{of}_is_told_and_changes_neither_kernel_nor_files");
            let disk = Disk { directory, fault };
            suite.tell(&name, Needs::Testbed, async move |bed: &Testbed| refuses(bed, disk, reason).await)
        })
    });
    let name = "disks_that_fill_up_at_any_step_of_a_change_leave_all_of_it_or_nothing";
    suite.tell(name, Needs::Testbed, fills_up).tell(
        "a_node_whose_power_is_cut_between_two_files_of_a_nic_gets_the_second_from_the_next_agent",
        Needs::FullNodes,
        power_cut,
    )
}

/// What happens to a file system, as shell commands in it.
#[derive(Clone, Copy)]
struct Fault {
    begins: &'static str,
    ends: &'static str,
}

/// A directory of the host on a small file system of its own, and what happens to that.
#[derive(Clone, Copy)]
struct Disk {
    directory: &'static str,
    fault: Fault,
}

impl Disk {
    /// Gives the directory its file system, with what is in it.
    fn mount(self, node: &Node<'_>) -> Result<()> {
        let path = self.path(node);
        let script = "mkdir -p \"$1\"; mkdir \"$2\"; cp -a \"$1/.\" \"$2\"; mount -t tmpfs -o size=64k tmpfs \"$1\"; \
             cp -a \"$2/.\" \"$1\"; rm -r \"$2\"";
        let aside = node.directory().join("aside");
        node.exec(&["sh", "-ec", script, "mount", &path.to_string_lossy(), &aside.to_string_lossy()])?;
        Ok(())
    }

    fn breaks(self, node: &Node<'_>) -> Result<()> {
        self.has(node, self.fault.begins)
    }

    fn is_mended(self, node: &Node<'_>) -> Result<()> {
        self.has(node, self.fault.ends)
    }

    fn has(self, node: &Node<'_>, done: &str) -> Result<()> {
        let script = format!("cd \"$1\"; {done}");
        node.exec(&["sh", "-ec", &script, "disk", &self.path(node).to_string_lossy()]).map(drop)
    }

    /// Where a light node's processes find it.
    fn path(self, node: &Node<'_>) -> PathBuf {
        node.directory().join("root").join(self.directory.trim_start_matches('/'))
    }
}

async fn refuses(bed: &Testbed, disk: Disk, reason: &str) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    scene.becomes(&json!([])).await?;
    disk.mount(node)?;
    // To take a file away needs no space.
    let wanted = [one("10.20.0.5/24", 1400), one("10.20.1.6/24", 1450)];
    for nics in &wanted {
        let before = State::of(node)?;
        disk.breaks(node)?;
        let generation = scene.ask(nics).await?;
        scene.says(generation, reason).await?;
        eventually("all to be as it was", SOON, async || {
            let now = without_ballast(State::of(node)?);
            ensure!(now == before, "{now:?} instead of {before:?}");
            ensure!(!journal(node)?.exists(), "something is under way");
            Ok(())
        })
        .await?;
        disk.is_mended(node)?;
        eventually("the change", SOON, async || scene.says_ready(generation).await).await?;
        let now = State::of(node)?;
        ensure!(now.links != before.links && now.files != before.files, "nothing has changed: {now:?}");
    }
    Ok(())
}

fn without_ballast(mut state: State) -> State {
    state.files.remove("ballast");
    state
}

/// Both disks fill up while the agent does not run for a moment.
async fn fills_up(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let (old, new) = (one("10.20.0.5/24", 1400), one("10.20.1.6/24", 1450));
    let ends = scene.ends(&old, &new).await?;
    let fault = Fault { begins: "! dd if=/dev/zero of=ballast bs=1k", ends: "rm ballast" };
    let disks = [BOOT_FILES, STATE].map(|directory| Disk { directory, fault });
    for disk in disks {
        disk.mount(&scene.node)?;
    }
    for step in FREEZES {
        ensure!(scene.strikes(&old, &new, step, Blow::Freeze).await?, "there is no step {step}");
        for disk in disks {
            disk.breaks(&scene.node)?;
        }
        scene.node.agent()?.signal(Signal::SIGCONT)?;
        eventually("the agent to say what became of it", SOON, async || {
            let status = scene.status().await?;
            let nic = status.interfaces.first().context("no NIC")?;
            // What was opened before the disk was full can be renamed all the same.
            let may_say = ["NotPersisted", "HostFilesUnwritable", "Configured"];
            let is_of_now = speaks_of(&status, scene.generation().await?);
            ensure!(is_of_now && may_say.contains(&nic.reason.as_str()), "{nic:?}");
            Ok(())
        })
        .await
        .with_context(|| format!("at step {step}"))?;
        for disk in disks {
            // What fills them is no part of what is compared.
            disk.is_mended(&scene.node)?;
        }
        settles(&scene.node, &ends).await.with_context(|| format!("at step {step}"))?;
        let now = scene.becomes(&new).await?;
        assert_eq!(
            (now.links, now.files),
            (ends[1].links.clone(), ends[1].files.clone()),
            "after step {step}"
        );
        ensure!(!journal(&scene.node)?.exists(), "the journal is open");
    }
    Ok(())
}

async fn power_cut(bed: &Testbed) -> Result<()> {
    let scene = Scene::on(bed, Kind::Of(&NETWORKD)).await?;
    let node = &scene.node;
    let new = one("10.20.0.5/24", 1400);
    let files = || -> Result<Vec<String>> {
        let all = node.exec(&["ls", "/etc/systemd/network"])?;
        Ok(all.lines().filter(|name| name.contains("-multinic-multinic0")).map(str::to_owned).collect())
    };
    becomes_ready(&scene, &new).await?;
    let both = files()?;
    ensure!(both.len() == 2, "{both:?} are not two files");
    becomes_ready(&scene, &json!([])).await?;
    // Between two files there are two steps.
    for step in (0..).step_by(2) {
        let ambush = Ambush::lay(node.agent()?.id(), step, Blow::KillAll)?;
        let generation = scene.ask(&new).await?;
        eventually("the step, or the end of the change", SOON, async || {
            if ambush.is_over() { Ok(()) } else { scene.says_ready(generation).await }
        })
        .await?;
        if !ambush.end()? {
            bail!("at no step before {step} there was one file of two");
        }
        node.agent_ends().await?;
        if files()?.len() == 1 {
            break;
        }
        node.start_agent(&scene.cluster).await?;
        becomes_ready(&scene, &json!([])).await?;
    }
    let written = files()?;
    node.power_off().await?;
    let missing = both.iter().find(|name| !written.contains(name)).context("none is missing")?;
    let torn = format!("etc/systemd/network/.{missing}.multinic-tmp");
    fs::write(node.disk().join(&torn), "[Match]\nPermanentMACAdd")?;
    node.power_on().await?;
    assert_eq!(files()?, written);

    // Nothing but what was left open is ended.
    let paused = scene.ask_to("Paused", &new).await?;
    node.start_agent(&scene.cluster).await?;
    eventually("the next agent", SOON, async || scene.has_seen(paused).await).await?;
    assert_eq!(files()?, both);
    let left = [journal(node)?, node.host_root()?.join(&torn)];
    ensure!(left.iter().all(|path| !path.exists()), "one of {left:?} is left");
    becomes_ready(&scene, &new).await?;
    ensure!(node.link(FIRST)?.is_up_as("multinic0", 1400, "10.20.0.5/24"), "{:?}", node.link(FIRST)?);
    Ok(())
}

/// Asks for these NICs, whatever the files of the host are.
async fn becomes_ready(scene: &Scene<'_>, nics: &Value) -> Result<()> {
    let generation = scene.ask(nics).await?;
    eventually("the change", SOON, async || scene.says_ready(generation).await).await
}
