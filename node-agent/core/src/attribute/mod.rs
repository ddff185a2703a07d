//! The attributes of a link, one file for each: what it is, the steps to what it should be, and what is taken back.
//!
//! [`converge`] puts them into the one order in which they do not undo each other. The same function brings a NIC to
//! its wanted state, takes one back to what it was, and proves a result: what needs no further step is right.

pub(crate) mod address;
pub(crate) mod ipv6;
pub(crate) mod mtu;
pub(crate) mod name;
pub(crate) mod route;
pub(crate) mod rule;
pub(crate) mod state;
mod step;
mod target;

use ipnet::IpNet;

use self::address::Found;
pub use self::{
    name::is_temporary,
    route::Routes,
    rule::Rules,
    step::Step,
    target::{Surplus, Target},
};
use crate::observed::link::{AddressState, KernelView, Link};

/// The steps that make `view` match `targets`; none where it matches already.
///
/// Guarantee: only links that are targets are named in the steps. A target whose
/// link is gone yields none.
#[must_use]
pub fn converge(targets: &[Target], view: &KernelView) -> Vec<Step> {
    let present: Vec<(&Target, &Link)> =
        targets.iter().filter_map(|target| Some((target, target.link(view)?))).collect();
    let vacated = name::vacated(&present);
    let is_vacated = |link: &Link| vacated.iter().any(|other| other.index == link.index);
    let rules = view.source_rules();
    // What another link may be given is taken away first, and what may lead over another one comes last.
    let mut steps: Vec<Step> =
        present.iter().flat_map(|(target, link)| rule::removals(&target.rules, link.index, &rules)).collect();
    steps.extend(present.iter().flat_map(|(target, link)| route::removals(&target.routes, link)));
    steps.extend(vacated.iter().flat_map(|link| name::moves_away(link)));
    for (target, link) in &present {
        steps.extend(converge_one(target, link, is_vacated(link)));
    }
    for (target, link) in present.iter().filter(|(target, _)| target.up) {
        steps.extend(route::missing(&target.routes, link, goes_down(target, link, is_vacated(link))));
    }
    steps.extend(present.iter().flat_map(|(target, link)| rule::missing(&target.rules, link.index, &rules)));
    steps
}

/// Whether the link goes down before anything else of it is changed.
fn goes_down(target: &Target, link: &Link, vacated: bool) -> bool {
    name::is_renamed(target, link, vacated) && link.up
}

fn converge_one(target: &Target, link: &Link, vacated: bool) -> Vec<Step> {
    let went_down = goes_down(target, link, vacated);
    let is_up = link.up && !went_down;
    let addresses = Found::of(target, link, went_down, is_up && !target.up);
    let mut steps = name::steps(target, link, vacated);
    steps.extend(mtu::step(target, link));
    steps.extend(ipv6::step(target, link));
    steps.extend(addresses.removals(link));
    steps.extend(state::step(target, link, is_up));
    steps.extend(addresses.missing(target, link));
    steps
}

/// The steps of one attempt: those of [`converge`], and every wanted address that the kernel found taken is probed anew.
#[must_use]
pub fn attempt(targets: &[Target], view: &KernelView) -> Vec<Step> {
    let mut steps = converge(targets, view);
    for target in targets {
        let index = target.index;
        for net in target.link(view).map(|link| address::taken(target, link)).unwrap_or_default() {
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
        let link = target.link(view).ok_or(Unproven::Gone)?;
        match address::unproven(target, link) {
            Some((net, AddressState::Duplicate)) => return Err(Unproven::Duplicate(net)),
            Some(_) => return Err(Unproven::Tentative),
            None => {}
        }
    }
    match converge(targets, view) {
        steps if steps.is_empty() => Ok(()),
        steps => Err(Unproven::Differs(steps)),
    }
}
