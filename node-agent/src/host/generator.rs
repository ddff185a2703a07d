//! Asking the host's own netplan generator whether it takes our files, in a staging root.
//!
//! On netplan up to 1.0 one invalid file takes the whole node off the network at the
//! next boot, so no file goes live that this host's generator has not taken, with
//! everything that it makes of other files unchanged. The live root is never
//! generated into: that makes networkd reconfigure the node's own uplink.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::Duration,
};

use multinic_crds::{MacAddress, Reason};

use crate::{
    bootfile::{self, BootFile, Owner},
    host::{
        chroot::{self, CommandError},
        files::{FileError, NETPLAN, netplan_files},
        root::{HostRoot, Unread},
    },
    plan::{Plan, Refusal, Transaction},
    render::netplan,
};

pub(super) const STAGE: &str = "/run/multinic/stage";
/// The one output with lines about every NIC that netplan knows.
const SHARED: &str = "run/udev/rules.d/90-netplan.rules";
const LIMIT: Duration = Duration::from_secs(20);

/// Staging that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The generator did not run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The host's files could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The staging root could not be made.
    #[error("failed to prepare {STAGE}: {0}")]
    Io(#[from] io::Error),
}

/// What the generator made of one set of files, or why it refused them.
type Generated = Result<BTreeMap<String, Vec<u8>>, String>;

/// The NICs of `plan` whose files this host would not take, and why.
pub async fn validate(
    root: &HostRoot,
    generator: &str,
    plan: &Plan,
) -> Result<BTreeMap<MacAddress, Refusal>, StageError> {
    let writing: Vec<_> = plan.transactions.iter().filter(|transaction| writes(transaction)).collect();
    if writing.is_empty() {
        return Ok(BTreeMap::new());
    }
    let stage = |name: &str| Stage { root, generator, directory: format!("{STAGE}/{name}") };
    let everyone: Vec<_> = writing.iter().flat_map(|transaction| members(transaction)).collect();
    let (replaced, all) =
        (written(&writing), writing.iter().flat_map(|transaction| files(transaction)).collect::<Vec<_>>());
    let (baseline, planned) = (stage("baseline"), stage("planned"));
    let (baseline, planned) =
        futures::try_join!(baseline.generate(&[], &replaced), planned.generate(&all, &replaced))?;
    let baseline = match baseline {
        Ok(baseline) => baseline,
        Err(complaint) => {
            let message = format!("the node's own netplan files are invalid, so none is added: {complaint}");
            return Ok(everyone
                .into_iter()
                .map(|mac| (mac, Refusal::new(Reason::HostNetplanInvalid, &*message)))
                .collect());
        }
    };
    let mut unfit = BTreeMap::new();
    if judge(&planned, &baseline, &all).is_ok() {
        return Ok(unfit);
    }
    // Something is wrong with one of them: find out with which.
    for transaction in &writing {
        let own: Vec<_> = files(transaction).collect();
        let generated = stage("single").generate(&own, &replaced).await?;
        if let Err(refusal) = judge(&generated, &baseline, &own) {
            unfit.extend(members(transaction).map(|mac| (mac, refusal.clone())));
        }
    }
    if unfit.is_empty() {
        let refusal =
            Refusal::new(Reason::MergeConflict, "netplan takes each new file, but not all of them together");
        unfit.extend(everyone.into_iter().map(|mac| (mac, refusal.clone())));
    }
    Ok(unfit)
}

fn writes(transaction: &Transaction) -> bool {
    files(transaction).next().is_some()
}

fn members(transaction: &Transaction) -> impl Iterator<Item = MacAddress> {
    transaction.members.iter().map(|member| member.mac)
}

/// The netplan files that `transaction` writes.
fn files(transaction: &Transaction) -> impl Iterator<Item = BootFile> {
    transaction
        .files
        .iter()
        .filter_map(|change| Some(BootFile { path: change.path.clone(), text: change.to.clone()? }))
}

fn written(transactions: &[&Transaction]) -> BTreeSet<String> {
    transactions.iter().flat_map(|transaction| &transaction.files).map(|change| change.path.clone()).collect()
}

/// Whether `generated` holds what `files` ask for, and nothing else than `baseline`.
fn judge(
    generated: &Generated,
    baseline: &BTreeMap<String, Vec<u8>>,
    files: &[BootFile],
) -> Result<(), Refusal> {
    let generated = generated.as_ref().map_err(|complaint| {
        Refusal::new(Reason::InvalidBootConfig, format!("netplan refuses the file: {complaint}"))
    })?;
    let names: BTreeSet<String> =
        files.iter().filter_map(|file| netplan::name(&file.path)).map(str::to_owned).collect();
    let ours: BTreeSet<String> = names
        .iter()
        .flat_map(|name| netplan::generated(name))
        .map(|path| path.trim_start_matches('/').to_owned())
        .collect();
    let macs: Vec<String> = files
        .iter()
        .filter_map(|file| match bootfile::owner(&file.text) {
            Owner::Us(mac) => Some(mac.to_string()),
            Owner::Edited(_) | Owner::Others => None,
        })
        .collect();
    // Comments name links too, and configure none.
    let names_ours = |line: &str| macs.iter().chain(&names).any(|word| line.contains(&format!("\"{word}\"")));
    let is_foreign = |line: &&str| !line.starts_with('#') && !names_ours(line);
    let foreign = |outputs: &BTreeMap<String, Vec<u8>>| {
        let mut outputs = outputs.clone();
        outputs.retain(|path, _| !ours.contains(path));
        if let Some(shared) = outputs.get_mut(SHARED) {
            let text = String::from_utf8_lossy(shared);
            *shared = text.lines().filter(is_foreign).collect::<Vec<_>>().join("\n").into_bytes();
        }
        // Made for our lines alone, it says nothing about others.
        outputs.retain(|path, bytes| path != SHARED || !bytes.is_empty());
        outputs
    };
    if foreign(generated) != foreign(baseline) {
        return Err(Refusal::new(
            Reason::MergeConflict,
            "with this file netplan would configure other links differently at the next boot, so it is not written",
        ));
    }
    let missing = names
        .iter()
        .find(|name| !generated.contains_key(&format!("run/systemd/network/10-netplan-{name}.network")));
    missing.map_or(Ok(()), |name| {
        Err(Refusal::new(
            Reason::InvalidBootConfig,
            format!("netplan generates nothing for {name} from its file"),
        ))
    })
}

struct Stage<'a> {
    root: &'a HostRoot,
    generator: &'a str,
    /// On the host; several can be used at the same time.
    directory: String,
}

impl Stage<'_> {
    /// Runs the generator on the host's files, without those at `replaced` paths and with `files`.
    async fn generate(
        &self,
        files: &[BootFile],
        replaced: &BTreeSet<String>,
    ) -> Result<Generated, StageError> {
        self.root.remove_all(&self.directory)?;
        let _cleared = Cleared(self);
        for directory in NETPLAN {
            self.root.make_directory(&format!("{}{directory}", self.directory))?;
        }
        for (path, content) in netplan_files(self.root)? {
            match content {
                _ if replaced.contains(&path) => {}
                // Only the host may see where a link leads.
                Err(Unread::OutOfSight) => {}
                Ok(bytes) => self.put(&path, &bytes)?,
                Err(unread) => return Ok(Err(format!("{path} cannot be read: {unread}"))),
            }
        }
        for file in files {
            self.put(&file.path, file.text.as_bytes())?;
        }
        let output = chroot::run(self.root, self.generator, &["--root-dir", &self.directory], LIMIT).await?;
        let generated = if output.status.success() {
            let made = self.root.tree(&format!("{}/run", self.directory))?;
            Ok(made.into_iter().map(|(path, bytes)| (format!("run/{path}"), bytes)).collect())
        } else {
            Err(complaint(&output.stderr, &self.directory))
        };
        Ok(generated)
    }

    fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.root.put(&format!("{}{path}", self.directory), bytes, 0o600)
    }
}

/// Takes the staging root away however its use ends: it holds copies of private files.
struct Cleared<'a>(&'a Stage<'a>);

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        let Stage { root, directory, generator: _ } = self.0;
        if let Err(error) = root.remove_all(directory) {
            tracing::warn!("failed to remove {directory}: {error}");
        }
    }
}

/// What the generator said, short, and without the staging root that means nothing to people.
fn complaint(stderr: &[u8], stage: &str) -> String {
    let text = String::from_utf8_lossy(stderr).replace(stage, "");
    text.lines().map(str::trim).filter(|line| !line.is_empty()).take(4).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::nic;

    /// What netplan 0.106 prints for these NICs.
    fn shared(lines: &[(&str, &str)]) -> (String, Vec<u8>) {
        let line = |(id, rule): &(&str, &str)| {
            format!(
                "# netplan: network.ethernets.{id} (on NetworkManager deny-list)\nSUBSYSTEM==\"net\", {rule}, ENV{{NM_UNMANAGED}}=\"1\"\n"
            )
        };
        (SHARED.to_owned(), lines.iter().map(line).collect::<String>().into_bytes())
    }

    fn verdict(baseline: &[(&str, &str)], planned: &[(&str, &str)]) -> Result<(), Reason> {
        let file = netplan::render(&nic("fa:16:3e:00:00:01", "multinic0", &[])).unwrap();
        let network = ("run/systemd/network/10-netplan-multinic0.network".to_owned(), Vec::new());
        let planned = Ok([shared(planned), network].into());
        judge(&planned, &[shared(baseline)].into(), &[file]).map_err(|refusal| refusal.reason)
    }

    const UPLINK: (&str, &str) = ("eth0", "ATTR{address}==\"fa:16:3e:00:00:ee\"");

    #[test]
    fn our_lines_in_the_shared_rules_change_nothing_for_others() {
        let ours = ("multinic0", "ATTR{address}==\"fa:16:3e:00:00:01\"");
        let by_name = ("multinic0", "ENV{ID_NET_NAME}==\"multinic0\"");
        assert_eq!(verdict(&[UPLINK], &[UPLINK, by_name, ours]), Ok(()));
        assert_eq!(verdict(&[], &[ours]), Ok(()));
    }

    #[test]
    fn another_line_in_the_shared_rules_is_a_conflict() {
        let other = ("eth1", "ATTR{address}==\"fa:16:3e:00:00:02\"");
        assert_eq!(verdict(&[UPLINK], &[UPLINK, other]), Err(Reason::MergeConflict));
        assert_eq!(verdict(&[UPLINK], &[]), Err(Reason::MergeConflict));
    }
}
