//! The agent as its pod has it: of the host only what the chart mounts, and that read-only but for a few directories.

mod backends;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use multinic_crds::InterfaceState;
use multinic_testbed::{
    Harm, Kind, Link, Needs, Node, OpenstackConfig, Port, SOON, Schema, Suite, Testbed, World, eventually,
    get,
};
use serde::Deserialize;
use serde_json::{Value, json};

const FIRST: &str = "fa:16:3e:00:00:01";
const SECOND: &str = "fa:16:3e:00:00:02";

/// Where the chart lists what the pod sees of its host, up to the next `{{- end }}`.
const HELPERS: &str = include_str!("../../../../charts/multinic/templates/_helpers.tpl");
const HOST_PATHS: &str = r#"{{- define "multinic.hostPaths" -}}"#;

/// Does what a container runtime does: binds each `ro:/directory` and `rw:/directory` to where it belongs below
/// `/mnt`, makes everything but the latter read-only, with all that is mounted in it, and becomes what follows `--`.
const CONTAINER: &str = r#"
exec unshare --mount --propagation=private sh -ec '
    mount -t tmpfs tmpfs /mnt
    # The image brings this, see scripts/binaries.sh.
    mkdir /mnt/lib64
    ln -s ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 /mnt/lib64
    for mount in "$@"; do
        [ "$mount" != -- ] || break
        directory=${mount#*:}
        mkdir -p "/mnt$directory"
        mount --rbind "$directory" "/mnt$directory"
    done
    while read -r _ _ _ _ place _; do
        mount -o remount,bind,ro "$place"
    done < /proc/self/mountinfo
    while [ "$1" != -- ]; do
        case $1 in
            rw:*) mount -o remount,bind,rw "/mnt${1#rw:}" ;;
        esac
        shift
    done
    shift
    for directory in / /run /mnt /mnt/etc /mnt/usr /mnt/run/systemd /mnt/run/systemd/netif; do
        if touch "$directory/probe" 2> /dev/null; then
            echo "$directory is writable" >&2
            exit 1
        fi
    done
    exec "$@"
' container "$@"
"#;
/// The end of the mounts, and what a container of the chart has.
const RESTRICTED: [&str; 11] = [
    "--",
    "setpriv",
    "--bounding-set=-all,+net_admin,+net_raw,+sys_chroot",
    "--inh-caps=-all",
    "--ambient-caps=-all",
    "--no-new-privs",
    "env",
    "-i",
    "KUBECONFIG=/opt/multinic/kubeconfig",
    "HOST_ROOT=/mnt",
    "LINK_KINDS=physical,veth",
];
const AGENT: &str = "/opt/multinic/multinic-agent";
const UNIT: &str = "agent-pod";

pub(crate) fn tell(suite: Suite) -> Suite {
    backends::tell(suite)
        .tell("an_agent_does_all_its_work_in_its_pod", Needs::FullNodes, at_work)
        .tell("an_agent_that_cannot_write_says_so_and_leaves_nics_as_they_were", Needs::FullNodes, unwritable)
        .tell("a_node_is_clean_before_its_cleaning_pod_is_ready", Needs::FullNodes, clean)
}

/// A directory of the host that the pod sees.
#[derive(Deserialize)]
struct HostPath {
    path: String,
    #[serde(default)]
    writable: bool,
    /// Only with one of these in `agent.backends`.
    #[serde(default)]
    backends: Vec<String>,
    /// Written only with one of these.
    #[serde(default, rename = "writableWith")]
    writable_with: Vec<String>,
}

impl HostPath {
    /// All that the chart mounts by its own values.
    fn all() -> Result<Vec<Self>> {
        Self::of("netplan")
    }

    /// All that the chart mounts where the value `agent.backends` has only this.
    fn of(backend: &str) -> Result<Vec<Self>> {
        let list = HELPERS.split_once(HOST_PATHS).and_then(|(_, rest)| rest.split_once("{{- end }}"));
        let (list, _) = list.context("the chart has no list of host paths")?;
        let mut mounts: Vec<Self> = serde_saphyr::from_str(list)?;
        let names = |list: &[String]| list.iter().any(|name| name == backend);
        mounts.retain(|mount| mount.backends.is_empty() || names(&mount.backends));
        for mount in &mut mounts {
            mount.writable |= names(&mount.writable_with);
        }
        Ok(mounts)
    }
}

/// The agent's container on a node, without a kubelet.
struct Pod<'node> {
    node: &'node Node<'node>,
    port: u16,
}

impl<'node> Pod<'node> {
    /// Starts the agent with all that the chart mounts.
    fn start(node: &'node Node<'node>) -> Result<Self> {
        Self::with(node, 8080, &HostPath::all()?, &[])
    }

    /// Starts the agent with these arguments and mounts only.
    fn with(node: &'node Node<'node>, port: u16, mounts: &[HostPath], arguments: &[&str]) -> Result<Self> {
        // As a kubelet does for a hostPath of the type DirectoryOrCreate.
        let directories = mounts.iter().map(|mount| mount.path.as_str());
        node.exec(&["mkdir", "-p"].into_iter().chain(directories).collect::<Vec<_>>())?;
        let mounts = mounts.iter().map(|HostPath { path, writable, .. }| {
            let access = if *writable { "rw" } else { "ro" };
            format!("{access}:{path}")
        });
        let unit = format!("--unit={UNIT}-{port}");
        let run = ["systemd-run", "--quiet", "--collect", &unit, "sh", "-ec", CONTAINER, "container"];
        let run = run.map(str::to_owned).into_iter().chain(mounts).chain(RESTRICTED.map(str::to_owned));
        let environment = [
            format!("NODE_NAME={}", node.name()),
            format!("NODE_IPS={}", node.address()),
            format!("LISTEN=[::]:{port}"),
            AGENT.to_owned(),
        ];
        let argv: Vec<_> = run.chain(environment).collect();
        let argv = argv.iter().map(String::as_str).chain(arguments.iter().copied());
        node.exec(&argv.collect::<Vec<_>>())?;
        Ok(Self { node, port })
    }

    /// Ends it as a kubelet would; fails where it has ended before.
    fn stop(self) -> Result<()> {
        let unit = format!("{UNIT}-{}", self.port);
        self.node.exec(&["systemctl", "is-active", &unit]).with_context(|| self.log())?;
        self.node.exec(&["systemctl", "stop", &unit])?;
        Ok(())
    }

    fn log(&self) -> String {
        let unit = format!("{UNIT}-{}", self.port);
        let log = self.node.exec(&["journalctl", "--no-pager", "--output=cat", "--unit", &unit]);
        log.unwrap_or_else(|error| format!("no log: {error:#}"))
    }

    async fn ask(&self, path: &str) -> Result<multinic_testbed::Answer> {
        get(&format!("{}:{}", self.node.address(), self.port), path).await
    }
}

/// A node with two NICs, rows for both, and no agent.
async fn two_nics(bed: &Testbed) -> Result<(World<'_>, Node<'_>)> {
    two_nics_on(bed, Kind::Full).await
}

async fn two_nics_on(bed: &Testbed, kind: Kind) -> Result<(World<'_>, Node<'_>)> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", kind).await?;
    node.plug(FIRST)?;
    node.plug(SECOND)?;
    // It brings binary and token along.
    node.join(&world.cluster).await?;
    node.stop_agent().await?;
    let storage = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(FIRST, "worker-1").address("10.20.0.1").mtu(1400))
        .with(Port::new(SECOND, "worker-1").address("10.20.0.2"));
    world.database.producer().sync(&storage).await?;
    Ok((world, node))
}

async fn both_configured(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    world.configured(node, FIRST).await?;
    world.configured(node, SECOND).await
}

/// Everything on the node that has our name on it, as far as the pod can see.
fn traces(node: &Node<'_>) -> Result<String> {
    let look = "ls -d /etc/netplan/*multinic* /run/systemd/network/*multinic* /var/lib/multinic/* \
                /sys/class/net/multinic* 2> /dev/null || true";
    node.exec(&["sh", "-ec", look])
}

async fn at_work(bed: &Testbed) -> Result<()> {
    let (world, node) = two_nics(bed).await?;
    let found = [node.link(FIRST)?, node.link(SECOND)?];
    let monitor = node.monitor().await?;
    let pod = Pod::start(&node)?;
    both_configured(&world, &node).await.with_context(|| pod.log())?;
    pod.stop()?;
    assert_eq!(monitor.finish().await?, Harm::default());

    node.reboot().await?;
    for name in ["multinic0", "multinic1"] {
        node.exec(&["/usr/lib/systemd/systemd-networkd-wait-online", "--interface", name])?;
    }
    let pod = Pod::start(&node)?;
    world.database.producer().remove(SECOND).await?;
    world.removed(&node, SECOND).await.with_context(|| pod.log())?;
    let link = node.link(SECOND)?;
    assert_eq!(Link { index: found[1].index, ..link }, found[1]);
    let left = traces(&node)?;
    ensure!(
        !left.contains("multinic1") && left.contains("/etc/netplan/60-multinic-multinic0.yaml"),
        "{left}"
    );
    assert_eq!(node.link(FIRST)?.addresses, ["10.20.0.1/24"]);
    pod.stop()
}

/// What is said in a pod that may not write to a directory of the chart's: of which reason, and naming which file.
const SAID: [(&str, &str, &str); 4] = [
    ("/run/multinic", "LockUnavailable", "/run/multinic/agent.lock"),
    ("/var/lib/multinic", "HostFilesUnwritable", "/var/lib/multinic/ledger.json"),
    ("/etc/netplan", "InterfaceFailed", "/etc/netplan/60-multinic-multinic"),
    ("/proc/sys/net", "InterfaceFailed", "/proc/sys/net/ipv6/conf/multinic"),
];
/// Written to only once a NIC is given back that was there at boot.
const AFTER_BOOT: &str = "/run/systemd/network";

async fn unwritable(bed: &Testbed) -> Result<()> {
    let known: BTreeSet<_> = SAID.iter().map(|(directory, ..)| *directory).chain([AFTER_BOOT]).collect();
    let mounts = HostPath::all()?;
    let writable = mounts.iter().filter(|mount| mount.writable).map(|mount| mount.path.as_str());
    assert_eq!(writable.collect::<BTreeSet<_>>(), known);

    let (world, node) = two_nics(bed).await?;
    let found = [node.link(FIRST)?, node.link(SECOND)?];
    let monitor = node.monitor().await?;
    for (directory, reason, file) in SAID {
        let pod = without(&node, directory)?;
        unready(&world, &node, reason, file).await.with_context(|| pod.log())?;
        eventually("the NICs to be as they were", SOON, async || {
            let now = [node.link(FIRST)?, node.link(SECOND)?];
            ensure!(now == found, "{now:?}");
            Ok(())
        })
        .await?;
        assert_eq!(pod.ask("/healthz").await?.status, 200);
        pod.stop()?;
    }
    assert_eq!(monitor.finish().await?, Harm::default());
    let pod = Pod::start(&node)?;
    both_configured(&world, &node).await.with_context(|| pod.log())?;
    pod.stop()?;
    unremovable(&world, &node).await
}

/// What was generated at boot for a NIC that is given back must go with it, or the NIC stays.
async fn unremovable(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    node.reboot().await?;
    node.exec(&["/usr/lib/systemd/systemd-networkd-wait-online", "--interface", "multinic1"])?;
    let configured = node.link(SECOND)?;
    world.database.producer().remove(SECOND).await?;
    let pod = without(node, AFTER_BOOT)?;
    let kept = eventually("the NIC to be kept", SOON, async || {
        let kept = world.reported(node, SECOND).await?;
        ensure!(kept.state == InterfaceState::Removing && kept.reason == "NotPersisted", "{kept:?}");
        Ok(kept)
    });
    let kept = kept.await.with_context(|| pod.log())?;
    let untouched = kept.message.contains(AFTER_BOOT) && !kept.message.contains("rolled back");
    ensure!(untouched, "{kept:?}");
    assert_eq!(node.link(SECOND)?, configured);
    pod.stop()?;
    let pod = Pod::start(node)?;
    world.removed(node, SECOND).await.with_context(|| pod.log())?;
    pod.stop()
}

/// The agent in a pod that may read this directory only.
fn without<'node>(node: &'node Node<'node>, directory: &str) -> Result<Pod<'node>> {
    let mut mounts = HostPath::all()?;
    for mount in &mut mounts {
        mount.writable &= mount.path != directory;
    }
    Pod::with(node, 8080, &mounts, &[])
}

/// Waits until the node is not ready for this reason, with a message that names what cannot be written.
async fn unready(world: &World<'_>, node: &Node<'_>, reason: &str, said: &str) -> Result<()> {
    eventually(&format!("Ready of {} to be {reason}", node.name()), SOON, async || {
        let ready = world.condition(node, "Ready").await?;
        let told = ready.reason == reason && ready.message.contains(said);
        ensure!(told && ready.message.contains("Read-only file system"), "{ready:?}");
        Ok(())
    })
    .await
}

async fn clean(bed: &Testbed) -> Result<()> {
    let (world, node) = two_nics(bed).await?;
    let found = [node.link(FIRST)?, node.link(SECOND)?];
    let agent = Pod::start(&node)?;
    both_configured(&world, &node).await.with_context(|| agent.log())?;
    node.exec(&["touch", "/var/lib/multinic/notes"])?;

    let cleaning = Pod::with(&node, 8081, &HostPath::all()?, &["cleanup", "--stay"])?;
    says(&cleaning, 503, "another agent acts on this node").await?;
    assert_eq!(node.link(FIRST)?.name, "multinic0");
    agent.stop()?;
    says(&cleaning, 503, "left: /var/lib/multinic/notes").await?;
    node.exec(&["rm", "/var/lib/multinic/notes"])?;
    says(&cleaning, 200, "ok").await?;

    assert_eq!([node.link(FIRST)?, node.link(SECOND)?], found);
    assert_eq!(traces(&node)?, "");
    let fields: Value = serde_json::from_str(&cleaning.ask("/").await?.body)?;
    for (field, expected) in [
        ("status", json!("healthy")),
        ("processed_vms", json!(0)),
        ("failed_configs", json!(0)),
        ("deleted_interfaces", json!(2)),
    ] {
        assert_eq!(fields[field], expected, "{field} of {fields}");
    }
    for mac in [FIRST, SECOND] {
        let log = cleaning.log();
        ensure!(log.lines().any(|line| line.contains("given back") && line.contains(mac)), "{mac}: {log}");
    }
    cleaning.stop()?;
    once(&world, &node, &found).await
}

/// The same on a node's own command line, where not even the directories are left.
async fn once(world: &World<'_>, node: &Node<'_>, found: &[Link; 2]) -> Result<()> {
    let agent = Pod::start(node)?;
    eventually("the NIC", SOON, async || {
        let link = node.link(FIRST)?;
        ensure!(link.name == "multinic0", "{link:?}");
        Ok(())
    })
    .await?;
    both_configured(world, node).await.with_context(|| agent.log())?;
    let cleanup = ["/opt/multinic/multinic-agent", "cleanup", "--host-root=/"];
    let refused = node.exec(&cleanup).err().context("it cleaned up under a running agent")?;
    ensure!(format!("{refused:#}").contains("another agent acts on this node"), "{refused:#}");
    agent.stop()?;
    node.exec(&cleanup)?;
    assert_eq!([node.link(FIRST)?, node.link(SECOND)?], *found);
    assert_eq!(traces(node)?, "");
    ensure!(!node.host_root()?.join("var/lib/multinic").exists(), "an empty directory of ours is left");
    Ok(())
}

/// Waits until the pod's readiness probe gets this answer.
async fn says(pod: &Pod<'_>, status: u16, text: &str) -> Result<()> {
    eventually(&format!("/readyz to say {text:?}"), SOON, async || {
        let answer = pod.ask("/readyz").await?;
        ensure!(answer.status == status && answer.body.contains(text), "{answer:?}");
        Ok(())
    })
    .await
    .with_context(|| pod.log())
}
