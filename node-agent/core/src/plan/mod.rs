//! Deciding: from what is wanted and what is there to what is to be done. Pure.
//!
//! ```text
//!  Desired ─┐
//!  World  ──┼─▶ wanted::judge ─┐
//!  blocked ─┘   removal::judge ┴─▶ names::settle ─▶ Plan { verdicts, transactions }
//! ```
//!
//! All names are decided here, before anything is touched. A link that is
//! neither wanted nor ours appears in no transaction.

mod names;
mod removal;
mod reserved;
mod resolve;
#[cfg(test)]
mod tests;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};

use multinic_crds::{Interface, MacAddress, Reason};

pub use self::resolve::missing;
use self::resolve::resolve;

use crate::{
    attribute::{Step, Target, attempt},
    backend::netplan,
    observed::{
        ledger::Ledger,
        link::{KernelView, Link},
    },
    parse::{bootfile::BootFile, desired::Desired, foreign::Definition},
    protected::{Fence, Leak},
};

/// Everything that a decision rests on, besides what is wanted.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The kernel.
    pub view: &'a KernelView,
    /// What must not be touched in it.
    pub fence: &'a Fence,
    /// What others configure.
    pub definitions: &'a [Definition],
    /// Our files on the host, edited ones included, and what was generated from them.
    pub files: &'a HostFiles,
    /// What we did before.
    pub ledger: &'a Ledger,
}

/// The files on the host that have to do with us, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFiles {
    /// Boot files that carry our mark, or lie where ours would.
    pub boot: BTreeMap<String, String>,
    /// What the backend's generator made of them.
    pub generated: BTreeMap<String, String>,
}

/// Why something is not done, as one word and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The word.
    pub reason: Reason,
    /// For people, with the remedy.
    pub message: String,
}

impl Refusal {
    /// A refusal with its remedy.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// What was decided for one NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Wanted, and as it should be.
    Right,
    /// Wanted, and to be changed.
    Change,
    /// Wanted, but the node has no such NIC.
    Missing,
    /// Wanted, but not to be touched.
    Refuse(Refusal),
    /// Wanted, but what would be written for it was found wrong.
    Fail(Refusal),
    /// No longer wanted, and to be given back.
    Remove,
    /// No longer wanted, but not to be touched.
    Keep(Refusal),
}

/// One NIC and what was decided for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The name that it should have, or has from us.
    pub name: String,
    /// The Neutron port, where it is wanted.
    pub port_id: String,
    /// The link, where there is exactly one.
    pub index: Option<u32>,
    /// What was decided.
    pub verdict: Verdict,
}

/// What is to be done, and what is said of each NIC.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// For every NIC that is wanted or ours.
    pub decisions: BTreeMap<MacAddress, Decision>,
    /// What is to be done: each all or nothing, independent of the others.
    pub transactions: Vec<Transaction>,
    /// Addresses of NICs of ours that the node was told are its own.
    pub leaks: Vec<Leak>,
}

/// Changes that stand or fall together: one NIC, or several that exchange names.
#[derive(Debug, Clone, PartialEq)]
pub struct Transaction {
    /// The NICs.
    pub members: Vec<Member>,
    /// What their links should look like.
    pub targets: Vec<Target>,
    /// How the kernel gets there.
    pub steps: Vec<Step>,
    /// The files to write or remove once the kernel is proven right.
    pub files: Vec<FileChange>,
}

/// A NIC in a transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Which NIC.
    pub mac: MacAddress,
    /// What it should be; `None` for one that is given back.
    pub wanted: Option<Interface>,
    /// Its link as found.
    pub link: Option<Link>,
    target: Option<Target>,
    /// Its file and where it goes.
    file: Option<BootFile>,
}

/// One file, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Where it lies on the host.
    pub path: String,
    /// Its text now, or none where it is not there.
    pub from: Option<String>,
    /// Its text afterwards, or none where it goes.
    pub to: Option<String>,
}

impl FileChange {
    /// The change that takes this one back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self { path: self.path.clone(), from: self.to.clone(), to: self.from.clone() }
    }
}

impl Plan {
    /// What to do about `desired` in this `world`, where `blocked` NICs have been found unfit.
    #[must_use]
    pub fn new(desired: &Desired, world: World<'_>, blocked: &BTreeMap<MacAddress, Refusal>) -> Self {
        let mut plan = Self { leaks: world.fence.leaks().to_vec(), ..Self::default() };
        let mut blocked = blocked.clone();
        blocked.extend(world.ledger.damaged().map(|mac| (mac, unknown())));
        let mut members = Vec::new();
        for (mac, nic) in &desired.wanted {
            let judged = wanted::judge(nic, world, blocked.get(mac));
            members.extend(judged.member);
            plan.decisions.insert(*mac, judged.decision);
        }
        let mut taken = BTreeSet::new();
        let unlisted = |mac: &MacAddress| {
            desired.is_absent(*mac) || desired.keeps_unlisted && !desired.wanted.contains_key(mac)
        };
        for mac in removal::owned(world).filter(unlisted) {
            let judged = if desired.keeps_unlisted {
                removal::keep_unlisted(mac, world)
            } else {
                removal::judge(mac, world, blocked.get(&mac), &mut taken)
            };
            members.extend(judged.member);
            plan.decisions.insert(mac, judged.decision);
        }
        let (members, refused) = names::settle(members, world.view);
        for (mac, refusal) in refused {
            if let Some(decision) = plan.decisions.get_mut(&mac) {
                decision.verdict = Verdict::Refuse(refusal);
            }
        }
        let written = members.iter().filter_map(|member| Some(member.file.as_ref()?.path.clone())).collect();
        plan.transactions = names::group(members, world.view)
            .into_iter()
            .map(|group| Transaction::new(group, &written, world))
            .collect();
        plan
    }

    /// The files of NICs that are right, as they lie on the host.
    #[must_use]
    pub fn right(&self, files: &HostFiles) -> BTreeMap<MacAddress, BootFile> {
        let file = |(mac, decision): (&MacAddress, &Decision)| {
            let path = netplan::path(&decision.name);
            let text = files.boot.get(&path).filter(|_| decision.verdict == Verdict::Right)?;
            Some((*mac, BootFile { text: text.clone(), path }))
        };
        self.decisions.iter().filter_map(file).collect()
    }

    /// Says of NICs that are right why they will not be at the next boot. Nothing is done about it.
    pub fn doubt(&mut self, doubts: BTreeMap<MacAddress, Refusal>) {
        for (mac, refusal) in doubts {
            if let Some(decision) = self.decisions.get_mut(&mac) {
                decision.verdict = Verdict::Refuse(refusal);
            }
        }
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.transactions.is_empty()
    }
}

impl Transaction {
    /// `written` are the paths that this or another transaction of the plan writes.
    fn new(members: Vec<Member>, written: &BTreeSet<String>, world: World<'_>) -> Self {
        let targets: Vec<Target> = members.iter().filter_map(|member| member.target.clone()).collect();
        let steps = attempt(&targets, world.view);
        let files = file_changes(&members, written, world.files);
        Self { members, targets, steps, files }
    }

    /// One that only changes files, for these NICs.
    #[cfg(test)]
    pub(crate) fn of_files(macs: impl Iterator<Item = MacAddress>, files: Vec<FileChange>) -> Self {
        let member = |mac| Member { mac, wanted: None, link: None, target: None, file: None };
        let members = macs.map(member).collect();
        Self { members, targets: Vec::new(), steps: Vec::new(), files }
    }

    /// Whether the links are still those that this was planned for, and nothing has come to
    /// depend on them since.
    #[must_use]
    pub fn still_applies(&self, view: &KernelView, fence: &Fence) -> bool {
        self.members.iter().all(|member| {
            let Some(planned) = &member.link else {
                // One look that missed a link must not make it nobody's.
                return view.links.iter().all(|link| link.identity() != Some(member.mac));
            };
            if member.target.is_none() {
                return true;
            }
            let Some(link) = view.link(planned.index) else { return false };
            let unchanged = (link.identity(), &link.name, &link.kind, link.controller)
                == (planned.identity(), &planned.name, &planned.kind, planned.controller);
            let below = view.links.iter().any(|upper| upper.lower == Some(link.index));
            unchanged && !below && !fence.is_needed(link, view)
        })
    }
}

/// The files of `members` as they should be; whatever else is theirs goes, unless it is `written` anew.
fn file_changes(members: &[Member], written: &BTreeSet<String>, files: &HostFiles) -> Vec<FileChange> {
    let wanted: BTreeMap<&str, &BootFile> = members
        .iter()
        .filter_map(|member| member.file.as_ref())
        .map(|file| (file.path.as_str(), file))
        .collect();
    let stale = members.iter().flat_map(|member| {
        let name = member.wanted.as_ref().map(|nic| nic.name);
        // What was generated for a NIC that keeps its name is left to the next boot to renew.
        removal::files_of(member.mac, files)
            .filter(move |(path, _)| name.is_none_or(|name| !wanted::is_of(path, name)))
    });
    let mut changes: Vec<FileChange> = stale
        .filter(|(path, _)| !written.contains(*path))
        .map(|(path, text)| FileChange { path: path.to_owned(), from: Some(text.to_owned()), to: None })
        .collect();
    changes.extend(wanted.into_values().filter_map(|file| {
        let from = files.boot.get(&file.path);
        (from != Some(&file.text)).then(|| FileChange {
            path: file.path.clone(),
            from: from.cloned(),
            to: Some(file.text.clone()),
        })
    }));
    changes
}

/// What we did to the NIC before cannot be read, so that nothing can be told from what others did.
fn unknown() -> Refusal {
    let message = "the entry of this NIC in /var/lib/multinic/ledger.json cannot be read; correct the entry, or remove it: the NIC's boot file then tells that it is ours";
    Refusal::new(Reason::LedgerUnreadable, message)
}

/// What was decided for one NIC, and its part in a transaction if it has one.
struct Judged {
    decision: Decision,
    member: Option<Member>,
}
