//! Each permission taken away in turn, from an agent or an operator that has all others: what breaks without it.
//!
//! The findings are the table in docs/security.md, word for word. What could be taken away without a loss would have no
//! finding, and fail here; that nothing is granted which is not in [`losses`] is the chart's snapshot's to say.

mod losses;
mod operators;

use std::cell::{Cell, RefCell};

use anyhow::{Context, Result, bail, ensure};
use multinic_testbed::{NAMESPACE, OpenstackConfig, Port, SOON, Testbed, eventually};
use serde_json::{Value, json};

use crate::images::{Images, REPOSITORY};
use crate::scene::{NICS, QUICK, RELEASE, Scene};
use losses::{Loss, Part, Seen, Taken};

const PAGE: &str = "docs/security.md";
const NODE: &str = "worker-1";
const POD: &str = "agent-under-test";
/// What a kernel answers that does not know a call.
const ENOSYS: u32 = 38;

pub(crate) async fn tell(bed: &Testbed) -> Result<()> {
    let scene = Scene::set("permissions", bed).await?;
    scene.load(Images::current()?)?;
    scene.steps.step("helm install, with room for many NICs and a quick operator")?;
    // What has no address in its row has it from its network.
    let by_network = ["--set", "networking.addressing=dhcp6"];
    scene.install(&[&["--set", "operator.maxInterfaces=20"][..], &QUICK, &by_network].concat())?;
    scene.write_rows().await?;
    scene.all_right().await?;

    let lab = Lab::prepare(scene).await?;
    let agents = losses::of_agents();
    lab.with_everything(&agents).await?;
    lab.on_an_old_kernel().await?;
    let mut losses: Vec<_> = agents.into_iter().chain(losses::of_operators()).collect();
    let mut surprises = lab.without_each(&losses).await?;
    lab.two_operators()?;
    let of_candidates = losses::of_candidates();
    surprises.extend(lab.without_each(&of_candidates).await?);
    losses.extend(of_candidates);
    ensure!(surprises.is_empty(), "{}", surprises.join("\n"));
    let found = losses.iter().map(|loss| format!("| {} | {} |", loss.permission, loss.consequence));
    documented(&found.collect::<Vec<_>>())
}

/// Fails unless the table in the page has exactly these rows.
fn documented(found: &[String]) -> Result<()> {
    let page = std::fs::read_to_string(format!("{REPOSITORY}/{PAGE}"))?;
    let (_, table) = page.split_once("<!-- measured: permissions -->").context("no table")?;
    let (table, _) = table.split_once("<!-- end -->").context("the table has no end")?;
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    ensure!(rows == found, "{PAGE} does not say what was found, which is:\n{}", found.join("\n"));
    Ok(())
}

/// A node whose agents are put there one by one.
struct Lab<'bed> {
    scene: Scene<'bed>,
    /// The agent's pod as the chart makes it.
    pod: Value,
    /// How many NICs have been plugged in.
    plugged: Cell<u8>,
    /// One of them that no agent has configured: a node has twenty slots, and there are more losses.
    free: RefCell<Option<Nic>>,
}

/// A NIC that was plugged in.
#[derive(Clone)]
struct Nic {
    mac: String,
    /// As the kernel calls it.
    name: String,
}

impl<'bed> Lab<'bed> {
    async fn prepare(scene: Scene<'bed>) -> Result<Self> {
        let template = ["get", "daemonset", "multinic-agent", "-o", "jsonpath={.spec.template.spec}"];
        let mut spec: Value = serde_json::from_str(&scene.kubectl(&template)?)?;
        spec["nodeName"] = json!(NODE);
        // What it ends with stays to be seen.
        spec["restartPolicy"] = json!("Never");
        let nowhere =
            json!({"spec": {"template": {"spec": {"nodeSelector": {"nowhere": "true"}}}}}).to_string();
        scene.kubectl(&["patch", "daemonset", "multinic-agent", "-p", &nowhere])?;
        eventually("the chart's agents to be gone", SOON, async || {
            let left = scene.kubectl(&[
                "get",
                "pods",
                "-l",
                "app.kubernetes.io/name=multinic-agent",
                "-o",
                "name",
            ])?;
            ensure!(left.is_empty(), "{left}");
            Ok(())
        })
        .await?;
        let metadata = json!({"name": POD, "namespace": NAMESPACE});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        Ok(Self { scene, pod, plugged: Cell::new(0), free: RefCell::default() })
    }

    /// The control: a NIC becomes right, and those that the administrator configures are refused.
    async fn with_everything(&self, losses: &[Loss]) -> Result<()> {
        self.scene
            .steps
            .step("with every permission: NICs are configured, and the administrator's refused")?;
        let ours = self.fresh().await?;
        let mut theirs = Vec::new();
        for loss in losses {
            if let Seen::Taken { file, text } = loss.seen {
                let nic = self.fresh().await?;
                self.write(file, &text(&nic.mac, &nic.name))?;
                theirs.push((nic, file));
            }
        }
        self.start(&self.pod)?;
        self.reported(&ours.mac, "Configured", "Configured").await?;
        for (nic, file) in theirs {
            self.reported(&nic.mac, "Refused", "ForeignConfiguration").await?;
            self.scene.nodes[0].exec(&["rm", file])?;
        }
        self.stop()
    }

    /// As before Linux 5.6, which the host's files are opened without.
    async fn on_an_old_kernel(&self) -> Result<()> {
        self.scene.steps.step("with every permission, and no openat2 in the kernel: a NIC is configured")?;
        let calls = json!([{"names": ["openat2"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS}]);
        let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": calls}).to_string();
        self.write("/var/lib/kubelet/seccomp/old.json", &format!("{profile}\n"))?;
        let mut pod = self.pod.clone();
        pod["spec"]["securityContext"]["seccompProfile"] =
            json!({"type": "Localhost", "localhostProfile": "old.json"});
        let nic = self.nic().await?;
        self.start(&pod)?;
        self.reported(&nic.mac, "Configured", "Configured").await?;
        self.stop()
    }

    fn two_operators(&self) -> Result<()> {
        let chart = format!("{REPOSITORY}/charts/multinic");
        let two = ["upgrade", RELEASE, &chart, "--reuse-values", "--set", "operator.replicas=2"];
        self.scene.helm(&two).map(drop)
    }

    /// What is not as the table says. All are tried: whoever changes the chart wants to see every row that no longer
    /// holds.
    async fn without_each(&self, losses: &[Loss]) -> Result<Vec<String>> {
        let mut surprises = Vec::new();
        for loss in losses {
            self.scene.steps.step(&format!("without {}: {}", loss.permission, loss.consequence))?;
            if let Err(surprise) = self.without_one(loss).await {
                surprises.push(format!("without {}: {surprise:#}", loss.permission));
            }
        }
        Ok(surprises)
    }

    async fn without_one(&self, loss: &Loss) -> Result<()> {
        if let Taken::Verb { part, resource, verb } = loss.taken {
            let role = self.take_verb(part, resource, verb)?;
            let seen = match part {
                Part::Agent => self.agent_denied(verb, resource).await,
                Part::Operator => self.operator_denied(verb, resource).await,
                Part::Candidate => self.candidates_denied(verb, resource).await,
            };
            self.apply(&role)?;
            return seen;
        }
        let seen = self.agent_without(loss).await;
        self.stop()?;
        seen
    }

    async fn agent_without(&self, loss: &Loss) -> Result<()> {
        match &loss.seen {
            Seen::Nic(state, reason) => {
                let nic = self.nic().await?;
                self.start(&self.without(&loss.taken)?)?;
                self.reported(&nic.mac, state, reason).await?;
            }
            Seen::Ready(reason) => {
                self.nic().await?;
                self.start(&self.without(&loss.taken)?)?;
                self.unready(reason).await?;
            }
            Seen::Taken { file, text } => {
                let nic = self.nic().await?;
                self.write(file, &text(&nic.mac, &nic.name))?;
                self.start(&self.without(&loss.taken)?)?;
                self.reported(&nic.mac, "Configured", "Configured").await?;
                self.scene.nodes[0].exec(&["rm", file])?;
            }
            Seen::Leaving(state, reason) => {
                let (_, mac, _) = NICS[0];
                // As networkd's generator would have left it at boot.
                let generated = format!("[Match]\nPermanentMACAddress={mac}\n");
                self.write("/run/systemd/network/10-netplan-multinic0.network", &generated)?;
                self.scene.database.producer().remove(mac).await?;
                self.wanted(mac, false).await?;
                self.start(&self.without(&loss.taken)?)?;
                self.reported(mac, state, reason).await?;
                // It had every right to configure what was free.
                self.free.take();
            }
            Seen::BootUnknown => {
                let nic = self.nic().await?;
                self.start(&self.without(&loss.taken)?)?;
                self.reported(&nic.mac, "Configured", "Configured").await?;
                let boot = self.scene.config(NODE).await?.status.context("no status")?.boot_id;
                ensure!(boot.is_empty(), "the boot is {boot}");
            }
            Seen::Unleased(words) => {
                let (mac, _) = self.next();
                self.scene.nodes[0].plug(&mac)?;
                let six = OpenstackConfig::new("six", "2001:db8:66::/64");
                self.scene.database.producer().insert(&six, &Port::new(&mac, NODE)).await?;
                self.wanted(&mac, true).await?;
                self.start(&self.without(&loss.taken)?)?;
                self.logged(&["logs", POD], &[words]).await?;
                self.scene.database.producer().delete(&six).await?;
                self.wanted(&mac, false).await?;
                // It had every right to configure what was free.
                self.free.take();
            }
            Seen::AgentLog(words) => {
                self.start(&self.without(&loss.taken)?)?;
                self.logged(&["logs", POD], &[words]).await?;
            }
            Seen::Denied => bail!("only a verb can be denied"),
        }
        Ok(())
    }

    async fn agent_denied(&self, verb: &str, resource: &str) -> Result<()> {
        self.nic().await?;
        self.start(&self.pod)?;
        let seen = self.logged(&["logs", POD], &[&format!("cannot {verb} resource"), resource]).await;
        self.stop()?;
        seen
    }

    /// The pod with one permission less.
    fn without(&self, taken: &Taken) -> Result<Value> {
        let mut pod = self.pod.clone();
        let container = &mut pod["spec"]["containers"][0];
        match taken {
            Taken::Pod(pointer, value) => *pod.pointer_mut(pointer).context("no such value")? = value(),
            Taken::Capability(name) => {
                let added = &mut container["securityContext"]["capabilities"]["add"];
                remove(added, |capability| capability == name)?;
            }
            Taken::Sight(name) => remove(&mut container["volumeMounts"], |mount| mount["name"] == *name)?,
            Taken::Writing(name) => {
                let mounts = container["volumeMounts"].as_array_mut().context("no mounts")?;
                let mount =
                    mounts.iter_mut().find(|mount| mount["name"] == *name).context("no such mount")?;
                mount["readOnly"] = json!(true);
            }
            Taken::Verb { .. } => bail!("a verb is not the pod's"),
        }
        Ok(pod)
    }

    /// Takes a verb out of a role, and returns the role as it was.
    fn take_verb(&self, part: Part, resource: &str, verb: &str) -> Result<Value> {
        let mut role: Value =
            serde_json::from_str(&self.scene.kubectl(&["get", part.role(), "-o", "json"])?)?;
        role["metadata"]["resourceVersion"] = Value::Null;
        let before = role.clone();
        let rules = role["rules"].as_array_mut().context("no rules")?;
        let grants = |rule: &&mut Value| {
            let verbs = rule["verbs"].as_array();
            rule["resources"] == json!([resource]) && verbs.is_some_and(|verbs| verbs.contains(&json!(verb)))
        };
        let granting = rules.iter_mut().find(grants).context("no such rule")?;
        remove(&mut granting["verbs"], |one| one == verb)?;
        // A rule without verbs is no rule.
        rules.retain(|rule| rule["verbs"] != json!([]));
        self.apply(&role)?;
        Ok(before)
    }

    fn apply(&self, object: &Value) -> Result<()> {
        let replace = self.scene.cluster.command("kubectl").args(["replace", "-f", "-"]);
        replace.input(object.to_string()).run().map(drop)
    }

    fn start(&self, pod: &Value) -> Result<()> {
        let create = self.scene.cluster.command("kubectl").args(["create", "-f", "-"]);
        create.input(pod.to_string()).run().map(drop)
    }

    fn stop(&self) -> Result<()> {
        self.scene.kubectl(&["delete", "pod", POD, "--grace-period=2"]).map(drop)
    }

    fn write(&self, path: &str, text: &str) -> Result<()> {
        let directory = path.rsplit_once('/').context("no directory")?.0;
        let write = format!("mkdir -p {directory}\ncat > {path} << 'END'\n{text}END");
        self.scene.nodes[0].exec(&["sh", "-ec", &write]).map(drop)
    }

    /// A NIC that nobody has configured, and that the object asks for in a new generation.
    async fn nic(&self) -> Result<Nic> {
        let free = self.free.borrow().clone();
        let nic = match free {
            Some(nic) => {
                // What an earlier agent said of it is out of date.
                for mode in ["Paused", "Enforce"] {
                    let patch = json!({"spec": {"mode": mode}}).to_string();
                    self.scene.cluster.kubectl(&["patch", "nnc", NODE, "--type=merge", "-p", &patch])?;
                }
                nic
            }
            None => self.fresh().await?,
        };
        self.free.replace(Some(nic.clone()));
        Ok(nic)
    }

    /// A NIC that has just been plugged in, with a row that the operator has carried to the object.
    async fn fresh(&self) -> Result<Nic> {
        let (mac, address) = self.next();
        let name = self.scene.nodes[0].plug(&mac)?;
        let storage = OpenstackConfig::new("storage", "10.20.0.0/24");
        let port = Port::new(&mac, NODE).address(&address);
        self.scene.database.producer().insert(&storage, &port).await?;
        self.wanted(&mac, true).await?;
        Ok(Nic { mac, name })
    }

    fn next(&self) -> (String, String) {
        let number = self.plugged.get() + 1;
        self.plugged.set(number);
        (format!("fa:16:3e:00:09:{number:02x}"), format!("10.20.0.{}", 100 + number))
    }

    async fn wanted(&self, mac: &str, wanted: bool) -> Result<()> {
        eventually(&format!("the object to say whether {mac} is wanted"), SOON, async || {
            let interfaces = self.scene.config(NODE).await?.spec.interfaces;
            let found = interfaces.iter().any(|interface| interface.mac_address.to_string() == mac);
            ensure!(found == wanted, "wanted is {found}");
            Ok(())
        })
        .await
    }

    async fn reported(&self, mac: &str, state: &str, reason: &str) -> Result<()> {
        if state == "Configured" {
            self.free.take();
        }
        eventually(&format!("{mac} to be {state}, {reason}"), SOON, async || {
            let config = self.scene.config(NODE).await?;
            let status = config.status.context("no status")?;
            let current = status.observed_generation == config.metadata.generation;
            let nic = status.interfaces.iter().find(|nic| nic.mac_address == mac).filter(|_| current);
            let found = nic.map(|nic| (format!("{:?}", nic.state), nic.reason.clone()));
            let expected = (state.to_owned(), reason.to_owned());
            ensure!(found.as_ref() == Some(&expected), "it is {nic:?}, the agent says:\n{}", self.evidence());
            Ok(())
        })
        .await
    }

    /// Waits until the object as it is now is not ready for this reason.
    async fn unready(&self, reason: &str) -> Result<()> {
        eventually(&format!("Ready to be False, {reason}"), SOON, async || {
            let config = self.scene.config(NODE).await?;
            let conditions = config.status.context("no status")?.conditions;
            let ready = conditions.iter().find(|condition| condition.type_ == "Ready").context("no Ready")?;
            let current = ready.observed_generation == config.metadata.generation;
            let expected = current && ready.status == "False" && ready.reason == reason;
            ensure!(expected, "it is {ready:?}, the agent says:\n{}", self.evidence());
            Ok(())
        })
        .await
    }

    async fn logged(&self, logs: &[&str], words: &[&str]) -> Result<()> {
        eventually(&format!("a line with {words:?}"), SOON, async || {
            let log = self.scene.kubectl(logs)?;
            ensure!(log.lines().any(|line| words.iter().all(|word| line.contains(word))), "{log}");
            Ok(())
        })
        .await
    }

    /// The end of what the agent says, for whoever has to find out why it is not as expected.
    fn evidence(&self) -> String {
        self.scene.kubectl(&["logs", POD, "--tail=5"]).unwrap_or_else(|error| format!("{error:#}"))
    }
}

/// Removes what is selected from a list, which must have it.
fn remove(list: &mut Value, selected: impl Fn(&Value) -> bool) -> Result<()> {
    let list = list.as_array_mut().context("not a list")?;
    let before = list.len();
    list.retain(|one| !selected(one));
    ensure!(list.len() < before, "nothing to remove");
    Ok(())
}
