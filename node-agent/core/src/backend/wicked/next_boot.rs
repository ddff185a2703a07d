//! What wicked would make of the host's files at the next boot, and whether that is still right. Pure.
//!
//! wicked drops what it does not understand, and ends well all the same: so it is not enough that it does not fail. What
//! is written for a NIC must come back as it is wanted, what others have must come back as it was, and nothing may be
//! complained of that was not before.

use std::collections::{BTreeMap, BTreeSet};

use multinic_crds::{Explanation, Interface, MacAddress, Reason};

use super::{DIRECTORY, Wicked};
use crate::{
    backend::{
        Backend,
        asked::Asked,
        trial::{Trial, refused},
        wicked::shown::{Shown, parse},
    },
    observed::files::FileChange,
    parse::{bootfile::BootFile, desired::at_boot},
    plan::Transaction,
};

/// wicked's files, by their path on the host.
pub type Files = BTreeMap<String, String>;

/// What `wicked show-config` printed for a set of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The interfaces, as XML.
    pub xml: String,
    /// What it complained of, a line each.
    pub complaints: BTreeSet<String>,
}

/// The host's own wicked.
pub trait ShowConfig {
    /// It did not run.
    type Error;

    /// What wicked makes of `files`, and nothing else.
    fn ask(&mut self, files: &Files) -> impl Future<Output = Result<Answer, Self::Error>>;
}

/// The NICs of `transactions` whose files this host would not take, and why. All others' changes, made together, have
/// been put to wicked as they will lie on the disk.
pub async fn unfit<W: ShowConfig>(
    wicked: &mut W,
    files: &Files,
    transactions: &[Transaction],
) -> Result<BTreeMap<MacAddress, Explanation>, W::Error> {
    let changing: Vec<&Transaction> = transactions.iter().filter(|one| is_concerned(one)).collect();
    if changing.is_empty() {
        return Ok(BTreeMap::new());
    }
    let before = wicked.ask(files).await?;
    refused(&mut Attempt { wicked, files, before }, changing).await
}

/// What was found of NICs that are right, and of which files.
pub type Doubts = Asked<(Files, BTreeMap<MacAddress, Vec<BootFile>>)>;

impl Doubts {
    /// Why NICs that are `right` by these files will not be at the next boot.
    pub async fn about<W: ShowConfig>(
        &mut self,
        wicked: &mut W,
        files: Files,
        right: BTreeMap<MacAddress, Vec<BootFile>>,
    ) -> Result<BTreeMap<MacAddress, Explanation>, W::Error> {
        self.or_ask((files, right), async |(files, right)| found(wicked, files, right).await).await
    }
}

/// What wicked makes of our files beside all others must be what it makes of them alone.
async fn found<W: ShowConfig>(
    wicked: &mut W,
    files: &Files,
    right: &BTreeMap<MacAddress, Vec<BootFile>>,
) -> Result<BTreeMap<MacAddress, Explanation>, W::Error> {
    if right.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ours = right.values().flatten().filter(|file| is_read(&file.path));
    let ours = ours.map(|file| (file.path.clone(), file.text.clone()));
    // What is set for all interfaces is not about one.
    let common = files.iter().filter(|(path, _)| !path.contains("/if"));
    let alone = ours.chain(common.map(|(path, text)| (path.clone(), text.clone()))).collect();
    let (alone, all) = (wicked.ask(&alone).await?, wicked.ask(files).await?);
    let (alone, all) = match (parse(&alone.xml), parse(&all.xml)) {
        (Ok(alone), Ok(all)) => (alone, all),
        (Err(error), _) | (_, Err(error)) => {
            return Ok(right.keys().map(|mac| (*mac, unreadable(&error))).collect());
        }
    };
    let doubt = |(mac, files): (&MacAddress, &Vec<BootFile>)| {
        let name = files.iter().find_map(|file| Wicked.owner_of(&file.path))?.to_string();
        let refusal = user_of(&name, &all).or_else(|| {
            (alone.get(&name) != all.get(&name)).then(|| {
                let message = format!(
                    "another file changes what wicked makes of {name} at the next boot; look for {name} in {DIRECTORY}"
                );
                Explanation::new(Reason::ForeignConfiguration, message)
            })
        });
        Some((*mac, refusal?))
    };
    Ok(right.iter().filter_map(doubt).collect())
}

/// Whether a file changes with `transaction` that wicked reads.
#[must_use]
pub fn is_concerned(transaction: &Transaction) -> bool {
    transaction.files.iter().any(|change| is_read(&change.path))
}

/// Whether wicked reads the file at `path`; udev reads the others.
fn is_read(path: &str) -> bool {
    path.strip_prefix(DIRECTORY).is_some_and(|rest| rest.starts_with('/'))
}

/// A host whose files are put to its wicked.
struct Attempt<'a, W> {
    wicked: &'a mut W,
    files: &'a Files,
    before: Answer,
}

impl<W: ShowConfig> Trial for Attempt<'_, W> {
    type Error = W::Error;

    async fn judge(&mut self, together: &[&Transaction]) -> Result<Result<(), Explanation>, W::Error> {
        let mut files = self.files.clone();
        for FileChange { path, to, .. } in
            together.iter().flat_map(|one| &one.files).filter(|change| is_read(&change.path))
        {
            match to {
                Some(text) => files.insert(path.clone(), text.clone()),
                None => files.remove(path),
            };
        }
        let after = self.wicked.ask(&files).await?;
        Ok(judge(&self.before, &after, &files, together))
    }
}

/// Whether the host is right `after` the changes made `together`, which leave these `files`, as it was `before`.
fn judge(
    before: &Answer,
    after: &Answer,
    files: &Files,
    together: &[&Transaction],
) -> Result<(), Explanation> {
    let new = after.complaints.difference(&before.complaints).next();
    let (was, is) = match (parse(&before.xml), parse(&after.xml)) {
        (Ok(was), Ok(is)) => (was, is),
        (Err(error), _) | (_, Err(error)) => return Err(unreadable(&error)),
    };
    let members = || together.iter().flat_map(|transaction| &transaction.members);
    // Where something else configures the host by now, files of ours only go.
    let is_filed = |nic: &&Interface| files.contains_key(&format!("{DIRECTORY}/ifcfg-{}", nic.name));
    let written: Vec<Interface> =
        members().filter_map(|member| member.wanted.as_ref()).filter(is_filed).map(at_boot).collect();
    if let Some(complaint) = new {
        let reason = if written.is_empty() { Reason::MergeConflict } else { Reason::InvalidBootConfig };
        let message = format!("wicked does not take the NIC's boot files: {complaint}");
        return Err(Explanation::new(reason, message));
    }
    let ours = |name: &str| name.parse::<multinic_crds::InterfaceName>().is_ok();
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let differs = |name: &&&String| !ours(name) && was.get(**name) != is.get(**name);
    if let Some(name) = names.iter().find(differs) {
        let message = format!(
            "with this change of boot files wicked would configure {name} differently, which is not ours"
        );
        return Err(Explanation::new(Reason::MergeConflict, message));
    }
    for nic in &written {
        as_wanted(nic, &is)?;
    }
    Ok(())
}

/// Whether wicked would give `nic` what it is wanted to have, and nothing else, and nobody makes it a part of anything.
fn as_wanted(nic: &Interface, shown: &BTreeMap<String, Shown>) -> Result<(), Explanation> {
    let name = nic.name.to_string();
    if let Some(refusal) = user_of(&name, shown) {
        return Err(refusal);
    }
    let wanted = Shown::of(nic);
    match shown.get(&name).map(|found| found.difference(&wanted)) {
        Some(None) => Ok(()),
        Some(Some(what)) => Err(Explanation::new(
            Reason::InvalidBootConfig,
            format!(
                "wicked makes {what} of the boot files of {name}; look at {DIRECTORY} for files that change it"
            ),
        )),
        None => Err(Explanation::new(
            Reason::InvalidBootConfig,
            format!("wicked makes nothing of the boot files of {name}"),
        )),
    }
}

/// Why the interface called `name` is not free, if another one is made of it.
fn user_of(name: &str, shown: &BTreeMap<String, Shown>) -> Option<Explanation> {
    let (other, _) = shown.iter().find(|(other, shown)| *other != name && shown.mentions(name))?;
    let message =
        format!("ifcfg-{other} makes {name} a part of {other} at the next boot; take {name} out of it");
    Some(Explanation::new(Reason::ForeignConfiguration, message))
}

fn unreadable(error: &str) -> Explanation {
    Explanation::new(
        Reason::ValidationUnavailable,
        format!("what wicked says of the node's files cannot be read: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::FutureExt;

    use super::*;
    use crate::testing::nic;

    /// Every interface that has a file, and nothing in it.
    struct Plain;

    impl ShowConfig for Plain {
        type Error = Infallible;

        async fn ask(&mut self, files: &Files) -> Result<Answer, Infallible> {
            let names = files.keys().filter_map(|path| path.rsplit_once("/ifcfg-"));
            let interface = |(_, name): (&str, &str)| {
                format!(
                    "<interface><name>{name}</name><control><mode>hotplug</mode></control><link/>\
                     <ipv6><enabled>true</enabled></ipv6></interface>"
                )
            };
            let xml = names.map(interface).collect::<Vec<_>>().concat();
            Ok(Answer { xml, complaints: BTreeSet::new() })
        }
    }

    fn unfit_of(before: &[BootFile], changes: Vec<FileChange>) -> usize {
        let wanted = nic("fa:16:3e:00:00:01", "multinic0", &[]);
        let files = before.iter().map(|file| (file.path.clone(), file.text.clone())).collect();
        let macs = [wanted.mac_address].into_iter();
        let mut transaction = Transaction::of_files(macs, changes);
        transaction.members[0].wanted = Some(wanted);
        let Ok(found) = unfit(&mut Plain, &files, &[transaction]).now_or_never().unwrap();
        found.len()
    }

    #[test]
    fn files_that_go_because_something_else_configures_the_host_are_not_missed() {
        let files = Wicked.render(&nic("fa:16:3e:00:00:01", "multinic0", &[])).unwrap();
        let change = |file: &BootFile, comes: bool| {
            let text = Some(file.text.clone());
            let (from, to) = if comes { (None, text) } else { (text, None) };
            FileChange { path: file.path.clone(), from, to }
        };
        let changes = |comes| files.iter().map(|file| change(file, comes)).collect();
        assert_eq!(unfit_of(&[], changes(true)), 1, "this wicked lets in router advertisements");
        assert_eq!(unfit_of(&files, changes(false)), 0);
    }
}
