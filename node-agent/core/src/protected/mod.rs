//! The protection fence: links that nothing here may ever touch.

mod foreign;
mod life;
mod owner;
mod policy;
mod protection;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use multinic_crds::MacAddress;

use self::life::Life;
pub use self::{
    foreign::Foreign,
    life::{Leak, Past},
    owner::Owner,
    policy::{AllowedKind, Policy},
    protection::{Need, Protection},
};
use crate::{
    observed::link::{KernelView, Link, LinkKind},
    parse::foreign::Definition,
};

/// The links that are protected, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fence {
    life: Life,
    protected: BTreeMap<u32, Protection>,
    vital: BTreeSet<u32>,
    addresses: BTreeSet<IpAddr>,
    leaks: Vec<Leak>,
}

impl Fence {
    /// The fence around everything in `view` that is not free to be managed.
    #[must_use]
    pub fn around(view: &KernelView, definitions: &[Definition], policy: &Policy, past: &Past) -> Self {
        let life = Life { policy: policy.clone(), past: past.clone() };
        let needed = |link: &Link| Some((link.index, Protection::Needed(life.needs(link, view)?)));
        let mut protected: BTreeMap<u32, Protection> = view.links.iter().filter_map(needed).collect();
        let vital: BTreeSet<u32> = protected.keys().copied().collect();
        protected.extend(below(&vital, view));
        let others = view.links.iter().filter(|link| !protected.contains_key(&link.index));
        let others: Vec<_> = others
            .filter_map(|link| Some((link.index, protection(link, view, definitions, policy)?)))
            .collect();
        protected.extend(others);
        let vital_links: Vec<&Link> = view.links.iter().filter(|link| vital.contains(&link.index)).collect();
        for why in protected.values_mut() {
            if let Protection::ForeignConfiguration(Foreign { definition, vital: also }) = why {
                *also = vital_links.iter().find(|link| definition.covers(link)).map(|link| link.name.clone());
            }
        }
        Self { addresses: life.addresses(view), leaks: life.leaks(view), life, protected, vital }
    }

    /// Why the link is protected, if it is.
    #[must_use]
    pub fn protection(&self, index: u32) -> Option<&Protection> {
        self.protected.get(&index)
    }

    /// The links that the node itself lives by. Whatever is done elsewhere must not change them.
    #[must_use]
    pub const fn vital(&self) -> &BTreeSet<u32> {
        &self.vital
    }

    /// Whether the node lives by a link that nothing was known to depend on, as `view` shows by now.
    #[must_use]
    pub fn is_needed(&self, link: &Link, view: &KernelView) -> bool {
        self.life.needs(link, view).is_some()
    }

    /// Whether links of this kind are managed at all.
    #[must_use]
    pub fn manages(&self, kind: &LinkKind) -> bool {
        AllowedKind::any_covers(&self.life.policy.link_kinds, kind)
    }

    /// The addresses that we gave `link`, if it is a NIC of ours.
    #[must_use]
    pub fn given(&self, link: &Link) -> Option<&BTreeSet<IpNet>> {
        self.life.given(link)
    }

    /// The node's own addresses.
    #[must_use]
    pub const fn addresses(&self) -> &BTreeSet<IpAddr> {
        &self.addresses
    }

    /// Addresses of NICs of ours that the node was told are its own.
    #[must_use]
    pub fn leaks(&self) -> &[Leak] {
        &self.leaks
    }

    /// What must be remembered until the next boot: the links of others that lead the node out, or did. Only where
    /// none does, every other sign counts: an additional NIC may show one for a while, and is not lost by that.
    #[must_use]
    pub fn to_remember(&self, view: &KernelView) -> BTreeSet<MacAddress> {
        let of_others = |link: &&Link| self.vital.contains(&link.index) && self.life.given(link).is_none();
        let mut found: Vec<&Link> = self.life.uplinks(view).collect();
        if found.is_empty() {
            found = view.links.iter().filter(of_others).collect();
        }
        found.into_iter().filter_map(Link::identity).chain(self.life.past.vital.iter().copied()).collect()
    }
}

/// The links that vital ones are made of: bond and bridge ports, what a VLAN is stacked on, and so on down.
fn below(vital: &BTreeSet<u32>, view: &KernelView) -> BTreeMap<u32, Protection> {
    let mut found: BTreeMap<u32, String> = BTreeMap::new();
    loop {
        let upper = |link: &Link| {
            let above =
                |upper: &&Link| link.controller == Some(upper.index) || upper.lower == Some(link.index);
            view.links.iter().filter(above).find_map(|upper| {
                let name = || vital.contains(&upper.index).then(|| upper.name.clone());
                found.get(&upper.index).cloned().or_else(name)
            })
        };
        let new = |link: &&Link| !vital.contains(&link.index) && !found.contains_key(&link.index);
        let more: Vec<(u32, String)> =
            view.links.iter().filter(new).filter_map(|link| Some((link.index, upper(link)?))).collect();
        if more.is_empty() {
            return found
                .into_iter()
                .map(|(index, name)| (index, Protection::Needed(Need::Below(name))))
                .collect();
        }
        found.extend(more);
    }
}

/// Why a link is protected that the node does not live by.
fn protection(
    link: &Link,
    view: &KernelView,
    definitions: &[Definition],
    policy: &Policy,
) -> Option<Protection> {
    if !AllowedKind::any_covers(&policy.link_kinds, &link.kind) {
        let kind = match &link.kind {
            LinkKind::Physical => "physical",
            LinkKind::Virtual(kind) => kind,
            LinkKind::NotEthernet => "non-Ethernet",
        };
        return Some(Protection::Kind(kind.to_owned()));
    }
    if let Some(controller) = link.controller {
        let master = view.link(controller).map_or("another link", |master| &master.name);
        return Some(Protection::Enslaved(master.to_owned()));
    }
    if let Some(upper) = view.links.iter().find(|upper| upper.lower == Some(link.index)) {
        return Some(Protection::LowerDevice(upper.name.clone()));
    }
    let foreign = definitions.iter().find(|definition| definition.covers(link))?;
    Some(Protection::ForeignConfiguration(Foreign { definition: foreign.clone(), vital: None }))
}
