//! An agent that is asked to stop in the middle of its work.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use kube::Api;
use kube::api::{Patch, PatchParams};
use multinic_crds::{InterfaceStatus, NodeNetworkConfig, NodeNetworkConfigStatus};
use multinic_testbed::{
    Ambush, Blow, ControlPlane, Kind, Link, Needs, Node, SOON, Suite, Testbed, eventually,
};
use serde_json::{Value, json};

pub(crate) const FIRST: &str = "fa:16:3e:00:00:01";
pub(crate) const SECOND: &str = "fa:16:3e:00:00:02";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell(
            "an_agent_asked_to_stop_at_any_step_of_a_first_configuration_leaves_all_of_it_or_nothing",
            Needs::Testbed,
            async |bed: &Testbed| at_every_step(bed, json!([]), one("10.20.0.5/24", 1400)).await,
        )
        .tell(
            "an_agent_asked_to_stop_at_any_step_of_a_change_leaves_all_of_it_or_nothing",
            Needs::Testbed,
            async |bed: &Testbed| {
                at_every_step(bed, one("10.20.0.5/24", 1400), one("10.20.1.6/24", 1450)).await
            },
        )
        .tell(
            "an_agent_asked_to_stop_at_any_step_of_an_exchange_of_names_leaves_all_of_it_or_nothing",
            Needs::Testbed,
            async |bed: &Testbed| {
                at_every_step(bed, two(["multinic0", "multinic1"]), two(["multinic1", "multinic0"])).await
            },
        )
        .tell(
            "an_agent_asked_to_stop_at_any_step_of_a_removal_leaves_all_of_it_or_nothing",
            Needs::Testbed,
            async |bed: &Testbed| at_every_step(bed, one("10.20.0.5/24", 1400), json!([])).await,
        )
}

pub(crate) fn one(address: &str, mtu: u32) -> Value {
    json!([{ "macAddress": FIRST, "name": "multinic0", "addresses": [address], "mtu": mtu }])
}

pub(crate) fn two(names: [&str; 2]) -> Value {
    json!([
        { "macAddress": FIRST, "name": names[0], "addresses": ["10.20.0.5/24"] },
        { "macAddress": SECOND, "name": names[1], "addresses": ["10.20.1.5/24"] },
    ])
}

/// Everything on the node that a change is about.
#[derive(Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) links: Vec<Link>,
    pub(crate) files: BTreeMap<String, String>,
    ledger: Option<String>,
}

impl State {
    pub(crate) fn of(node: &Node<'_>) -> Result<Self> {
        let root = node.host_root()?;
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(root.join("etc/netplan"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, fs::read_to_string(entry.path())?);
        }
        let links = [FIRST, SECOND].iter().map(|mac| node.link(mac)).collect::<Result<_>>()?;
        Ok(Self { links, files, ledger: fs::read_to_string(root.join("var/lib/multinic/ledger.json")).ok() })
    }
}

pub(crate) struct Scene<'bed> {
    pub(crate) cluster: ControlPlane<'bed>,
    pub(crate) node: Node<'bed>,
}

impl<'bed> Scene<'bed> {
    /// A light node with two NICs that nobody asks for, and its agent.
    pub(crate) async fn new(bed: &'bed Testbed) -> Result<Self> {
        Self::on(bed, Kind::Light).await
    }

    /// The same on a node of this kind.
    pub(crate) async fn on(bed: &'bed Testbed, kind: Kind) -> Result<Self> {
        let cluster = bed.control_plane().await?;
        let node = bed.node("worker-1", kind).await?;
        node.plug(FIRST)?;
        node.plug(SECOND)?;
        node.join(&cluster).await?;
        Ok(Self { cluster, node })
    }

    /// The node as it was wanted first, and as it is wanted then. Its agent goes on from there.
    pub(crate) async fn ends(&self, old: &Value, new: &Value) -> Result<[State; 2]> {
        // The ledger remembers every address that it ever gave a NIC.
        for interfaces in [old, new] {
            self.becomes(interfaces).await?;
        }
        let (before, after) = (self.becomes(old).await?, self.becomes(new).await?);
        ensure!(before.links != after.links && before.files != after.files, "nothing changes");
        Ok([before, after])
    }

    /// Asks for these NICs; the generation that does.
    pub(crate) async fn ask(&self, interfaces: &Value) -> Result<Option<i64>> {
        self.ask_to("Enforce", interfaces).await
    }

    /// The same, in this mode.
    pub(crate) async fn ask_to(&self, mode: &str, interfaces: &Value) -> Result<Option<i64>> {
        let object = json!({
            "apiVersion": "multinic.io/v1alpha1",
            "kind": "NodeNetworkConfig",
            "metadata": { "name": self.node.name() },
            "spec": { "mode": mode, "interfaces": interfaces },
        });
        let configs = Api::<NodeNetworkConfig>::all(self.cluster.client());
        let params = PatchParams::apply("story").force();
        let config = configs.patch(self.node.name(), &params, &Patch::Apply(&object)).await?;
        Ok(config.metadata.generation)
    }

    /// Fails unless the agent says that this generation is all there.
    pub(crate) async fn says_ready(&self, generation: Option<i64>) -> Result<()> {
        let status = self.status().await?;
        let ready = status.conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True");
        ensure!(ready && status.observed_generation == generation, "generation {generation:?}: {status:?}");
        Ok(())
    }

    /// Fails unless the agent says anything of this generation.
    pub(crate) async fn has_seen(&self, generation: Option<i64>) -> Result<()> {
        let status = self.status().await?;
        ensure!(status.observed_generation == generation, "generation {generation:?}: {status:?}");
        Ok(())
    }

    pub(crate) async fn status(&self) -> Result<NodeNetworkConfigStatus> {
        let config = Api::<NodeNetworkConfig>::all(self.cluster.client()).get(self.node.name()).await?;
        config.status.context("no status")
    }

    /// The object's generation.
    pub(crate) async fn generation(&self) -> Result<Option<i64>> {
        let config = Api::<NodeNetworkConfig>::all(self.cluster.client()).get(self.node.name()).await?;
        Ok(config.metadata.generation)
    }

    /// Waits until the agent says `reason` of the first NIC, and that of this generation.
    pub(crate) async fn says(&self, generation: Option<i64>, reason: &str) -> Result<InterfaceStatus> {
        self.says_of(FIRST, generation, reason).await
    }

    /// The same of the NIC with this MAC address.
    pub(crate) async fn says_of(
        &self,
        mac: &str,
        generation: Option<i64>,
        reason: &str,
    ) -> Result<InterfaceStatus> {
        eventually(&format!("{mac} to be {reason}"), SOON, async || {
            let status = self.status().await?;
            let nic = status.interfaces.iter().find(|nic| nic.mac_address == mac);
            let is_so = speaks_of(&status, generation) && nic.is_some_and(|nic| nic.reason == reason);
            ensure!(is_so, "generation {generation:?}: {status:?}");
            nic.cloned().context("no NIC")
        })
        .await
    }

    /// Asks for these NICs, and waits until the agent says that they are there.
    pub(crate) async fn gets(&self, interfaces: &Value) -> Result<()> {
        let generation = self.ask(interfaces).await?;
        eventually("the change", SOON, async || self.says_ready(generation).await).await
    }

    /// The same, on a host with netplan; how its node is then.
    pub(crate) async fn becomes(&self, interfaces: &Value) -> Result<State> {
        self.gets(interfaces).await?;
        State::of(&self.node)
    }
}

/// Whether the status is the answer to this generation, be it that nothing can be done.
pub(crate) fn speaks_of(status: &NodeNetworkConfigStatus, generation: Option<i64>) -> bool {
    let ready = status.conditions.iter().find(|one| one.type_ == "Ready");
    ready.is_some_and(|ready| ready.observed_generation == generation)
}

/// Asks the agent to stop at the first step of the change, then at the second, and so on until there is none left.
async fn at_every_step(bed: &Testbed, old: Value, new: Value) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let [before, after] = scene.ends(&old, &new).await?;
    let (mut untouched, mut finished) = (0, 0);
    for step in 0.. {
        assert_eq!(scene.becomes(&old).await?, before);
        let process = scene.node.agent()?.id();
        let ambush = Ambush::lay(process, step, Blow::Terminate)?;
        let generation = scene.ask(&new).await?;
        eventually("the step, or the end of the change", SOON, async || {
            if ambush.is_over() { Ok(()) } else { scene.says_ready(generation).await }
        })
        .await?;
        if !ambush.end()? {
            // There are no more steps.
            break;
        }
        let (status, log) = scene.node.agent_ends().await?;
        ensure!(status.success(), "asked to stop at step {step}, it ended with {status}");
        ensure!(log.lines().last().is_some_and(|line| line.contains("\"stopped\"")), "step {step}: {log}");
        let state = State::of(&scene.node)?;
        if state == before {
            untouched += 1;
        } else {
            assert_eq!(state, after, "asked to stop at step {step}");
            scene.says_ready(generation).await.context("what is done is told")?;
            finished += 1;
        }
        scene.node.start_agent(&scene.cluster).await?;
        assert_eq!(scene.becomes(&new).await?, after);
    }
    // The record of what is about to be done, a step of the kernel, a file, and the record of what was done.
    ensure!(finished >= 4, "{finished} steps and {untouched} before them are no change");
    Ok(())
}
