//! Others who act on the node at the same time, and a kernel that is not listened to in time.

use anyhow::{Result, ensure};
use multinic_testbed::{Blow, Needs, Node, SOON, Suite, Testbed, eventually};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::crashes::journal;
use crate::endings::{FIRST, SECOND, Scene, State, one, two};

/// A NIC of nobody.
const STRANGER: &str = "fa:16:3e:99:99:99";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("a_second_agent_waits_for_the_first_and_for_what_stands_by_for_it", Needs::Testbed, two_agents)
        .tell("an_agent_that_missed_what_the_kernel_announced_looks_at_everything", Needs::Testbed, deaf)
        .tell("a_name_that_somebody_takes_in_the_middle_of_a_change_is_theirs", Needs::Testbed, name_taken)
        .tell(
            "a_nic_that_is_pulled_out_at_any_step_of_a_change_is_missed_and_comes_back",
            Needs::Testbed,
            pulled_out,
        )
        .tell(
            "a_link_that_takes_the_number_of_a_nic_that_was_pulled_out_is_not_touched",
            Needs::Testbed,
            same_number,
        )
        .tell("a_nic_that_moves_into_a_pod_is_missed_and_not_looked_for", Needs::Testbed, in_a_pod)
}

/// Stops the agent at the first of every other step of a change at which it is so.
async fn stop_where(
    scene: &Scene<'_>,
    old: &Value,
    new: &Value,
    is_so: impl Fn() -> Result<bool>,
) -> Result<()> {
    for step in (0..).step_by(2) {
        ensure!(scene.strikes(old, new, step, Blow::Freeze).await?, "at no step before {step} it is so");
        if is_so()? {
            break;
        }
        scene.node.agent()?.signal(Signal::SIGCONT)?;
        let generation = scene.generation().await?;
        eventually("the change", SOON, async || scene.says_ready(generation).await).await?;
    }
    Ok(())
}

async fn two_agents(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let (old, new) = (one("10.20.0.5/24", 1400), one("10.20.1.6/24", 1450));
    let ends = scene.ends(&old, &new).await?;
    stop_where(&scene, &old, &new, || Ok(journal(&scene.node)?.exists())).await?;
    let mut second = scene.node.start_second_agent(&scene.cluster).await?;
    second.says("another agent acts on this node").await?;
    ensure!(journal(&scene.node)?.exists(), "what was under way is over");
    // The first one is killed, and what stood by for it takes the change back.
    scene.node.kill_agent()?;
    second.says("an earlier agent ended in the middle of a change").await?;
    eventually("the second agent", SOON, async || scene.says_ready(scene.generation().await?).await).await?;
    assert_eq!(State::of(&scene.node)?, ends[1]);
    ensure!(!journal(&scene.node)?.exists(), "the journal is open");
    second.check()
}

/// More is announced than a socket holds while the agent does not run, and among it that a NIC of ours was changed.
async fn deaf(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    let before = scene.becomes(&one("10.20.0.5/24", 1400)).await?;
    let process = node.agent()?.id();
    node.agent()?.signal(Signal::SIGSTOP)?;
    let flood = "for n in $(seq 6000); do echo address add 127.9.$((n / 250)).$((n % 250))/32 dev lo; done | \
         ip -batch -; ip address flush dev lo to 127.9.0.0/16";
    node.exec(&["sh", "-ec", flood])?;
    node.exec(&["ip", "address", "flush", "dev", "multinic0"])?;
    ensure!(dropped(node)? > 0, "nothing was lost");
    node.agent()?.signal(Signal::SIGCONT)?;
    eventually("the NIC to be repaired", SOON, async || {
        let now = State::of(node)?;
        ensure!(now == before, "{now:?} instead of {before:?}");
        Ok(())
    })
    .await?;
    node.agent()?.check()?;
    assert_eq!(node.agent()?.id(), process);
    // It hears again.
    node.exec(&["ip", "address", "flush", "dev", "multinic0"])?;
    eventually("the NIC to be repaired again", SOON, async || {
        ensure!(State::of(node)? == before, "it is not");
        Ok(())
    })
    .await
}

/// How many announcements the sockets of the node's processes have lost.
fn dropped(node: &Node<'_>) -> Result<u64> {
    let sockets = node.exec(&["cat", "/proc/self/net/netlink"])?;
    let lost = |line: &str| line.split_whitespace().nth(8)?.parse::<u64>().ok();
    Ok(sockets.lines().skip(1).filter_map(lost).sum())
}

async fn name_taken(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    let new = one("10.20.0.5/24", 1400);
    // The ledger remembers what a NIC was once given.
    scene.becomes(&new).await?;
    let before = scene.becomes(&json!([])).await?;
    stop_where(&scene, &json!([]), &new, || Ok(journal(node)?.exists())).await?;
    ensure!(node.link(FIRST)?.name == "eth1", "it has its name already");
    node.exec(&["ip", "link", "add", "multinic0", "type", "bridge"])?;
    node.agent()?.signal(Signal::SIGCONT)?;
    let generation = scene.generation().await?;
    eventually("the name to be in use", SOON, async || {
        let log = node.agent()?.log()?;
        let says = |words: &str| log.lines().any(|line| line.contains(words));
        ensure!(says("failed to rename") && says("rolled back") && says("NameInUse"), "{log}");
        Ok(())
    })
    .await?;
    assert_eq!(State::of(node)?, before);
    node.exec(&["ip", "link", "delete", "multinic0"])?;
    eventually("the change", SOON, async || scene.says_ready(generation).await).await
}

async fn pulled_out(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    let (old, new) = (two(["multinic0", "multinic1"]), two(["multinic1", "multinic0"]));
    let mut steps = 0;
    for step in (0..).step_by(7) {
        if !scene.strikes(&old, &new, step, Blow::Freeze).await? {
            break;
        }
        steps += 1;
        node.unplug(FIRST)?;
        node.agent()?.signal(Signal::SIGCONT)?;
        is_missed(node, steps).await?;
        eventually("the other NIC", SOON, async || {
            let other = node.link(SECOND)?;
            ensure!(
                other.up && other.name == "multinic0" && other.addresses == ["10.20.1.5/24"],
                "{other:?}"
            );
            Ok(())
        })
        .await?;
        node.plug(FIRST)?;
        eventually("the NIC to be back", SOON, async || {
            let nic = node.link(FIRST)?;
            ensure!(nic.up && nic.name == "multinic1" && nic.addresses == ["10.20.0.5/24"], "{nic:?}");
            ensure!(!journal(node)?.exists(), "the journal is open");
            Ok(())
        })
        .await?;
    }
    ensure!(steps > 2, "{steps} steps are no change");
    Ok(())
}

async fn same_number(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    let new = one("10.20.0.5/24", 1400);
    let number = node.link(FIRST)?.index.to_string();
    let has_its_name = || Ok(journal(node)?.exists() && node.link(FIRST)?.name == "multinic0");
    stop_where(&scene, &json!([]), &new, has_its_name).await?;
    ensure!(node.link(FIRST)?.addresses.is_empty(), "it has its address already");
    node.unplug(FIRST)?;
    let stranger = ["type", "veth", "peer", "name", "other"];
    node.exec(
        &[&["ip", "link", "add", "stranger", "index", &number, "address", STRANGER], &stranger[..]].concat(),
    )?;
    let before = node.link(STRANGER)?;
    node.agent()?.signal(Signal::SIGCONT)?;
    let generation = scene.generation().await?;
    is_missed(node, 1).await?;
    assert_eq!(node.link(STRANGER)?, before);
    node.plug(FIRST)?;
    eventually("the NIC to be back", SOON, async || scene.says_ready(generation).await).await?;
    assert_eq!(node.link(STRANGER)?, before);
    Ok(())
}

/// Waits until the agent has found so many times that the NIC is not there. So many changes of the object spend what the
/// agent may write of such news, so the object says it later.
async fn is_missed(node: &Node<'_>, times: usize) -> Result<()> {
    eventually("the NIC to be missed", SOON, async || {
        let log = node.agent()?.log()?;
        let missed = log.lines().filter(|line| line.contains("\"state\":\"DeviceMissing\"")).count();
        ensure!(missed >= times, "{missed} times: {log}");
        Ok(())
    })
    .await
}

/// As plugins do that give a pod a device of the host.
async fn in_a_pod(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    let before = scene.becomes(&one("10.20.0.5/24", 1400)).await?;
    let generation = scene.generation().await?;
    bed.spawner()?.run(&["ip", "netns", "add", "pod"])?;
    node.exec(&["ip", "link", "set", "multinic0", "netns", "pod"])?;
    scene.says(generation, "DeviceMissing").await?;
    let pod = |arguments: &[&str]| bed.spawner()?.run(&[&["ip", "-netns", "pod"], arguments].concat());
    pod(&["link", "set", "multinic0", "name", "net1", "up"])?;
    let there = pod(&["-oneline", "address", "show", "dev", "net1"])?;
    ensure!(!there.contains("10.20.0.5"), "{there}");
    pod(&["link", "set", "net1", "netns", node.name()])?;
    eventually("the NIC to be back", SOON, async || scene.says_ready(generation).await).await?;
    let now = State::of(node)?;
    assert_eq!((&now.links[0], &now.files), (&before.links[0], &before.files));
    Ok(())
}
