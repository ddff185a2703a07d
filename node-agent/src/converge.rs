//! From what a link is to what it should be, as the fewest kernel steps.
//!
//! The same function brings a NIC to its wanted state, takes one back to what it
//! was, and proves a result: what needs no further step is right.

use std::{collections::BTreeSet, fmt};

use ipnet::IpNet;
use multinic_crds::MIN_IPV6_MTU;

use crate::link::{AddressState, Ipv6, KernelView, Link, is_link_local};

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
    /// What happens to the addresses it must not have.
    pub surplus: Surplus,
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
            alt_names: link.alt_names.clone(),
            up: link.up,
            mtu: Some(link.mtu),
            addresses: link.nets().into_iter().filter(|net| !is_link_local(net)).collect(),
            surplus: Surplus::Remove,
            ipv6: link.ipv6,
        }
    }

    /// What `link` has now, where more addresses do no harm.
    #[must_use]
    pub fn at_least(link: &Link) -> Self {
        Self { surplus: Surplus::RemoveOnly(BTreeSet::new()), ipv6: None, ..Self::exactly(link) }
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

/// One change of the kernel's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Set the link administratively up.
    SetUp {
        /// Which link.
        index: u32,
    },
    /// Set the link administratively down.
    SetDown {
        /// Which link.
        index: u32,
    },
    /// Rename a link that is down.
    Rename {
        /// Which link.
        index: u32,
        /// The new name.
        to: String,
    },
    /// Give the link one more name.
    AddAltName {
        /// Which link.
        index: u32,
        /// The alternative name.
        name: String,
    },
    /// Take an alternative name off the link.
    DropAltName {
        /// Which link.
        index: u32,
        /// The alternative name.
        name: String,
    },
    /// Set the MTU.
    SetMtu {
        /// Which link.
        index: u32,
        /// In bytes.
        bytes: u32,
    },
    /// Choose what the kernel does for IPv6 by itself.
    SetIpv6 {
        /// The name at that point, which sysctls go by.
        name: String,
        /// What it does.
        to: Ipv6,
    },
    /// Add an address.
    AddAddress {
        /// Which link.
        index: u32,
        /// The address with its prefix.
        net: IpNet,
    },
    /// Remove an address.
    RemoveAddress {
        /// Which link.
        index: u32,
        /// The address with its prefix.
        net: IpNet,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetUp { index } => write!(f, "set link {index} up"),
            Self::SetDown { index } => write!(f, "set link {index} down"),
            Self::Rename { index, to } => write!(f, "rename link {index} to {to}"),
            Self::AddAltName { index, name } => write!(f, "give link {index} the alternative name {name}"),
            Self::DropAltName { index, name } => {
                write!(f, "take the alternative name {name} off link {index}")
            }
            Self::SetMtu { index, bytes } => write!(f, "set the MTU of link {index} to {bytes}"),
            Self::SetIpv6 { name, to: Ipv6 { addr_gen_mode, accept_ra } } => {
                write!(f, "set addr_gen_mode of {name} to {addr_gen_mode} and accept_ra to {accept_ra}")
            }
            Self::AddAddress { index, net } => write!(f, "add {net} to link {index}"),
            Self::RemoveAddress { index, net } => write!(f, "remove {net} from link {index}"),
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

fn temporary_name(link: &Link) -> String {
    format!("mnictmp{}", link.index)
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
    let missing = target.alt_names.iter().filter(|name| !link.answers_to(name) && **name != target.name);
    steps.extend(missing.map(|name| Step::AddAltName { index, name: name.clone() }));
    let is_up = link.up && !went_down;
    if let Some(bytes) = target.mtu.filter(|bytes| *bytes != link.mtu) {
        steps.push(Step::SetMtu { index, bytes });
    }
    // Below this size the kernel has no IPv6 on the link, and nothing to set.
    let has_ipv6 = target.mtu.unwrap_or(link.mtu) >= MIN_IPV6_MTU && link.ipv6.is_some();
    if let Some(to) = target.ipv6.filter(|to| has_ipv6 && link.ipv6 != Some(*to)) {
        steps.push(Step::SetIpv6 { name: target.name.clone(), to });
    }
    let kept = link.nets().into_iter().filter(|net| !(went_down && net.addr().is_ipv6()));
    let (unwanted, kept): (Vec<_>, BTreeSet<_>) = partition(kept, |net| target.is_unwanted(net));
    steps.extend(unwanted.into_iter().map(|net| Step::RemoveAddress { index, net }));
    match (target.up, is_up) {
        (true, false) => steps.push(Step::SetUp { index }),
        (false, true) => steps.push(Step::SetDown { index }),
        _ => {}
    }
    let missing = target.addresses.difference(&kept);
    steps.extend(missing.map(|net| Step::AddAddress { index, net: *net }));
    steps
}

fn partition(
    nets: impl Iterator<Item = IpNet>,
    mut matches: impl FnMut(&IpNet) -> bool,
) -> (Vec<IpNet>, BTreeSet<IpNet>) {
    let mut rest = BTreeSet::new();
    let mut matching = Vec::new();
    for net in nets {
        if matches(&net) {
            matching.push(net);
        } else {
            rest.insert(net);
        }
    }
    (matching, rest)
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
