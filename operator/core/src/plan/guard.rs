//! Second step, over the whole fleet: which of what is missing may go.
//!
//! A table rarely loses most of its rows because somebody wants that. So what would go at once is
//! counted, whatever the cause, and too much of it waits for a person.

use std::{collections::BTreeSet, fmt::Write};

use multinic_crds::{CONFIRM_REMOVAL, Reason};
use sha2::{Digest, Sha256};

use super::{
    hold::{ALL, Extent, Hold, Holds},
    missing::{Evidence, Loss, Share},
    removal_grace::Item,
    world::World,
};
use crate::cluster::{Name, Object};

/// So many NICs of one Node may go at once, be it more than half of them.
const OF_A_NODE: usize = 2;
/// So many NICs of the cluster may.
const OF_THE_FLEET: usize = 4;
/// Bytes of a token: it tells one accident from the next, it keeps nobody out.
const TOKEN_BYTES: usize = 4;

/// What becomes of a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes.
    Goes,
    /// It stays until it was missing for long enough, or until what keeps it is resolved.
    Waits,
    /// It stays until its row is back or a person confirms: one of all Nodes' or of this Node's.
    Held(Extent),
}

/// What becomes of each loss of each share, and what is held from now on.
pub(super) struct Ruling {
    pub(super) fates: Vec<Vec<Fate>>,
    pub(super) holds: Holds,
}

impl Ruling {
    /// Whether anything waits for a person; what is confirmed does not.
    pub(super) fn holds_any(&self) -> bool {
        self.fates.iter().flatten().any(|fate| matches!(fate, Fate::Held(_)))
    }
}

/// Rules on every loss of the fleet.
///
/// # Guarantees
/// - Nothing goes whose absence is not proven.
/// - What is held stays so, however few are left, until it is missing no more or confirmed.
/// - A confirmation is for what was held when it was asked for, and for nothing that joins later.
pub(super) fn guard(
    shares: &[Share<'_>],
    emptied: bool,
    world: &World<'_>,
    before: &Holds,
    begun: bool,
) -> Ruling {
    let guard = Guard { shares, emptied, world, before, begun };
    let total: usize = shares.iter().map(|share| share.size).sum();
    let gone: usize = shares.iter().map(|share| gone(&share.losses)).sum();
    let all = emptied || is_too_much(gone, total, OF_THE_FLEET);
    let extents: Vec<Vec<_>> = shares.iter().map(|share| guard.extents(share, all)).collect();
    let holds = guard.holds(&extents, gone, total);
    let fates = shares.iter().zip(&extents).map(|(share, extents)| {
        let fate = |(loss, extent): (&Loss, &Option<Extent>)| guard.fate(share, loss, *extent, &holds);
        share.losses.iter().zip(extents).map(fate).collect()
    });
    Ruling { fates: fates.collect(), holds }
}

/// NICs that would go, or lose something.
fn gone(losses: &[Loss]) -> usize {
    let counted = || losses.iter().filter(|loss| loss.counts());
    let macs: BTreeSet<_> = counted().filter_map(|loss| loss.item.mac()).collect();
    macs.len() + counted().filter(|loss| loss.item.mac().is_none()).count()
}

const fn is_too_much(gone: usize, total: usize, allowed: usize) -> bool {
    gone > allowed && gone * 2 > total
}

struct Guard<'a> {
    shares: &'a [Share<'a>],
    emptied: bool,
    world: &'a World<'a>,
    before: &'a Holds,
    begun: bool,
}

impl Guard<'_> {
    /// How each loss is held, if it is.
    fn extents(&self, share: &Share<'_>, all: bool) -> Vec<Option<Extent>> {
        let much = is_too_much(gone(&share.losses), share.size, OF_A_NODE);
        let asked_before = share.present(self.world).and_then(asked).filter(|_| !self.begun);
        let extent = |loss: &Loss| {
            let was_held = |extent| {
                let hold = self.before.get(share.name, extent);
                hold.is_some_and(|hold| hold.members.contains(&member(share, loss)))
                    || asked_before == Some(extent)
            };
            if all || was_held(Extent::Fleet) {
                Some(Extent::Fleet)
            } else {
                (much || was_held(Extent::Node)).then_some(Extent::Node)
            }
        };
        share.losses.iter().map(|loss| extent(loss).filter(|_| loss.counts())).collect()
    }

    fn holds(&self, extents: &[Vec<Option<Extent>>], gone_of_all: usize, total: usize) -> Holds {
        let members_of = |wanted: Extent| {
            self.shares.iter().zip(extents).map(move |(share, extents)| {
                let losses = share.losses.iter().zip(extents);
                let held = losses.filter(move |(_, extent)| **extent == Some(wanted));
                (share, held.map(|(loss, _)| member(share, loss)).collect::<BTreeSet<_>>())
            })
        };
        let fleet = members_of(Extent::Fleet).flat_map(|(_, members)| members).collect();
        let fleet = self.hold(self.before.fleet.as_ref(), fleet, gone_of_all, total);
        let nodes = members_of(Extent::Node).filter_map(|(share, members)| {
            let before = self.before.nodes.get(share.name);
            let hold = self.hold(before, members, gone(&share.losses), share.size)?;
            Some((Name::clone(share.name), hold))
        });
        Holds { nodes: nodes.collect(), fleet }
    }

    /// A hold of these members: the one before, unless there are new ones among them.
    fn hold(
        &self,
        before: Option<&Hold>,
        members: BTreeSet<(Name, Item)>,
        gone: usize,
        total: usize,
    ) -> Option<Hold> {
        if members.is_empty() {
            return None;
        }
        Some(match before.filter(|before| members.is_subset(&before.members)) {
            Some(before) => Hold { members, ..before.clone() },
            None => Hold { token: self.token(&members), gone, total, emptied: self.emptied, members },
        })
    }

    /// A digest of the members. What was confirmed once already, in an earlier accident with the same members,
    /// goes into it, so that it confirms nothing again.
    fn token(&self, members: &BTreeSet<(Name, Item)>) -> String {
        let mut digest = Sha256::new();
        let mut nodes = BTreeSet::new();
        for (node, item) in members {
            digest.update(format!("{node} {item:?}\n"));
            nodes.insert(node);
        }
        let answers =
            nodes.into_iter().filter_map(|node| self.world.objects.get(node).and_then(stale_answer));
        for answer in answers.collect::<BTreeSet<_>>() {
            digest.update(answer);
        }
        digest.finalize().iter().take(TOKEN_BYTES).fold(String::new(), |mut text, byte| {
            // Writing into a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    fn fate(&self, share: &Share<'_>, loss: &Loss, extent: Option<Extent>, holds: &Holds) -> Fate {
        if let Some(extent) = extent {
            let answer = share.present(self.world).and_then(|object| object.confirmation.as_ref());
            let hold = holds.get(share.name, extent);
            if hold.is_none_or(|hold| answer != Some(&hold.token)) {
                return Fate::Held(extent);
            }
        }
        if loss.evidence == Evidence::Proven { Fate::Goes } else { Fate::Waits }
    }
}

fn member(share: &Share<'_>, loss: &Loss) -> (Name, Item) {
    (Name::clone(share.name), loss.item.clone())
}

/// What the object's own condition asks a person for, which outlives this process.
fn asked(object: &Object) -> Option<Extent> {
    let synced = object.synced.as_ref().filter(|synced| synced.reason == Reason::ShrinkGuard.as_str())?;
    Some(if synced.message.contains(ALL) { Extent::Fleet } else { Extent::Node })
}

/// The confirmation on the object, unless it answers what its condition asks for now.
fn stale_answer(object: &Object) -> Option<&String> {
    let answer = object.confirmation.as_ref()?;
    let asked = asked(object).and(object.synced.as_ref());
    (!asked.is_some_and(|synced| synced.message.contains(&format!("{CONFIRM_REMOVAL}={answer}"))))
        .then_some(answer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn too_much_is_more_than_half_and_more_than_what_may_always_go(
            gone in 0..100_usize, others in 0..100_usize, allowed in 0..5_usize
        ) {
            let too_much = is_too_much(gone, gone + others, allowed);
            prop_assert_eq!(too_much, gone > allowed && gone > others);
        }
    }
}
