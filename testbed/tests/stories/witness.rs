//! What stories ask when the answer should be "nothing": who wrote what, which files were touched, which links changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use http::Request;
use kube::api::{WatchEvent, WatchParams};
use kube::{Api, Client, Config};
use multinic_crds::NodeNetworkConfig;
use multinic_testbed::{
    Link, Monitor, NAMESPACE, Node, OPERATOR_HEALTH, SOON, World, Write, eventually, get,
};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Where a node's network is configured, and where the agent keeps what it knows.
const CONFIGURATION: [&str; 4] = ["etc", "var/lib/multinic", "run/systemd/network", "run/multinic"];

/// Waits until all conditions speak well of the object as it is now; returns that object.
pub(crate) async fn all_is_well(world: &World<'_>, node: &Node<'_>) -> Result<NodeNetworkConfig> {
    eventually(&format!("all to be well on {}", node.name()), SOON, async || {
        let config = world.config(node).await?;
        let generation = config.metadata.generation;
        let status = config.status.as_ref().context("no status")?;
        let said: BTreeSet<_> = status
            .conditions
            .iter()
            .map(|condition| (&*condition.type_, &*condition.status, condition.observed_generation))
            .collect();
        let good = [("Degraded", "False"), ("Progressing", "False"), ("Ready", "True"), ("Synced", "True")];
        let good = good.map(|(condition, holds)| (condition, holds, generation));
        ensure!(said == good.into(), "the conditions of generation {generation:?} are {said:?}");
        ensure!(status.applied_generation == generation, "applied is {:?}", status.applied_generation);
        Ok(config)
    })
    .await
}

/// Starts the agent and waits until it has looked at its node and its object.
pub(crate) async fn start_agent(world: &World<'_>, node: &Node<'_>) -> Result<()> {
    node.start_agent(&world.cluster).await?;
    eventually(&format!("the agent on {}", node.name()), SOON, async || {
        ask(&admin(node), "/readyz").await.map(drop)
    })
    .await
}

/// Waits until the operator has begun and ended this many syncs from now on.
pub(crate) async fn syncs_pass(count: u64) -> Result<()> {
    // The one under way now began earlier.
    let enough = syncs().await? + count + 1;
    eventually(&format!("{count} syncs"), SOON, async || {
        let syncs = syncs().await?;
        ensure!(syncs >= enough, "{syncs} of {enough}");
        Ok(())
    })
    .await
}

/// How many syncs the operator has carried out since it started.
pub(crate) async fn syncs() -> Result<u64> {
    const COUNT: &str = "multinic_sync_seconds_count ";
    let metrics = ask(OPERATOR_HEALTH, "/metrics").await?;
    let count = metrics.lines().find_map(|line| line.strip_prefix(COUNT)).context("no syncs are counted")?;
    Ok(count.parse()?)
}

pub(crate) async fn ask(address: &str, path: &str) -> Result<String> {
    let client = Client::try_from(Config::new(format!("http://{address}").parse()?))?;
    Ok(client.request_text(Request::get(path).body(Vec::new())?).await?)
}

/// Where the agent answers about itself.
pub(crate) fn admin(node: &Node<'_>) -> String {
    format!("{}:8080", node.address())
}

/// What the agent says of itself.
pub(crate) async fn health(node: &Node<'_>) -> Result<Value> {
    Ok(serde_json::from_str(&get(&admin(node), "/").await?.body)?)
}

/// Fails unless the agent's gauge has this value.
pub(crate) async fn gauge_is(node: &Node<'_>, name: &str, value: u8) -> Result<()> {
    let metrics = get(&admin(node), "/metrics").await?.body;
    ensure!(metrics.contains(&format!("{name} {value}\n")), "{metrics}");
    Ok(())
}

/// Every write to our objects by anybody, and to anything by the product.
pub(crate) fn writes(world: &World<'_>) -> Result<Vec<Write>> {
    let product = format!("system:serviceaccount:{NAMESPACE}:");
    let mut writes = world.cluster.writes()?;
    writes.retain(|write| write.resource == "nodenetworkconfigs" || write.user.starts_with(&product));
    Ok(writes)
}

/// All notifications so far about links that the node has now.
pub(crate) async fn disturbances(node: &Node<'_>, monitor: &Monitor<'_>) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for Link { name, .. } in node.links()? {
        all.extend(monitor.about(&name).await?);
    }
    Ok(all)
}

/// Every file and directory with the node's configuration, at one moment.
pub(crate) struct Files(BTreeMap<PathBuf, Stamp>);

/// Differs after a file was written, replaced, or only touched.
#[derive(PartialEq, Eq)]
struct Stamp {
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Files {
    pub(crate) fn of(node: &Node<'_>) -> Result<Self> {
        let root = node.host_root()?;
        let mut files = Self(BTreeMap::new());
        for directory in CONFIGURATION {
            files.add(&root, Path::new(directory))?;
        }
        Ok(files)
    }

    /// The paths of what is new, gone or touched by now, from the node's root.
    pub(crate) fn touched(&self, node: &Node<'_>) -> Result<BTreeSet<PathBuf>> {
        let now = Self::of(node)?;
        let paths = self.0.keys().chain(now.0.keys());
        Ok(paths.filter(|path| self.0.get(*path) != now.0.get(*path)).cloned().collect())
    }

    fn add(&mut self, root: &Path, path: &Path) -> Result<()> {
        let full = root.join(path);
        let Ok(metadata) = fs::symlink_metadata(&full) else { return Ok(()) };
        let stamp = Stamp {
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        self.0.insert(path.to_owned(), stamp);
        if metadata.is_dir() {
            for entry in fs::read_dir(&full)? {
                self.add(root, &path.join(entry?.file_name()))?;
            }
        }
        Ok(())
    }
}

/// Every version of every object, from the moment of recording on.
pub(crate) struct Recording(UnboundedReceiver<NodeNetworkConfig>);

impl Recording {
    pub(crate) async fn start(world: &World<'_>) -> Result<Self> {
        let configs = Api::<NodeNetworkConfig>::all(world.cluster.client());
        let mut events = Box::pin(configs.watch(&WatchParams::default(), "0").await?);
        let (sender, versions) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(event)) = events.next().await {
                if let WatchEvent::Added(version) | WatchEvent::Modified(version) = event
                    && sender.send(version).is_err()
                {
                    return;
                }
            }
        });
        Ok(Self(versions))
    }

    /// All versions up to and including `last`, which must exist.
    pub(crate) async fn until(mut self, last: &NodeNetworkConfig) -> Result<Vec<NodeNetworkConfig>> {
        let mut versions = Vec::<NodeNetworkConfig>::new();
        eventually("the last version to be recorded", SOON, async || {
            versions.extend(std::iter::from_fn(|| self.0.try_recv().ok()));
            let wanted = &last.metadata.resource_version;
            let found = versions.iter().any(|version| version.metadata.resource_version == *wanted);
            ensure!(found, "{} versions, but not {wanted:?}", versions.len());
            Ok(())
        })
        .await?;
        Ok(versions)
    }
}
