//! Addresses, and the route to the subnet of each.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use multinic_crds::MIN_IPV6_MTU;
use serde::{Deserialize, Serialize};

use super::{
    step::Step,
    target::{Surplus, Target},
};
use crate::observed::link::{
    Address, AddressState, Link, Manner, goes_down_with_link, goes_with, is_link_local,
};

/// The addresses of a link, sorted by what becomes of them.
pub(super) struct Found {
    /// Those that go.
    unwanted: Vec<IpNet>,
    /// Those that our own steps cost, and that stay nevertheless.
    lost: BTreeMap<IpNet, Manner>,
    /// Those that stay by themselves.
    kept: BTreeSet<IpNet>,
}

impl Found {
    /// `went_down` before any address is changed, or else `goes_down` once the unwanted ones are gone.
    pub(super) fn of(target: &Target, link: &Link, went_down: bool, goes_down: bool) -> Self {
        let gone_already = |net: &IpNet| went_down && net.addr().is_ipv6();
        let unwanted: Vec<IpNet> =
            link.nets().into_iter().filter(|net| target.is_unwanted(net) && !gone_already(net)).collect();
        let costs = |net: &IpNet| {
            ((went_down || goes_down) && goes_down_with_link(net))
                || unwanted.iter().any(|removed| goes_with(net, removed))
        };
        let staying = link.addresses.iter().filter(|address| !target.is_unwanted(&address.net));
        let (lost, kept): (Vec<_>, Vec<_>) = staying.partition(|address| costs(&address.net));
        let lost = lost.into_iter().map(|address| (address.net, address.manner.clone())).collect();
        let kept = kept.into_iter().map(|address| address.net).filter(|net| !gone_already(net)).collect();
        Self { unwanted, lost, kept }
    }

    /// The steps to what is not there, or will not be.
    pub(super) fn missing(&self, target: &Target, link: &Link) -> Vec<Step> {
        let index = link.index;
        let missing = target.addresses.iter().filter(|net| !self.kept.contains(net));
        let mut steps: Vec<Step> = missing
            .map(|net| match target.manners.get(net) {
                Some(manner) => Step::RestoreAddress { index, net: *net, manner: manner.clone() },
                None => Step::AddAddress { index, net: *net },
            })
            .collect();
        steps.extend(self.ending(target, link));
        let of_others = self.lost.iter().filter(|(net, _)| !target.addresses.contains(net));
        steps.extend(of_others.map(|(net, manner)| Step::RestoreAddress {
            index,
            net: *net,
            manner: manner.clone(),
        }));
        let unreachable = link.addresses.iter().filter(|address| address.lacks_route);
        let unreachable = unreachable.filter(|address| self.kept.contains(&address.net));
        let wanted = unreachable.filter(|address| target.reachable.contains(&address.net));
        steps.extend(wanted.map(|address| Step::AddSubnetRoute { index, net: address.net }));
        steps
    }

    /// The steps to what is there, and not for as long as it should be.
    fn ending<'a>(&'a self, target: &'a Target, link: &'a Link) -> impl Iterator<Item = Step> + 'a {
        let kept = link.addresses.iter().filter(|address| self.kept.contains(&address.net));
        let wanted = kept.filter(|address| target.addresses.contains(&address.net));
        wanted.filter_map(|address| {
            let manner = target.manners.get(&address.net)?;
            let step =
                || Step::RestoreAddress { index: link.index, net: address.net, manner: manner.clone() };
            (!address.manner.lasts_as(manner)).then(step)
        })
    }

    /// The steps away from what must not be there.
    pub(super) fn removals(&self, link: &Link) -> impl Iterator<Item = Step> {
        let index = link.index;
        self.unwanted.iter().map(move |net| Step::RemoveAddress { index, net: *net })
    }
}

/// Every wanted address that the kernel found taken. The kernel never probes it anew by itself, though the other host
/// may be gone.
pub(super) fn taken(target: &Target, link: &Link) -> Vec<IpNet> {
    let taken = link.addresses.iter().filter(|address| address.state == AddressState::Duplicate);
    taken.map(|address| address.net).filter(|net| target.addresses.contains(net)).collect()
}

/// What is still open about the wanted addresses, where anything is.
pub(super) fn unproven(target: &Target, link: &Link) -> Option<(IpNet, AddressState)> {
    let ours = link.addresses.iter().filter(|address| target.addresses.contains(&address.net));
    let is_open = |address: &&Address| match address.state {
        // Without a carrier nothing can be probed, and nothing is in the way either.
        AddressState::Tentative => link.carrier,
        AddressState::Duplicate => true,
        AddressState::Ready => false,
    };
    ours.filter(is_open).map(|address| (address.net, address.state)).next()
}

/// What we changed of a link's addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Changed {
    /// Addresses that we added.
    added: BTreeSet<IpNet>,
    /// Addresses that we removed, or that our own steps cost, as they were.
    lost: BTreeMap<IpNet, Manner>,
}

impl Changed {
    pub(crate) fn record(&mut self, step: &Step, link: &Link) {
        match step {
            Step::SetDown { .. } => self.lose(link, goes_down_with_link),
            Step::SetMtu { bytes, .. } if *bytes < MIN_IPV6_MTU => self.lose(link, goes_down_with_link),
            // One that it had stays taken down as lost: this step may fail.
            Step::AddAddress { net, .. } | Step::RestoreAddress { net, .. }
                if !self.lost.contains_key(net) && !link.nets().contains(net) =>
            {
                self.added.insert(*net);
            }
            // It is there, and stays for another time from now on.
            Step::RestoreAddress { net, manner, .. } if !self.added.contains(net) => {
                let found = link.addresses.iter().find(|address| address.net == *net);
                if let Some(found) = found.filter(|found| !found.manner.lasts_as(manner)) {
                    self.lost.entry(*net).or_insert_with(|| found.manner.clone());
                }
            }
            Step::RemoveAddress { net, .. } => {
                if !self.added.remove(net) {
                    self.lose(link, |other| other == net);
                }
                self.lose(link, |other| goes_with(other, net));
            }
            // A route comes and goes with its address.
            _ => {}
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

    pub(crate) fn take_back(&self, link: &Link, target: &mut Target) {
        let kept = link.nets().into_iter().filter(|net| !is_link_local(net) && !self.added.contains(net));
        target.addresses = kept.chain(self.lost.keys().copied()).collect();
        target.surplus = Surplus::RemoveOnly(self.added.clone());
        target.manners.clone_from(&self.lost);
    }
}
