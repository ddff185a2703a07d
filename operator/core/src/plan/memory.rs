//! What planning remembers from one sync to the next. A restart loses it safely.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use multinic_crds::{GuardedInterface, InterfaceName, MacAddress, Mode};

use super::{hold::Holds, removal_grace::Absences, world::World};
use crate::cluster::{Machine, Name, Node, slot_of};

/// How long a Node may be away until its slots and its mode are forgotten.
const AWAY: Duration = Duration::from_hours(1);

/// What planning remembers.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    pub(super) absences: Absences,
    pub(super) holds: Holds,
    pub(super) past: Past,
    /// Whether there was a plan before.
    pub(super) begun: bool,
}

impl Memory {
    /// When the next absence of a row will have lasted for the `grace`, after `now`.
    #[must_use]
    pub fn ripens(&self, now: Instant, grace: Duration) -> Option<Instant> {
        self.absences.ripens(now, grace)
    }

    /// Forgets how long anything has been missing, since nobody has looked meanwhile.
    pub fn forget_evidence(&mut self) {
        self.absences = Absences::default();
    }
}

/// What each Node had when it was last planned.
#[derive(Debug, Clone, Default)]
pub(super) struct Past(BTreeMap<Name, Remembered>);

/// What a Node had.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    machine: Machine,
    pub(super) slots: Vec<(MacAddress, InterfaceName)>,
    pub(super) mode: Mode,
    seen: Instant,
}

impl Past {
    /// What this Node had, or its machine under a name that no Node has any more.
    pub(super) fn of(&self, name: &Name, node: &Node, world: &World<'_>) -> Option<&Remembered> {
        let by_name = self.0.get(name).filter(|past| !past.machine.contradicts(&node.machine));
        by_name.or_else(|| {
            let mut away = self.0.iter().filter(|(name, _)| world.nodes.get(name).is_none());
            away.find(|(_, past)| past.machine.is(&node.machine)).map(|(_, past)| past)
        })
    }

    /// Takes in what `node` has from now on.
    pub(super) fn keep(
        &mut self,
        before: Option<&Remembered>,
        name: &Name,
        node: &Node,
        interfaces: &[GuardedInterface],
        world: &World<'_>,
    ) {
        let slots = interfaces.iter().filter_map(|entry| Some((entry.mac_address()?, slot_of(entry)?)));
        let mode = world.objects.get(name).map(|object| object.mode);
        let remembered = Remembered {
            machine: node.machine.clone(),
            slots: slots.collect(),
            mode: mode.or_else(|| Some(before?.mode)).unwrap_or_default(),
            seen: world.now,
        };
        self.0.insert(Name::clone(name), remembered);
    }

    /// Takes over from `before` the Nodes that are away, for a time.
    pub(super) fn keep_away(&mut self, before: &Self, world: &World<'_>) {
        for (name, past) in &before.0 {
            let is_recent = world.now.saturating_duration_since(past.seen) < AWAY;
            if is_recent && world.nodes.get(name).is_none() {
                self.0.insert(Name::clone(name), past.clone());
            }
        }
    }
}
