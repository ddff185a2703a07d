//! First step, Node by Node: what it has and no row asks for, and how sure that is.

use std::collections::BTreeSet;

use multinic_crds::{Addressing, Guarded, GuardedInterface, Interface, InterfaceName, MacAddress};

use super::{memory::Memory, world::World};
use crate::{
    cluster::{Name, Node, Object, slot_of},
    plan::removal_grace::{Absences, Item},
    plan::slots::Slots,
    routing::Replies,
    table::{Nic, Snapshot},
};

/// One Node's share of the table and of the objects.
#[derive(Debug)]
pub(super) struct Share<'a> {
    pub(super) name: &'a Name,
    pub(super) node: &'a Node,
    /// The object as it is, or as it was until somebody deleted it: its NICs are still on the node.
    pub(super) object: Option<&'a Object>,
    /// Who has each slot.
    pub(super) slots: Slots,
    pub(super) losses: Vec<Loss>,
    /// The NICs that the Node has.
    pub(super) size: usize,
}

/// Something that goes, unless something keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) item: Item,
    pub(super) slot: Option<InterfaceName>,
    pub(super) evidence: Evidence,
}

/// How sure it is that nothing asks for it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Evidence {
    /// A row that cannot be used may stand for it, or it is not known whose it is.
    Unclear,
    /// Its row is there, and names this server, which is no Node here.
    Stray(String),
    /// It has not been missing for long enough.
    Weak,
    /// It has.
    Proven,
}

impl Loss {
    /// Whether it would go, sooner or later. Routes go from all NICs of a subnet at once, so they tell of no accident.
    pub(super) const fn counts(&self) -> bool {
        !self.item.is_of_subnet() && matches!(self.evidence, Evidence::Weak | Evidence::Proven)
    }
}

impl<'a> Share<'a> {
    pub(super) fn of(
        (name, node): (&'a Name, &'a Node),
        snapshot: &Snapshot,
        world: &World<'a>,
        before: &Memory,
        absences: &mut Absences,
    ) -> Self {
        let object = world.objects.upheld(name, node);
        let past = before.past.of(name, node, world).map(|past| past.slots.as_slice());
        let slots = Slots::held(world.objects.last_known(name), past);
        let mut share = Self { name, node, object, slots, losses: Vec::new(), size: 0 };
        let mut search = Search { snapshot, world, before: &before.absences, absences };
        share.look(&mut search);
        share
    }

    /// What the present object says, which is not there where it was deleted or never made.
    pub(super) fn present(&self, world: &World<'a>) -> Option<&'a Object> {
        world.objects.get(self.name)
    }

    fn look(&mut self, search: &mut Search<'_>) {
        let Some(object) = self.object else { return };
        for entry in &object.interfaces {
            let Some(mac) = entry.mac_address() else {
                let text = serde_json::to_string(entry).unwrap_or_default();
                self.lose(search, Item::Unreadable(text), slot_of(entry), None);
                self.size += 1;
                continue;
            };
            self.size += 1;
            match (search.snapshot.nic(self.name, mac), entry) {
                (Some(nic), Guarded::Valid(entry)) => self.compare(search, entry, nic),
                (Some(_), Guarded::Malformed { .. }) => {}
                (None, _) if self.slots.is_displaced(entry) => {}
                (None, _) => {
                    let keeper = search.keeper(self.name, object, entry, mac);
                    self.lose(search, Item::Nic(mac), slot_of(entry), keeper);
                }
            }
        }
        self.look_for_unlisted(search, object);
    }

    /// A row that says nothing where it said something is a loss like a missing one.
    fn compare(&mut self, search: &mut Search<'_>, entry: &Interface, nic: &Nic) {
        let mut lose = |item| self.lose(search, item, Some(entry.name), None);
        if !entry.addresses.is_empty() && nic.address.is_none() {
            lose(Item::Addresses(nic.mac));
        }
        if entry.addressing().is_dynamic() && nic.address.is_none() && nic.routing.addressing.is_none() {
            lose(Item::Addressing(nic.mac));
        }
        if entry.mtu.is_some() && nic.mtu.is_none() {
            lose(Item::Mtu(nic.mac));
        }
        if is_elsewhere(entry, nic) {
            return;
        }
        if !entry.routes.is_empty() && nic.routing.routes.is_empty() {
            lose(Item::Routes(nic.mac));
        }
        // One that the network told, nobody said.
        let said = entry.source_routing.as_ref().is_some_and(|now| !now.gateways.is_empty());
        if said && matches!(nic.routing.replies, Replies::NoGateway | Replies::ByLearned) {
            lose(Item::SourceRouting(nic.mac));
        }
    }

    /// What the agent has of an earlier object that this one, which is new, does not list.
    fn look_for_unlisted(&mut self, search: &mut Search<'_>, object: &Object) {
        let unlisted = object.reported.iter().filter(|nic| object.keeps_unlisted && !object.has(nic.mac));
        let macs: BTreeSet<_> = unlisted.map(|nic| (nic.mac, nic.link.or(nic.name))).collect();
        for (mac, name) in macs {
            if search.snapshot.nic(self.name, mac).is_some() {
                continue;
            }
            self.size += 1;
            let covered = search.snapshot.protection.covers(self.name, mac, None)
                || search.snapshot.twins.contains_key(self.name);
            let stray = search.snapshot.strays.about(mac, None).next();
            let keeper = match stray {
                Some(stray) => Some(Evidence::Stray(stray.server.clone())),
                None => covered.then_some(Evidence::Unclear),
            };
            self.lose(search, Item::Unlisted(mac), name, keeper);
        }
    }

    fn lose(
        &mut self,
        search: &mut Search<'_>,
        item: Item,
        slot: Option<InterfaceName>,
        keeper: Option<Evidence>,
    ) {
        let evidence = keeper.unwrap_or_else(|| search.evidence(self.name, &item));
        self.losses.push(Loss { item, slot, evidence });
    }
}

/// Whether what was said of routes was said of another subnet, or of addresses of another family, or of any where somebody
/// says now that there are none: that it is said no more is no loss.
fn is_elsewhere(entry: &Interface, nic: &Nic) -> bool {
    let family = |addressing: Addressing| addressing.is_dynamic().then(|| addressing.is_ipv6());
    let (before, now) = (entry.addressing(), nic.addressing());
    let is_said = nic.routing.addressing.is_some();
    entry.subnet_id != nic.subnet_id || (is_said && before.is_dynamic() && family(before) != family(now))
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    world: &'a World<'a>,
    before: &'a Absences,
    absences: &'a mut Absences,
}

impl Search<'_> {
    fn evidence(&mut self, node: &Name, item: &Item) -> Evidence {
        let World { now, grace, .. } = *self.world;
        let proven = self.absences.observe(self.before, node, item, now, grace);
        if proven { Evidence::Proven } else { Evidence::Weak }
    }

    /// What keeps an entry that no usable row asks for, whatever its evidence.
    fn keeper(
        &self,
        node: &Name,
        object: &Object,
        entry: &GuardedInterface,
        mac: MacAddress,
    ) -> Option<Evidence> {
        let port_id = entry.valid().map(|interface| interface.port_id.as_str());
        if let Some(stray) = self.snapshot.strays.of(object, entry).next() {
            return Some(Evidence::Stray(stray.server.clone()));
        }
        self.snapshot.protection.covers(node, mac, port_id).then_some(Evidence::Unclear)
    }
}
