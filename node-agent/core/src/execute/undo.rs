//! What a transaction changed in the kernel, so that just that can be taken back.
//!
//! These are our own differences and no state to come back to: what others added or removed
//! meanwhile stays as they have it. It is plain data, made before each step is taken.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use multinic_crds::MIN_IPV6_MTU;
use serde::{Deserialize, Serialize};

use crate::{
    attribute::{Step, Surplus, Target},
    observed::link::{
        Address, Ipv6, KernelView, Link, Manner, goes_down_with_link, goes_with, is_link_local,
    },
};

/// The differences that a transaction made, by link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Undo(BTreeMap<u32, Changes>);

/// The differences on one link. What was not changed is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Changes {
    /// What it was called.
    name: Option<String>,
    /// What we called it.
    given_names: BTreeSet<String>,
    /// Alternative names that we took off it.
    alt_names: BTreeSet<String>,
    /// Whether it was up.
    up: Option<bool>,
    /// The size that it had, and the one that we gave it.
    mtu: Option<(u32, u32)>,
    /// What the kernel did for IPv6 by itself.
    ipv6: Option<Ipv6>,
    /// Addresses that we added.
    added: BTreeSet<IpNet>,
    /// Addresses that we removed, or that our own steps cost, as they were.
    lost: BTreeMap<IpNet, Manner>,
}

impl Undo {
    /// Takes down what `step` is about to change in the kernel that `view` shows.
    ///
    /// `view` may be older than steps of the same transaction that are recorded already.
    pub fn record(&mut self, step: &Step, view: &KernelView) {
        let index = step.index();
        if let Some(link) = view.link(index) {
            self.0.entry(index).or_default().record(step, link);
        }
    }

    /// What the links should look like again, given how they look now. A link that was unplugged
    /// has nothing to come back to.
    #[must_use]
    pub fn targets(&self, view: &KernelView) -> Vec<Target> {
        self.0.iter().filter_map(|(index, changes)| Some(changes.target(view.link(*index)?))).collect()
    }
}

impl Changes {
    fn record(&mut self, step: &Step, link: &Link) {
        match step {
            Step::SetUp { .. } => {
                self.up.get_or_insert(link.up);
            }
            Step::SetDown { .. } => {
                self.up.get_or_insert(link.up);
                self.lose(link, goes_down_with_link);
            }
            Step::Rename { to, .. } => {
                self.name.get_or_insert_with(|| link.name.clone());
                self.given_names.insert(to.clone());
            }
            Step::DropAltName { name, .. } => {
                self.alt_names.insert(name.clone());
            }
            Step::SetMtu { bytes, .. } => {
                let (was, _) = self.mtu.unwrap_or((link.mtu, *bytes));
                self.mtu = Some((was, *bytes));
                if *bytes < MIN_IPV6_MTU {
                    self.ipv6 = self.ipv6.or(link.ipv6);
                    self.lose(link, goes_down_with_link);
                }
            }
            Step::SetIpv6 { .. } => self.ipv6 = self.ipv6.or(link.ipv6),
            Step::AddAddress { net, .. } | Step::RestoreAddress { net, .. } => {
                // One that it had stays taken down as lost: this step may fail.
                if !self.lost.contains_key(net) && !link.nets().contains(net) {
                    self.added.insert(*net);
                }
            }
            Step::RemoveAddress { net, .. } => {
                if !self.added.remove(net) {
                    self.lose(link, |other| other == net);
                }
                self.lose(link, |other| goes_with(other, net));
            }
            // A name more harms nobody, and the route comes and goes with its address.
            Step::AddAltName { .. } | Step::AddRoute { .. } => {}
        }
    }

    fn lose(&mut self, link: &Link, goes: impl Fn(&IpNet) -> bool) {
        // Link-local ones the kernel makes again by itself.
        let gone = link.addresses.iter().filter(|address| goes(&address.net) && !is_link_local(&address.net));
        for Address { net, manner, .. } in gone {
            if !self.added.contains(net) {
                self.lost.insert(*net, manner.clone());
            }
        }
    }

    fn target(&self, link: &Link) -> Target {
        let is_ours = self.given_names.contains(&link.name);
        let name = self.name.as_ref().filter(|_| is_ours).unwrap_or(&link.name);
        let kept = link.nets().into_iter().filter(|net| !is_link_local(net) && !self.added.contains(net));
        Target {
            index: link.index,
            name: name.clone(),
            alt_names: self.alt_names.clone(),
            up: self.up.unwrap_or(link.up),
            // A size that is not the one we gave is somebody else's by now.
            mtu: self.mtu.and_then(|(was, given)| (link.mtu == given).then_some(was)),
            addresses: kept.chain(self.lost.keys().copied()).collect(),
            reachable: BTreeSet::new(),
            surplus: Surplus::RemoveOnly(self.added.clone()),
            manners: self.lost.clone(),
            ipv6: self.ipv6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attribute::converge,
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
