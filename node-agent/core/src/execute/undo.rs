//! What a transaction changed in the kernel, so that just that can be taken back.
//!
//! These are our own differences and no state to come back to: what others added or removed
//! meanwhile stays as they have it. It is plain data, made before each step is taken. A link is known by its MAC address,
//! and by its number in this boot: neither alone is enough where a device is pulled out and another one takes its place.

use std::collections::BTreeMap;

use multinic_crds::MacAddress;
use serde::{Deserialize, Serialize};

use crate::{
    attribute::{Step, Target, address, ipv6, mtu, name, route, rule, state},
    observed::link::{KernelView, Link},
};

/// The differences that a transaction made, by NIC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Undo(BTreeMap<MacAddress, Changes>);

/// The differences on one link. What was not changed is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Changes {
    /// Which link it is in this boot.
    index: u32,
    #[serde(flatten)]
    name: name::Changed,
    #[serde(flatten)]
    state: state::Changed,
    #[serde(flatten)]
    mtu: mtu::Changed,
    #[serde(flatten)]
    ipv6: ipv6::Changed,
    #[serde(flatten)]
    addresses: address::Changed,
    #[serde(flatten)]
    routes: route::Changed,
    #[serde(flatten)]
    rules: rule::Changed,
}

impl Undo {
    /// Takes down what `step` is about to change in the kernel that `view` shows.
    ///
    /// `view` may be older than steps of the same transaction that are recorded already.
    pub fn record(&mut self, step: &Step, view: &KernelView) {
        let link = view.link(step.index());
        if let Some((link, mac)) = link.and_then(|link| Some((link, link.identity()?))) {
            let new = || Changes { index: link.index, ..Changes::default() };
            self.0.entry(mac).or_insert_with(new).record(step, link, view);
        }
    }

    /// What the links should look like again, given how they look now. A link that was unplugged
    /// has nothing to come back to.
    #[must_use]
    pub fn targets(&self, view: &KernelView) -> Vec<Target> {
        let target = |(mac, changes): (&MacAddress, &Changes)| {
            let link = view.link(changes.index).filter(|link| link.identity() == Some(*mac));
            link.map(|link| changes.target(link))
        };
        self.0.iter().filter_map(target).collect()
    }
}

impl Changes {
    fn record(&mut self, step: &Step, link: &Link, view: &KernelView) {
        self.name.record(step, link);
        self.state.record(step, link);
        self.mtu.record(step, link);
        self.ipv6.record(step, link);
        self.addresses.record(step, link);
        self.routes.record(step, link);
        self.rules.record(step, view);
    }

    fn target(&self, link: &Link) -> Target {
        let mut target = Target::untouched(link);
        self.name.take_back(link, &mut target);
        self.state.take_back(&mut target);
        self.mtu.take_back(link, &mut target);
        self.ipv6.take_back(&mut target);
        self.addresses.take_back(link, &mut target);
        target.routes = self.routes.take_back();
        target.rules = self.rules.take_back();
        target
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ipnet::IpNet;

    use super::*;
    use crate::{
        attribute::{Surplus, converge},
        observed::link::{Address, Manner},
        testing::{address, link},
    };

    const NIC: &str = "fa:16:3e:00:00:0a";

    fn view_of(link: &Link) -> KernelView {
        KernelView { links: vec![link.clone()], ..KernelView::default() }
    }

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn a_device_that_took_the_number_of_one_that_was_pulled_out_is_nobodys_to_restore() {
        let before = link(3, "ens3", NIC);
        let mut undo = Undo::default();
        undo.record(&Step::Rename { index: 3, to: "multinic0".to_owned() }, &view_of(&before));
        let renamed = Link { name: "multinic0".to_owned(), ..before };
        assert_eq!(undo.targets(&view_of(&renamed)).len(), 1);
        let another = link(3, "multinic0", "fa:16:3e:00:00:0b");
        assert_eq!(undo.targets(&view_of(&another)), []);
        assert_eq!(undo.targets(&view_of(&link(7, "multinic0", NIC))), []);
    }

    #[test]
    fn what_others_added_or_removed_meanwhile_stays_as_they_have_it() {
        let mut before = link(3, "ens3", NIC);
        before.up = true;
        before.addresses = vec![address("10.1.0.200/32"), address("10.1.0.9/24")];
        let mut undo = Undo::default();
        let steps = [
            Step::SetDown { index: 3 },
            Step::Rename { index: 3, to: "multinic0".to_owned() },
            Step::RemoveAddress { index: 3, net: net("10.1.0.9/24") },
            Step::SetUp { index: 3 },
            Step::AddAddress { index: 3, net: net("10.1.0.5/24") },
        ];
        for step in &steps {
            undo.record(step, &view_of(&before));
        }
        let mut now = before.clone();
        now.name = "multinic0".to_owned();
        // The peer took its address over, and somebody gave the link another one.
        now.addresses = vec![address("10.1.0.5/24"), address("10.1.0.77/32")];
        let target = &undo.targets(&view_of(&now))[0];
        assert_eq!((target.name.as_str(), target.up), ("ens3", true));
        assert_eq!(target.addresses, BTreeSet::from([net("10.1.0.77/32"), net("10.1.0.9/24")]));
        assert_eq!(target.surplus, Surplus::RemoveOnly(BTreeSet::from([net("10.1.0.5/24")])));
    }

    #[test]
    fn what_going_down_costs_comes_back_as_it_was_given() {
        let mut before = link(3, "multinic0", NIC);
        before.up = true;
        let manner = Manner { flags: 0x200, lifetimes: Some((60, 120)), ..Manner::default() };
        before.addresses = vec![Address { manner: manner.clone(), ..address("2001:db8::77/64") }];
        let mut undo = Undo::default();
        undo.record(&Step::SetDown { index: 3 }, &view_of(&before));
        let mut now = before.clone();
        now.up = false;
        now.addresses.clear();
        let restores = Step::RestoreAddress { index: 3, net: net("2001:db8::77/64"), manner };
        assert_eq!(
            converge(&undo.targets(&view_of(&now)), &view_of(&now)),
            [Step::SetUp { index: 3 }, restores]
        );
    }

    #[test]
    fn a_name_and_a_size_that_somebody_else_chose_meanwhile_stay() {
        let before = link(3, "ens3", NIC);
        let mut undo = Undo::default();
        undo.record(&Step::Rename { index: 3, to: "multinic0".to_owned() }, &view_of(&before));
        undo.record(&Step::SetMtu { index: 3, bytes: 9000 }, &view_of(&before));
        let mut now = before;
        now.name = "storage".to_owned();
        now.mtu = 1400;
        assert_eq!(converge(&undo.targets(&view_of(&now)), &view_of(&now)), []);
    }

    #[test]
    fn an_address_that_was_only_probed_anew_is_no_difference() {
        let mut before = link(3, "multinic0", NIC);
        before.up = true;
        before.addresses = vec![address("2001:db8::5/64")];
        let mut undo = Undo::default();
        for step in [
            Step::RemoveAddress { index: 3, net: net("2001:db8::5/64") },
            Step::AddAddress { index: 3, net: net("2001:db8::5/64") },
        ] {
            undo.record(&step, &view_of(&before));
        }
        assert_eq!(converge(&undo.targets(&view_of(&before)), &view_of(&before)), []);
    }

    #[test]
    fn an_address_that_going_down_cost_comes_back_also_where_adding_it_again_failed() {
        let mut before = link(3, "multinic0", NIC);
        before.up = true;
        before.addresses = vec![address("2001:db8::5/64")];
        let mut undo = Undo::default();
        let again = Step::AddAddress { index: 3, net: net("2001:db8::5/64") };
        for step in [Step::SetDown { index: 3 }, Step::SetUp { index: 3 }, again] {
            undo.record(&step, &view_of(&before));
        }
        let mut now = before;
        now.addresses.clear();
        assert_eq!(undo.targets(&view_of(&now))[0].addresses, BTreeSet::from([net("2001:db8::5/64")]));
    }

    #[test]
    fn it_can_be_written_down_and_read_again() {
        let mut before = link(3, "ens3", NIC);
        before.up = true;
        before.addresses = vec![address("2001:db8::77/64")];
        let mut undo = Undo::default();
        undo.record(&Step::SetDown { index: 3 }, &view_of(&before));
        undo.record(&Step::Rename { index: 3, to: "multinic0".to_owned() }, &view_of(&before));
        let text = serde_json::to_string(&undo).unwrap();
        assert_eq!(serde_json::from_str::<Undo>(&text).unwrap(), undo, "{text}");
    }
}
