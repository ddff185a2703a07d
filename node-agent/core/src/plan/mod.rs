//! Deciding: from what is wanted and what is there to what is to be done. [`Plan::new`] is pure and synchronous;
//! [`decide`] has the host check each plan, and plans again without what it would not take.
//!
//! ```text
//!  Desired ─┐
//!  World  ──┼─▶ wanted::judge ─┐
//!  blocked ─┘   removal::judge ┴─▶ names::settle ─▶ Plan { decisions, transactions }
//!     ▲                                                │
//!     └────────── what the host would not take ◀── BootCheck
//! ```
//!
//! All names are decided here, before anything is touched. A link that is
//! neither wanted nor ours appears in no transaction.

mod blocked;
mod check;
mod decision;
mod files;
mod names;
mod notice;
mod removal;
mod reserved;
mod resolve;
mod routing;
mod telling;
#[cfg(test)]
mod tests;
mod transaction;
mod unclaimed;
mod wanted;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use multinic_crds::{Explanation, MacAddress, Reason};

pub use self::{
    blocked::Blocked,
    check::BootCheck,
    decision::{Decision, Verdict},
    notice::{Notice, Notices},
    resolve::missing,
    transaction::{Member, Transaction},
    world::World,
};

use crate::{
    attribute::{Target, attempt},
    observed::routing::SourceRule,
    parse::{self, bootfile::BootFile, desired::Desired},
    protected::Leak,
};

/// What is to be done, and what is said of each NIC.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// For every NIC that is wanted or ours.
    pub decisions: BTreeMap<MacAddress, Decision>,
    /// What is to be done: each all or nothing, independent of the others.
    pub transactions: Vec<Transaction>,
    /// The links that nobody asks for, and by which the node does not live, in the order of MAC addresses.
    pub unclaimed: BTreeMap<MacAddress, u32>,
    /// Addresses of NICs of ours that the node was told are its own.
    pub leaks: Vec<Leak>,
    /// NICs that are right in the kernel, and of which their networks say something else.
    pub unproven: BTreeMap<MacAddress, Explanation>,
}

/// What to do about `desired`, without what this host could not keep over its next boot.
///
/// Plans, leaves out what the host would not take, and plans again until it takes all that is left. Without a
/// `check`, the host is not asked.
pub async fn decide<C: BootCheck>(
    desired: &Desired,
    world: World<'_>,
    mut blocked: Blocked,
    check: Option<&mut C>,
) -> Result<Plan, C::Error> {
    let mut plan = Plan::new(desired, world, &blocked);
    let Some(check) = check else { return Ok(plan) };
    loop {
        let mut unfit = check.unfit(&plan.transactions).await?;
        unfit.retain(|mac, _| !blocked.contains(*mac));
        if unfit.is_empty() {
            break;
        }
        blocked.unfit.extend(unfit);
        plan = Plan::new(desired, world, &blocked);
    }
    plan.doubt(check.doubts(plan.right(world)).await?);
    Ok(plan)
}

impl Plan {
    /// What to do about `desired` in this `world`, where `blocked` NICs are left as they are.
    #[must_use]
    pub fn new(desired: &Desired, world: World<'_>, blocked: &Blocked) -> Self {
        let mut plan = Self { leaks: world.fence.leaks().to_vec(), ..Self::default() };
        let mut blocked = blocked.clone();
        blocked.unfit.extend(world.ledger.damaged().map(|mac| (mac, unknown())));
        let mut members = Vec::new();
        for (mac, nic) in &desired.wanted {
            let judged = wanted::judge(&names::named(nic, desired, world.ledger), world, &blocked);
            members.extend(judged.member);
            let awaited = desired.awaited.get(mac).cloned();
            plan.decisions.insert(*mac, Decision { awaited, ..judged.decision });
        }
        let mut taken = BTreeSet::new();
        let unlisted = |mac: &MacAddress| {
            desired.is_absent(*mac) || desired.keeps_unlisted && !desired.wanted.contains_key(mac)
        };
        for mac in removal::owned(world).filter(unlisted) {
            let judged = if desired.keeps_unlisted {
                removal::keep_unlisted(mac, world)
            } else {
                removal::judge(mac, world, blocked.get(mac), &mut taken)
            };
            members.extend(judged.member);
            plan.decisions.insert(mac, judged.decision);
        }
        plan.unclaimed = unclaimed::find(desired, &plan.decisions, world);
        let rules: BTreeSet<SourceRule> = desired.wanted.values().flat_map(parse::routing::rules).collect();
        for target in members.iter_mut().filter_map(|member| member.target.as_mut()) {
            // Another NIC may have taken over address and slot.
            target.rules.absent.retain(|rule| !rules.contains(rule));
        }
        let (members, refused) = names::settle(members, world.view);
        for (mac, refusal) in refused {
            if let Some(decision) = plan.decisions.get_mut(&mac) {
                decision.verdict = Verdict::Refuse(refusal);
            }
        }
        let written = members.iter().flat_map(|member| &member.files).map(|file| file.path.clone()).collect();
        plan.transactions = names::group(members, world.view)
            .into_iter()
            .map(|group| transaction(group, &written, world))
            .collect();
        plan.transactions.extend(routing::sweep(&rules, world.view));
        plan
    }

    /// The files of NICs that are right, as they lie on the host.
    fn right(&self, world: World<'_>) -> BTreeMap<MacAddress, Vec<BootFile>> {
        let right = self.decisions.iter().filter(|(_, decision)| decision.verdict == Verdict::Right);
        let files_of = |name: &str| {
            let name = name.parse().ok();
            let boot = world.files.boot.iter().filter(|(path, _)| world.backend.owner_of(path) == name);
            boot.map(|(path, text)| BootFile { path: path.clone(), text: text.clone() }).collect()
        };
        right.map(|(mac, decision)| (*mac, files_of(&decision.name))).collect()
    }

    /// Says of NICs that are right why they will not be at the next boot. Nothing is done about it.
    fn doubt(&mut self, doubts: BTreeMap<MacAddress, Explanation>) {
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

/// What we did to the NIC before cannot be read, so that nothing can be told from what others did.
fn unknown() -> Explanation {
    let message = "the entry of this NIC in /var/lib/multinic/ledger.json cannot be read; correct the entry, or remove it: the NIC's boot file then tells that it is ours";
    Explanation::new(Reason::LedgerUnreadable, message)
}

/// The members' links and files in one transaction. `written` are the paths that this or another one writes.
fn transaction(members: Vec<Member>, written: &BTreeSet<String>, world: World<'_>) -> Transaction {
    let targets: Vec<Target> = members.iter().filter_map(|member| member.target.clone()).collect();
    let steps = attempt(&targets, world.view);
    let files = files::changes(&members, written, world);
    let notices = telling::notices(&members, &files, world);
    Transaction { members, targets, steps, files, notices }
}
