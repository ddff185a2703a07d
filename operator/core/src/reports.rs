//! What agents say of their NICs, from one look at the objects to the next.

use std::collections::{BTreeMap, BTreeSet};

use multinic_crds::{InterfaceName, MacAddress};

use crate::{
    cluster::{Index, Name, Object},
    transition::{Nic, NicState, Transition},
};

/// What agents said at the last look.
///
/// # Guarantees
/// - A look costs something only for the objects that changed.
/// - The first look tells nothing: what it finds is not news, it is only new to this process.
#[derive(Debug, Default)]
pub struct Reports {
    said: BTreeMap<Name, Box<[Said]>>,
    begun: bool,
}

/// What an agent said of one NIC, as small as can be: there are tens of thousands.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Said {
    mac: MacAddress,
    name: Option<InterfaceName>,
    state: NicState,
}

impl Reports {
    /// Looks at the objects with these names, and tells what is said of NICs that was not said before.
    #[must_use]
    pub fn follow(&mut self, changed: &BTreeSet<Name>, objects: &Index<Object>) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for node in changed {
            let Some(object) = objects.get(node) else {
                // Whoever deletes an object takes no NIC away with it.
                self.said.remove(node);
                continue;
            };
            // A new object, or a status that cannot be read, says nothing; what was said before is still to be compared with.
            if object.agent_version.is_empty() {
                continue;
            }
            let after = said(object);
            if self.begun {
                let before = self.said.get(node).map_or(&[][..], |before| before);
                compare(node, before, &after, &mut transitions);
            }
            self.said.insert(Name::clone(node), after);
        }
        self.begun = true;
        // What is alike stands together; the sort is stable.
        transitions.sort_by_key(|transition| matches!(transition, Transition::NicRemoved { .. }));
        transitions
    }
}

fn said(object: &Object) -> Box<[Said]> {
    let said = object.reported.iter().map(|nic| {
        let state = NicState { state: nic.state, reason: nic.reason };
        Said { mac: nic.mac, name: nic.name, state }
    });
    said.collect()
}

fn compare(node: &Name, before: &[Said], after: &[Said], transitions: &mut Vec<Transition>) {
    let find = |all: &[Said], mac| all.iter().find(|said| said.mac == mac).copied();
    let nic = |said: &Said| Nic { node: Name::clone(node), mac: said.mac, name: said.name };
    for said in after {
        let before = find(before, said.mac).map(|before| before.state);
        if before != Some(said.state) {
            transitions.push(Transition::NicMoved { nic: nic(said), before, after: said.state });
        }
    }
    for said in before.iter().filter(|said| find(after, said.mac).is_none()) {
        transitions.push(Transition::NicRemoved { nic: nic(said), before: said.state });
    }
}

#[cfg(test)]
mod tests {
    use multinic_crds::{InterfaceState, Reason};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        cluster::Event,
        fixtures::{mac, object, slot},
    };

    /// An object in a version, whose agent says this of NICs: the last byte of the MAC address, state and reason.
    fn report(node: &str, version: i64, nics: &[(u8, &str, &str)]) -> multinic_crds::GuardedConfig {
        let nic = |(last, state, reason): &(u8, &str, &str)| {
            let name = slot(usize::from(*last));
            json!({ "macAddress": mac(*last), "name": name, "state": state, "reason": reason })
        };
        let interfaces: Vec<_> = nics.iter().map(nic).collect();
        let status = json!({ "agentVersion": "1", "interfaces": interfaces });
        object(node, version, &[], status)
    }

    fn nic(node: &str, last: u8) -> Nic {
        Nic { node: node.into(), mac: mac(last), name: Some(slot(usize::from(last))) }
    }

    const fn state(state: InterfaceState, reason: Reason) -> NicState {
        NicState { state, reason: Some(reason) }
    }

    const CONFIGURED: NicState = state(InterfaceState::Configured, Reason::Configured);

    fn look(reports: &mut Reports, objects: &mut Index<Object>) -> Vec<Transition> {
        reports.follow(&objects.take_changed(), objects)
    }

    #[test]
    fn what_is_said_at_the_first_look_is_no_news_and_what_stays_is_none_later() {
        let (mut reports, mut objects) = (Reports::default(), Index::default());
        objects.record(report("a", 1, &[(1, "Failed", "ApplyFailed")]));
        assert_eq!(look(&mut reports, &mut objects), []);
        objects.record(report("a", 2, &[(1, "Failed", "ApplyFailed")]));
        assert_eq!(look(&mut reports, &mut objects), []);
    }

    #[test]
    fn a_nic_that_comes_to_another_state_or_reason_is_told_with_what_it_was_before() {
        let (mut reports, mut objects) = (Reports::default(), Index::default());
        let nics = [(1, "Configured", "Configured"), (2, "Pending", "Applying"), (3, "Refused", "InUse")];
        objects.record(report("a", 1, &nics));
        assert_eq!(look(&mut reports, &mut objects), []);

        let nics = [
            (1, "Configured", "NoCarrier"),
            (2, "Failed", "ApplyFailed"),
            (3, "Refused", "InUse"),
            (4, "DeviceMissing", "DeviceMissing"),
        ];
        objects.record(report("a", 2, &nics));
        let moved = |last, before, after| Transition::NicMoved { nic: nic("a", last), before, after };
        assert_eq!(
            look(&mut reports, &mut objects),
            [
                moved(1, Some(CONFIGURED), state(InterfaceState::Configured, Reason::NoCarrier)),
                moved(
                    2,
                    Some(state(InterfaceState::Pending, Reason::Applying)),
                    state(InterfaceState::Failed, Reason::ApplyFailed)
                ),
                moved(4, None, state(InterfaceState::DeviceMissing, Reason::DeviceMissing)),
            ]
        );
    }

    #[test]
    fn a_word_that_is_not_known_here_is_another_reason_without_a_name() {
        let (mut reports, mut objects) = (Reports::default(), Index::default());
        objects.record(report("a", 1, &[(1, "Failed", "ApplyFailed")]));
        let _ = look(&mut reports, &mut objects);
        objects.record(report("a", 2, &[(1, "Failed", "OfANewerAgent")]));
        let before = Some(state(InterfaceState::Failed, Reason::ApplyFailed));
        let after = NicState { state: InterfaceState::Failed, reason: None };
        let moved = Transition::NicMoved { nic: nic("a", 1), before, after };
        assert_eq!(look(&mut reports, &mut objects), [moved]);
    }

    #[test]
    fn nics_that_are_gone_come_after_those_that_moved_and_a_deleted_object_takes_none_away() {
        let (mut reports, mut objects) = (Reports::default(), Index::default());
        let both = [(1, "Configured", "Configured"), (2, "Configured", "Configured")];
        objects.record(report("a", 1, &both));
        objects.record(report("b", 1, &both[..1]));
        objects.record(report("c", 1, &both));
        let _ = look(&mut reports, &mut objects);

        objects.record(report("a", 2, &both[1..]));
        objects.record(report("b", 2, &[(1, "Refused", "InUse")]));
        assert!(objects.handle(Event::Delete(report("c", 2, &both))));
        let refused = state(InterfaceState::Refused, Reason::InUse);
        assert_eq!(
            look(&mut reports, &mut objects),
            [
                Transition::NicMoved { nic: nic("b", 1), before: Some(CONFIGURED), after: refused },
                Transition::NicRemoved { nic: nic("a", 1), before: CONFIGURED },
            ]
        );
        objects.record(object("c", 3, &[], Value::Null));
        assert_eq!(look(&mut reports, &mut objects), []);
    }

    #[test]
    fn an_object_that_is_deleted_and_made_anew_at_once_takes_no_nic_away() {
        let (mut reports, mut objects) = (Reports::default(), Index::default());
        let configured = [(1, "Configured", "Configured")];
        objects.record(report("a", 1, &configured));
        assert_eq!(look(&mut reports, &mut objects), []);
        assert!(objects.handle(Event::Delete(report("a", 2, &configured))));
        objects.record(object("a", 3, &[], Value::Null));
        assert_eq!(look(&mut reports, &mut objects), []);
        objects.record(report("a", 4, &configured));
        assert_eq!(look(&mut reports, &mut objects), []);
    }

    #[test]
    fn the_nics_of_a_node_that_joins_later_are_news() {
        let (mut reports, mut objects) = (Reports::default(), Index::default());
        assert_eq!(look(&mut reports, &mut objects), []);
        objects.record(report("a", 1, &[(1, "Configured", "Configured")]));
        let moved = Transition::NicMoved { nic: nic("a", 1), before: None, after: CONFIGURED };
        assert_eq!(look(&mut reports, &mut objects), [moved]);
    }
}
