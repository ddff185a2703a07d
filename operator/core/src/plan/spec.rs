//! Third step, Node by Node: the spec, and what its condition says.

use std::collections::BTreeMap;

use multinic_crds::{Explanation, Guarded, GuardedInterface, InterfaceName, MacAddress, Mode, Reason};

use super::{
    guard::Fate,
    hold::Holds,
    missing::{Evidence, Loss, Share},
    rejected::Rejected,
    tasks::{Change, Plan, SpecWrite, Task},
    world::World,
};
use crate::{
    cluster::{self, Name},
    plan::removal_grace::Item,
    plan::slots,
    plan::verdict::{Facts, Held, Verdict},
    table::{Rejection, Snapshot},
};

/// What the steps before made of one Node.
pub(super) struct Decided<'a> {
    pub(super) share: &'a Share<'a>,
    pub(super) fates: &'a [Fate],
    pub(super) holds: &'a Holds,
    pub(super) snapshot: &'a Snapshot,
    pub(super) world: &'a World<'a>,
    /// What a person allowed the agent when the Node last had an object.
    pub(super) mode: Mode,
}

impl Decided<'_> {
    /// Plans the object; returns its entries.
    pub(super) fn plan(&self, rejected: Rejected<'_>, plan: &mut Plan) -> Vec<GuardedInterface> {
        let (mut interfaces, surplus) = self.wanted(plan);
        interfaces.extend(self.kept());
        cluster::sort(&mut interfaces);

        let verdict = self.verdict(rejected, &surplus);
        let write = self.write(&interfaces, plan);
        plan.rejected.extend(surplus);
        plan.tasks.push(Task { node: Name::clone(self.share.name), write, verdict });
        interfaces
    }

    /// The entries for the rows of this Node, and the rows that find no slot.
    fn wanted(&self, plan: &mut Plan) -> (Vec<GuardedInterface>, Vec<Rejection>) {
        let share = self.share;
        let nics = self.snapshot.wanted(share.name);
        let macs: Vec<_> = nics.iter().map(|nic| nic.mac).collect();
        let reported = self.world.objects.last_known(share.name).map_or(&[][..], |object| &object.reported);
        let slots = slots::assign(&macs, &share.slots, reported, self.world.max_interfaces);
        let (mut interfaces, mut surplus) = (Vec::new(), Vec::new());
        for nic in nics {
            let Some(slot) = slots.get(&nic.mac).copied() else {
                surplus.push(self.no_free_slot(nic.mac, &nic.port_id));
                continue;
            };
            if !share.object.is_some_and(|object| object.has(nic.mac)) {
                plan.added.push(self.change(nic.mac, Some(slot), Some(nic.port_id.clone())));
            }
            let now = share.object.and_then(|object| object.interface(nic.mac));
            let interface = match now.filter(|_| self.losing(nic.mac)) {
                Some(entry) => multinic_crds::Interface { name: slot, ..entry.clone() },
                None => nic.interface(slot, now),
            };
            interfaces.push(Guarded::Valid(interface));
        }
        (interfaces, surplus)
    }

    /// Whether the NIC would lose something that it must not lose yet; then it stays as it is altogether.
    fn losing(&self, mac: MacAddress) -> bool {
        self.staying().any(|(loss, _)| loss.item.mac() == Some(mac))
    }

    fn staying(&self) -> impl Iterator<Item = (&Loss, Fate)> {
        self.losses().filter(|(_, fate)| *fate != Fate::Goes)
    }

    fn losses(&self) -> impl Iterator<Item = (&Loss, Fate)> {
        self.share.losses.iter().zip(self.fates.iter().copied())
    }

    /// The entries that no row asks for and that must stay for now, under the names that they had.
    fn kept(&self) -> Vec<GuardedInterface> {
        let entries = self.share.object.map_or(&[][..], |object| &object.interfaces);
        let staying: BTreeMap<_, _> = self.staying().map(|(loss, _)| (&loss.item, loss)).collect();
        let stays = |entry: &&GuardedInterface| {
            let item = match entry.mac_address() {
                Some(mac) => Item::Nic(mac),
                None => Item::Unreadable(serde_json::to_string(entry).unwrap_or_default()),
            };
            staying.contains_key(&item)
        };
        let mut kept: Vec<_> = entries.iter().filter(stays).cloned().collect();
        for entry in &mut kept {
            if let Guarded::Valid(interface) = entry
                && let Some(name) = self.share.slots.of(interface.mac_address)
            {
                interface.name = name;
            }
        }
        kept
    }

    fn write(&self, interfaces: &[GuardedInterface], plan: &mut Plan) -> Option<SpecWrite> {
        let Share { name, node, .. } = self.share;
        let stored = self.world.objects.get(name);
        let keeps_unlisted = stored.is_none_or(|stored| stored.keeps_unlisted) && !self.may_say_all();
        let unlisted = || self.losses().filter(|(loss, _)| matches!(loss.item, Item::Unlisted(_)));
        let goes = |(loss, fate): &(&Loss, Fate)| *fate == Fate::Goes && loss.item.is_nic();
        for (loss, _) in self.losses().filter(goes) {
            let is_unlisted = matches!(loss.item, Item::Unlisted(_));
            if let Some(mac) = loss.item.mac().filter(|_| !(is_unlisted && keeps_unlisted)) {
                let entry = self.share.object.and_then(|object| object.interface(mac));
                plan.dropped.push(self.change(mac, loss.slot, entry.map(|entry| entry.port_id.clone())));
            }
        }
        let right = stored.is_some_and(|stored| {
            let lifted = stored.keeps_unlisted && !keeps_unlisted && unlisted().next().is_some();
            stored.owner.as_ref() == Some(&node.uid) && stored.interfaces == interfaces && !lifted
        });
        let mode = Some(self.mode).filter(|mode| stored.is_none() && *mode != Mode::Enforce);
        (!right).then(|| SpecWrite {
            owner: node.uid.clone(),
            interfaces: interfaces.to_vec(),
            keeps_unlisted,
            mode,
        })
    }

    /// Whether the agent may take what the object does not list for unwanted: it has told what it has, and
    /// all of that may go.
    fn may_say_all(&self) -> bool {
        let told = self
            .world
            .objects
            .get(self.share.name)
            .is_some_and(|object| object.observed_generation == Some(object.generation));
        let stays = |(loss, _): (&Loss, Fate)| matches!(loss.item, Item::Unlisted(_));
        told && !self.staying().any(stays) && !self.snapshot.twins.contains_key(self.share.name)
    }

    fn verdict<'a>(&self, mut rejected: Rejected<'a>, surplus: &'a [Rejection]) -> Verdict {
        let mut facts = Facts { grace: self.world.grace, ..Facts::default() };
        for (loss, fate) in self.staying() {
            match (fate, &loss.evidence) {
                (Fate::Held(extent), _) => match facts.held.iter_mut().find(|held| held.extent == extent) {
                    Some(held) => held.items.push(&loss.item),
                    None => {
                        if let Some(hold) = self.holds.get(self.share.name, extent) {
                            facts.held.push(Held { extent, hold, items: vec![&loss.item] });
                        }
                    }
                },
                (_, Evidence::Stray(server)) => facts.strays.push((&loss.item, server)),
                (_, Evidence::Unclear) => facts.unclear.push(&loss.item),
                (_, Evidence::Weak | Evidence::Proven) => facts.missing.push(&loss.item),
            }
        }
        facts.without = self.snapshot.without.get(self.share.name);
        facts.twins = self.snapshot.twins.get(self.share.name);
        // Those of `surplus` are this Node's as well.
        for rejection in surplus {
            rejected.add(rejection);
        }
        facts.rejected = rejected;
        Verdict::of(self.share.name, &facts)
    }

    fn change(&self, mac: MacAddress, slot: Option<InterfaceName>, port_id: Option<String>) -> Change {
        Change { node: Name::clone(self.share.name), mac, slot, port_id }
    }

    fn no_free_slot(&self, mac: MacAddress, port_id: &str) -> Rejection {
        let limit = self.world.max_interfaces;
        let more = if limit < multinic_crds::MAX_INTERFACES {
            format!(" or raise operator.maxInterfaces, at most to {}", multinic_crds::MAX_INTERFACES)
        } else {
            String::new()
        };
        let message = format!("{mac} finds none of the {limit} slots of the Node free; delete rows{more}");
        Rejection {
            node: Some(Name::clone(self.share.name)),
            port_id: Some(port_id.to_owned()),
            mac: Some(mac),
            fault: Explanation::new(Reason::NoFreeSlot, message),
            candidates: None,
        }
    }
}
