//! Which NIC is called `multinicN`: sticky, unique, within the limit.

use std::collections::BTreeMap;

use multinic_crds::{GuardedInterface, InterfaceName, MAX_INTERFACES, MacAddress};

use crate::cluster::{Object, Reported, slot_of};

/// Gives each wanted NIC of one Node its slot; those for which none is left are not in the result.
///
/// # Guarantees
/// - A NIC keeps the slot that the object says, even one beyond `limit`.
/// - Else it gets the name that the agent says its link has already, if that is free.
/// - Else the lowest free slot below `limit`. A slot is not free while the object gives it to
///   any NIC, also one that is about to go, nor while the agent reports it for another NIC.
#[must_use]
pub fn assign(
    wanted: &[MacAddress],
    object: Option<&Object>,
    limit: usize,
) -> BTreeMap<MacAddress, InterfaceName> {
    let (interfaces, reported) =
        object.map_or((&[][..], &[][..]), |object| (&object.interfaces[..], &object.reported[..]));
    let mut slots = Slots::held_by(interfaces);
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
struct Slots([Option<MacAddress>; MAX_INTERFACES]);

impl Slots {
    fn held_by(interfaces: &[GuardedInterface]) -> Self {
        let mut slots = Self([None; MAX_INTERFACES]);
        for interface in interfaces {
            if let (Some(mac), Some(name)) = (interface.mac_address(), slot_of(interface)) {
                slots.take(name, mac);
            }
        }
        slots
    }

    fn of(&self, mac: MacAddress) -> Option<InterfaceName> {
        InterfaceName::all().find(|name| self.0[name.slot()] == Some(mac))
    }

    fn take(&mut self, name: InterfaceName, mac: MacAddress) -> bool {
        let slot = &mut self.0[name.slot()];
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
        Guarded::Valid(Interface {
            mac_address: mac(*last),
            name: name(*slot),
            port_id: String::new(),
            subnet_id: String::new(),
            addresses: vec![],
            mtu: None,
        })
    }

    fn report((last, link, should): &(u8, Option<usize>, usize)) -> Reported {
        Reported {
            mac: mac(*last),
            state: InterfaceState::Configured,
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
        let assigned = assign(&wanted, Some(&object), limit);
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
}
