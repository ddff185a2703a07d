//! Which NIC is called `multinicN`: sticky, unique, within the limit.

use std::collections::BTreeMap;

use multinic_crds::{GuardedInterface, InterfaceName, MAX_INTERFACES, MacAddress};

use crate::cluster::{Object, Reported, slot_of};

/// Gives each wanted NIC of one Node its slot; those for which none is left are not in the result.
///
/// # Guarantees
/// - A NIC keeps the slot that it `held`, even one beyond `limit`.
/// - Else it gets the name that the agent says its link has already, if that is free.
/// - Else the lowest free slot below `limit`. A slot is not free while any NIC holds it,
///   also one that is about to go, nor while the agent reports it for another NIC.
#[must_use]
pub(crate) fn assign(
    wanted: &[MacAddress],
    held: &Slots,
    reported: &[Reported],
    limit: usize,
) -> BTreeMap<MacAddress, InterfaceName> {
    let mut slots = held.clone();
    let mut assigned = BTreeMap::new();

    assigned.extend(wanted.iter().filter_map(|mac| Some((*mac, slots.of(*mac)?))));
    let mut take = |name: InterfaceName, mac: MacAddress| {
        name.slot() < limit && !is_reported_for_another(name, mac, reported) && slots.take(name, mac)
    };
    for mac in wanted {
        if !assigned.contains_key(mac)
            && let Some(name) = names_of(*mac, reported).find(|name| take(*name, *mac))
        {
            assigned.insert(*mac, name);
        }
    }
    for mac in wanted {
        if !assigned.contains_key(mac)
            && let Some(name) = InterfaceName::all().find(|name| take(*name, *mac))
        {
            assigned.insert(*mac, name);
        }
    }
    assigned
}

/// Who has each slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    holders: [Option<MacAddress>; MAX_INTERFACES],
    /// NICs that the object has in a slot that we gave to another one.
    displaced: Vec<MacAddress>,
}

impl Slots {
    /// Who has each slot by the `object`, and by what we gave in the `past`.
    ///
    /// What we gave outweighs the object, since somebody may have changed a name by hand; but a name
    /// that the link has already, by the agent's report, stays. Before both comes, while the object is new, what the agent
    /// has from an earlier one: who made the object anew may not have known it.
    #[must_use]
    pub(crate) fn held(object: Option<&Object>, past: Option<&[(MacAddress, InterfaceName)]>) -> Self {
        let entries = object.map_or(&[][..], |object| &object.interfaces);
        let mut slots = Self::default();
        if let Some(object) = object.filter(|object| object.keeps_unlisted) {
            for nic in object.reported.iter().filter(|nic| object.has(nic.mac)) {
                if let Some(link) = nic.link {
                    slots.take(link, nic.mac);
                }
            }
        }
        for (mac, given) in past.unwrap_or_default() {
            if slots.of(*mac).is_some() {
                continue;
            }
            let entry = entries.iter().find(|entry| entry.mac_address() == Some(*mac));
            let link = object.and_then(|object| object.reported(*mac)?.link);
            let renamed = entry.and_then(slot_of).filter(|name| link == Some(*name));
            slots.take(renamed.unwrap_or(*given), *mac);
        }
        for entry in entries {
            if let (Some(mac), Some(name)) = (entry.mac_address(), slot_of(entry))
                && slots.of(mac).is_none()
                && !slots.take(name, mac)
            {
                let holder = slots.holders[name.slot()];
                if past.is_some_and(|past| past.iter().any(|(given, _)| Some(*given) == holder)) {
                    slots.displaced.push(mac);
                }
            }
        }
        slots
    }

    /// The slot of this NIC.
    #[must_use]
    pub(crate) fn of(&self, mac: MacAddress) -> Option<InterfaceName> {
        InterfaceName::all().find(|name| self.holders[name.slot()] == Some(mac))
    }

    /// Whether somebody put `entry` by hand where another NIC has its slot, so that both cannot be.
    #[must_use]
    pub(crate) fn is_displaced(&self, entry: &GuardedInterface) -> bool {
        entry.mac_address().is_some_and(|mac| self.displaced.contains(&mac))
    }

    fn take(&mut self, name: InterfaceName, mac: MacAddress) -> bool {
        let slot = &mut self.holders[name.slot()];
        let free = slot.is_none();
        if free {
            *slot = Some(mac);
        }
        free
    }
}

/// The names that the agent connects with a NIC, what the kernel shows first.
fn names_of(mac: MacAddress, reported: &[Reported]) -> impl Iterator<Item = InterfaceName> {
    let own = reported.iter().find(|reported| reported.mac == mac);
    own.into_iter().flat_map(|reported| [reported.link, reported.name]).flatten()
}

fn is_reported_for_another(name: InterfaceName, mac: MacAddress, reported: &[Reported]) -> bool {
    let mut others = reported.iter().filter(|reported| reported.mac != mac);
    others.any(|reported| [reported.link, reported.name].contains(&Some(name)))
}

#[cfg(test)]
mod tests {
    use multinic_crds::{Guarded, Interface, InterfaceState};

    use super::*;

    fn mac(last: u8) -> MacAddress {
        MacAddress::from_octets([2, 0, 0, 0, 0, last]).unwrap()
    }

    fn name(slot: usize) -> InterfaceName {
        InterfaceName::all().nth(slot).unwrap()
    }

    fn entry((last, slot): &(u8, usize)) -> GuardedInterface {
        Guarded::Valid(Interface::new(mac(*last), name(*slot)))
    }

    fn report((last, link, should): &(u8, Option<usize>, usize)) -> Reported {
        Reported {
            mac: mac(*last),
            state: InterfaceState::Configured,
            reason: None,
            last_transition_time: None,
            link: link.map(name),
            name: Some(name(*should)),
        }
    }

    fn assigned(
        wanted: &[u8],
        held: &[(u8, usize)],
        reported: &[(u8, Option<usize>, usize)],
        limit: usize,
    ) -> Vec<(u8, usize)> {
        let object = Object {
            interfaces: held.iter().map(entry).collect(),
            reported: reported.iter().map(report).collect(),
            ..Object::default()
        };
        let wanted: Vec<_> = wanted.iter().map(|last| mac(*last)).collect();
        let assigned = assign(&wanted, &Slots::held(Some(&object), None), &object.reported, limit);
        assigned.into_iter().map(|(mac, name)| (mac.octets()[5], name.slot())).collect()
    }

    #[test]
    fn new_nics_get_the_lowest_slots_in_the_order_of_their_addresses() {
        assert_eq!(assigned(&[1, 2, 3], &[], &[], 10), [(1, 0), (2, 1), (3, 2)]);
    }

    #[test]
    fn a_slot_stays_with_its_nic_even_beyond_the_limit() {
        assert_eq!(assigned(&[1, 2, 3], &[(2, 0), (3, 15)], &[], 10), [(1, 1), (2, 0), (3, 15)]);
    }

    #[test]
    fn a_slot_is_free_only_in_the_sync_after_the_one_that_dropped_its_nic() {
        assert_eq!(assigned(&[1, 9], &[(1, 0), (5, 1)], &[], 10), [(1, 0), (9, 2)]);
        assert_eq!(assigned(&[1, 9], &[(1, 0)], &[], 10), [(1, 0), (9, 1)]);
    }

    #[test]
    fn a_slot_is_not_free_while_the_agent_still_removes_its_nic() {
        assert_eq!(assigned(&[1, 9], &[(1, 0)], &[(5, Some(1), 1)], 10), [(1, 0), (9, 2)]);
        let both = [(5, Some(1), 1), (9, None, 1)];
        assert_eq!(assigned(&[1, 9], &[(1, 0)], &both, 10), [(1, 0), (9, 2)]);
    }

    #[test]
    fn a_link_that_has_a_name_of_ours_keeps_it() {
        assert_eq!(assigned(&[1, 2], &[], &[(2, Some(0), 4)], 10), [(1, 1), (2, 0)]);
        assert_eq!(assigned(&[2], &[(1, 3)], &[(2, Some(3), 4)], 10), [(2, 4)]);
        assert_eq!(assigned(&[2], &[], &[(2, Some(12), 13)], 10), [(2, 0)]);
    }

    #[test]
    fn what_exceeds_the_limit_gets_no_slot() {
        assert_eq!(assigned(&[1, 2, 3], &[(3, 0)], &[], 2), [(1, 1), (3, 0)]);
    }

    fn held(entries: &[(u8, usize)], reported: &[(u8, Option<usize>, usize)], past: &[(u8, usize)]) -> Slots {
        let object = Object {
            interfaces: entries.iter().map(entry).collect(),
            reported: reported.iter().map(report).collect(),
            ..Object::default()
        };
        let past: Vec<_> = past.iter().map(|(last, slot)| (mac(*last), name(*slot))).collect();
        Slots::held(Some(&object), Some(&past))
    }

    fn slots_of(slots: &Slots, macs: &[u8]) -> Vec<Option<usize>> {
        macs.iter().map(|last| slots.of(mac(*last)).map(InterfaceName::slot)).collect()
    }

    #[test]
    fn a_name_changed_by_hand_is_what_we_gave_unless_the_link_has_it_already() {
        let given = [(1, 0), (2, 1)];
        let edited = [(1, 2), (2, 1)];
        assert_eq!(slots_of(&held(&edited, &[], &given), &[1, 2]), [Some(0), Some(1)]);
        assert_eq!(slots_of(&held(&edited, &[(1, Some(0), 0)], &given), &[1, 2]), [Some(0), Some(1)]);
        assert_eq!(slots_of(&held(&edited, &[(1, Some(2), 2)], &given), &[1, 2]), [Some(2), Some(1)]);
        let exchanged = [(1, 1), (2, 0)];
        assert_eq!(slots_of(&held(&exchanged, &[], &given), &[1, 2]), [Some(0), Some(1)]);
    }

    #[test]
    fn a_mac_address_put_by_hand_in_the_slot_of_another_nic_does_not_push_it_out() {
        let slots = held(&[(9, 0), (2, 1)], &[], &[(1, 0), (2, 1)]);
        assert_eq!(slots_of(&slots, &[1, 2, 9]), [Some(0), Some(1), None]);
        assert!(slots.is_displaced(&entry(&(9, 0))) && !slots.is_displaced(&entry(&(2, 1))));
        // Where nothing is known of the past, nobody was pushed out.
        let object = Object { interfaces: vec![entry(&(1, 0)), entry(&(9, 0))], ..Object::default() };
        assert!(!Slots::held(Some(&object), None).is_displaced(&entry(&(9, 0))));
    }
}
