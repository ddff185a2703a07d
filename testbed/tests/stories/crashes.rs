//! An agent that ends in the middle of its work without a chance to end it.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use multinic_testbed::{Ambush, Blow, Needs, Node, SOON, Suite, Testbed, at_length, eventually, named};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::endings::{Scene, State, one, two};

/// Every how manieth step an agent is killed at, where there is no time for all; odd, so that both kinds take turns.
const KILLS: usize = 3;
/// Every how manieth step an agent is frozen at: the standby waits for a while.
const FREEZES: usize = 4;

pub(crate) fn tell(suite: Suite) -> Suite {
    let changes = [
        ("a_first_configuration", json!([]), one("10.20.0.5/24", 1400)),
        ("a_change", one("10.20.0.5/24", 1400), one("10.20.1.6/24", 1450)),
        ("an_exchange_of_names", two(["multinic0", "multinic1"]), two(["multinic1", "multinic0"])),
        ("a_removal", one("10.20.0.5/24", 1400), json!([])),
    ];
    let suite = changes.into_iter().fold(suite, |suite, (change, old, new)| {
        let name = named(&format!("an_agent_killed_at_any_step_of_{change}_leaves_all_of_it_or_nothing"));
        suite.tell(&name, Needs::Testbed, async move |bed: &Testbed| at_every_step(bed, &old, &new).await)
    });
    let name = "a20_what_a_frozen_agent_left_half_done_is_taken_back_without_it";
    suite.tell(name, Needs::Testbed, frozen)
}

/// Kills the agent at the first step of the change, then at a later one, and so on until there is none left. Its standby
/// answers where it alone is killed, and the next agent where it is killed with its standby; at length, both at each step.
async fn at_every_step(bed: &Testbed, old: &Value, new: &Value) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let ends = scene.ends(old, new).await?;
    let blows = [Blow::Kill, Blow::KillAll];
    let (mut back, mut forth) = (0, 0);
    'steps: for step in (0..).step_by(if at_length() { 1 } else { KILLS }) {
        for blow in if at_length() { &blows[..] } else { &blows[step % 2..=step % 2] } {
            if !scene.strikes(old, new, step, *blow).await? {
                break 'steps;
            }
            scene.node.agent_ends().await?;
            if *blow == Blow::Kill {
                settles(&scene.node, &ends).await?;
            }
            // Nothing but what was left open is ended.
            let paused = scene.ask_to("Paused", new).await?;
            scene.node.start_agent(&scene.cluster).await?;
            eventually("the next agent", SOON, async || scene.has_seen(paused).await).await?;
            ensure!(!journal(&scene.node)?.exists(), "the journal is open");
            let state = State::of(&scene.node)?;
            if state == ends[0] {
                back += 1;
            } else {
                assert_eq!(state, ends[1], "{blow:?} at step {step}");
                forth += 1;
            }
            assert_eq!(scene.becomes(new).await?, ends[1], "after {blow:?} at step {step}");
        }
    }
    eprintln!("killed {} times: {back} times taken back, {forth} times brought to an end", back + forth);
    ensure!(back >= 2 && forth >= 1, "these are not the steps of a change");
    Ok(())
}

/// An agent that is stopped in the middle of a change, and goes on when that was taken back.
async fn frozen(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let (old, new) = (one("10.20.0.5/24", 1400), one("10.20.1.6/24", 1450));
    let ends = scene.ends(&old, &new).await?;
    let mut taken_over = 0;
    for step in (0..).step_by(FREEZES) {
        if !scene.strikes(&old, &new, step, Blow::Freeze).await? {
            break;
        }
        let is_open = journal(&scene.node)?.exists();
        if is_open {
            eventually("the standby", SOON, async || {
                let log = scene.node.agent()?.log()?;
                ensure!(log.contains("the agent was silent"), "the standby still waits: {log}");
                Ok(())
            })
            .await?;
            settles(&scene.node, &ends).await?;
        }
        scene.node.agent()?.signal(Signal::SIGCONT)?;
        taken_over += usize::from(is_open);
        if is_open && ends_itself(&scene, &new).await? {
            let (status, log) = scene.node.agent_ends().await?;
            let knows = log.contains("this agent was not heard of");
            ensure!(!status.success() && knows, "{status} at step {step}: {log}");
            scene.node.start_agent(&scene.cluster).await?;
        }
        assert_eq!(scene.becomes(&new).await?, ends[1], "after step {step}");
        ensure!(!journal(&scene.node)?.exists(), "the journal is open");
    }
    ensure!(taken_over > 1, "nothing was under way");
    Ok(())
}

/// Whether the agent ends, or goes on since nothing was left to do but to close the journal.
async fn ends_itself(scene: &Scene<'_>, new: &Value) -> Result<bool> {
    let generation = scene.ask(new).await?;
    eventually("the agent to end, or to go on", SOON, async || {
        let has_ended = scene.node.agent()?.check().is_err();
        if !has_ended {
            scene.says_ready(generation).await?;
        }
        Ok(has_ended)
    })
    .await
}

impl Scene<'_> {
    /// Has the agent struck at this step of the change; whether there is one.
    pub(crate) async fn strikes(&self, old: &Value, new: &Value, step: usize, blow: Blow) -> Result<bool> {
        self.becomes(old).await?;
        let process = self.node.agent()?.id();
        let ambush = Ambush::lay(process, step, blow)?;
        let generation = self.ask(new).await?;
        eventually("the step, or the end of the change", SOON, async || {
            if ambush.is_over() { Ok(()) } else { self.says_ready(generation).await }
        })
        .await?;
        ambush.end()
    }
}

/// Waits until links and files are as they were, or as wanted, without an agent.
pub(crate) async fn settles(node: &Node<'_>, ends: &[State; 2]) -> Result<()> {
    eventually("the standby", SOON, async || {
        let now = State::of(node)?;
        let is_one = ends.iter().any(|end| (&end.links, &end.files) == (&now.links, &now.files));
        ensure!(is_one, "neither as it was nor as wanted: {now:?}");
        Ok(())
    })
    .await
}

pub(crate) fn journal(node: &Node<'_>) -> Result<PathBuf> {
    Ok(node.host_root()?.join("var/lib/multinic/journal.json"))
}
