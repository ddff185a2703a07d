//! From what a link is to what it should be, as the fewest kernel steps.
//!
//! The same function brings a NIC to its wanted state, takes one back to what it
//! was, and proves a result: what needs no further step is right.

mod step;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use multinic_crds::MIN_IPV6_MTU;

use crate::observed::link::{
    AddressState, Ipv6, KernelView, Link, Manner, goes_down_with_link, goes_with, is_link_local,
};

pub use self::step::Step;

/// What one link should look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which link.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The alternative names that it must have; others are left alone.
    pub alt_names: BTreeSet<String>,
    /// Administratively up.
    pub up: bool,
    /// In bytes; `None` leaves it.
    pub mtu: Option<u32>,
    /// The addresses it must have.
    pub addresses: BTreeSet<IpNet>,
    /// Those of them whose subnet there must be a route to over the link.
    pub reachable: BTreeSet<IpNet>,
    /// What happens to the addresses it must not have.
    pub surplus: Surplus,
    /// How some of the addresses are given, where not as usual.
    pub manners: BTreeMap<IpNet, Manner>,
    /// What the kernel may do for IPv6 by itself; `None` leaves it.
    pub ipv6: Option<Ipv6>,
}

/// What happens to addresses that a target does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Surplus {
    /// All of them go.
    Remove,
    /// Only these go: addresses that we gave the link earlier. What others put there stays.
    RemoveOnly(BTreeSet<IpNet>),
}

impl Target {
    /// The state that `link` is in, to come back to.
    #[must_use]
    pub fn exactly(link: &Link) -> Self {
        Self {
            index: link.index,
            name: link.name.clone(),
            alt_names: BTreeSet::new(),
            up: link.up,
            mtu: Some(link.mtu),
            addresses: link.nets().into_iter().filter(|net| !is_link_local(net)).collect(),
            reachable: BTreeSet::new(),
            surplus: Surplus::Remove,
            manners: BTreeMap::new(),
            ipv6: link.ipv6,
        }
    }

    /// What `link` has now, where more addresses do no harm.
    #[must_use]
    pub fn at_least(link: &Link) -> Self {
        let reachable = link.addresses.iter().filter(|address| !address.lacks_route);
        Self {
            reachable: reachable.map(|address| address.net).collect(),
            surplus: Surplus::RemoveOnly(BTreeSet::new()),
            ipv6: None,
            ..Self::exactly(link)
        }
    }

    fn is_unwanted(&self, net: &IpNet) -> bool {
        if self.addresses.contains(net) {
            return false;
        }
        if is_link_local(net) {
            // Changing the mode makes one at once, also on a link that is down and has no use for it.
            return !self.up || self.ipv6.is_some_and(|ipv6| ipv6.addr_gen_mode == Ipv6::NO_LINK_LOCAL);
        }
        match &self.surplus {
            Surplus::Remove => true,
            Surplus::RemoveOnly(ours) => ours.contains(net),
        }
    }
}

/// The steps that make `view` match `targets`; none where it matches already.
///
/// Guarantee: only links that are targets are named in the steps. A target whose
/// link is gone yields none.
#[must_use]
pub fn converge(targets: &[Target], view: &KernelView) -> Vec<Step> {
    let present: Vec<(&Target, &Link)> =
        targets.iter().filter_map(|target| Some((target, view.link(target.index)?))).collect();
    let vacated = vacated(&present);
    let mut steps: Vec<Step> = vacated
        .iter()
        .flat_map(|link| {
            let down = link.up.then_some(Step::SetDown { index: link.index });
            down.into_iter().chain([Step::Rename { index: link.index, to: temporary_name(link) }])
        })
        .collect();
    for (target, link) in present {
        let vacated = vacated.iter().any(|other| other.index == link.index);
        steps.extend(converge_one(target, link, vacated));
    }
    steps
}

/// Links that sit on a name which another target takes over: they move away first.
fn vacated<'a>(present: &[(&Target, &'a Link)]) -> Vec<&'a Link> {
    present
        .iter()
        .filter(|(target, link)| {
            let moves = target.name != link.name;
            moves && present.iter().any(|(other, _)| other.index != link.index && other.name == link.name)
        })
        .map(|(_, link)| *link)
        .collect()
}

const TEMPORARY: &str = "mnictmp";

fn temporary_name(link: &Link) -> String {
    format!("{TEMPORARY}{}", link.index)
}

/// Whether a link has this name only while it exchanges names with another one.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

fn converge_one(target: &Target, link: &Link, vacated: bool) -> Vec<Step> {
    let index = link.index;
    let mut steps = Vec::new();
    // The kernel renames only links that are down (before 6.2), and going down costs
    // every IPv6 address.
    let renamed = vacated || target.name != link.name;
    let went_down = renamed && link.up;
    if renamed {
        if went_down && !vacated {
            steps.push(Step::SetDown { index });
        }
        // The kernel renames no link to its own alternative name, and up to systemd 253 udev makes
        // a name that we take from a link an alternative one.
        if link.alt_names.contains(&target.name) {
            steps.push(Step::DropAltName { index, name: target.name.clone() });
        }
        steps.push(Step::Rename { index, to: target.name.clone() });
    }
    let missing =
        target.alt_names.iter().filter(|name| !link.alt_names.contains(*name) && **name != target.name);
    steps.extend(missing.map(|name| Step::AddAltName { index, name: name.clone() }));
    let is_up = link.up && !went_down;
    if let Some(bytes) = target.mtu.filter(|bytes| *bytes != link.mtu) {
        steps.push(Step::SetMtu { index, bytes });
    }
    // Below this size the kernel has no IPv6 on the link, and nothing to set.
    let has_ipv6 = target.mtu.unwrap_or(link.mtu) >= MIN_IPV6_MTU && link.ipv6.is_some();
    if let Some(to) = target.ipv6.filter(|to| has_ipv6 && link.ipv6 != Some(*to)) {
        steps.push(Step::SetIpv6 { index, name: target.name.clone(), to });
    }
    let found = Found::of(target, link, went_down, is_up && !target.up);
    steps.extend(found.unwanted.iter().map(|net| Step::RemoveAddress { index, net: *net }));
    match (target.up, is_up) {
        (true, false) => steps.push(Step::SetUp { index }),
        (false, true) => steps.push(Step::SetDown { index }),
        _ => {}
    }
    steps.extend(found.missing(target, link));
    steps
}

/// The addresses of a link, sorted by what becomes of them.
struct Found {
    /// Those that go.
    unwanted: Vec<IpNet>,
    /// Those that our own steps cost, and that stay nevertheless.
    lost: BTreeMap<IpNet, Manner>,
    /// Those that stay by themselves.
    kept: BTreeSet<IpNet>,
}

impl Found {
    /// `went_down` before any address is changed, or else `goes_down` once the unwanted ones are gone.
    fn of(target: &Target, link: &Link, went_down: bool, goes_down: bool) -> Self {
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
    fn missing(&self, target: &Target, link: &Link) -> Vec<Step> {
        let index = link.index;
        let missing = target.addresses.iter().filter(|net| !self.kept.contains(net));
        let mut steps: Vec<Step> = missing
            .map(|net| match target.manners.get(net) {
                Some(manner) => Step::RestoreAddress { index, net: *net, manner: manner.clone() },
                None => Step::AddAddress { index, net: *net },
            })
            .collect();
        let of_others = self.lost.iter().filter(|(net, _)| !target.addresses.contains(net));
        steps.extend(of_others.map(|(net, manner)| Step::RestoreAddress {
            index,
            net: *net,
            manner: manner.clone(),
        }));
        let unreachable = link.addresses.iter().filter(|address| address.lacks_route);
        let unreachable = unreachable.filter(|address| self.kept.contains(&address.net));
        let wanted = unreachable.filter(|address| target.reachable.contains(&address.net));
        steps.extend(wanted.map(|address| Step::AddRoute { index, net: address.net }));
        steps
    }
}

/// The steps of one attempt: those of [`converge`], and every wanted address that the kernel found
/// taken is probed anew. The kernel itself never does, though the other host may be gone.
#[must_use]
pub fn attempt(targets: &[Target], view: &KernelView) -> Vec<Step> {
    let mut steps = converge(targets, view);
    for target in targets {
        let index = target.index;
        let addresses = view.link(index).map(|link| link.addresses.as_slice()).unwrap_or_default();
        let taken = addresses.iter().filter(|address| address.state == AddressState::Duplicate);
        for net in taken.map(|address| address.net).filter(|net| target.addresses.contains(net)) {
            let added = Step::AddAddress { index, net };
            if !steps.contains(&added) {
                steps.extend([Step::RemoveAddress { index, net }, added]);
            }
        }
    }
    steps
}

/// Why a target is not proven yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unproven {
    /// The link is gone.
    Gone,
    /// The kernel still differs.
    Differs(Vec<Step>),
    /// Duplicate address detection has not finished.
    Tentative,
    /// Another host answers for an address.
    Duplicate(IpNet),
}

/// Whether the kernel shows `targets`, all of them and in full.
pub fn prove(targets: &[Target], view: &KernelView) -> Result<(), Unproven> {
    for target in targets {
        let link = view.link(target.index).ok_or(Unproven::Gone)?;
        let ours = link.addresses.iter().filter(|address| target.addresses.contains(&address.net));
        for address in ours {
            match address.state {
                // Without a carrier nothing can be probed, and nothing is in the way either.
                AddressState::Tentative if link.carrier => return Err(Unproven::Tentative),
                AddressState::Ready | AddressState::Tentative => {}
                AddressState::Duplicate => return Err(Unproven::Duplicate(address.net)),
            }
        }
    }
    match converge(targets, view) {
        steps if steps.is_empty() => Ok(()),
        steps => Err(Unproven::Differs(steps)),
    }
}
