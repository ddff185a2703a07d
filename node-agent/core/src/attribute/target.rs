//! What one link should look like.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use multinic_crds::MacAddress;

use super::{route::Routes, rule::Rules};

use crate::observed::link::{Ipv6, KernelView, Link, Manner, is_link_local};

/// What one link should look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which link, in this boot.
    pub index: u32,
    /// Which NIC that is: the number of one that was pulled out may be given to another.
    pub identity: Option<MacAddress>,
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
    /// Routes over it, beside those that come with addresses.
    pub routes: Routes,
    /// Rules for its addresses.
    pub rules: Rules,
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
            identity: link.identity(),
            name: link.name.clone(),
            alt_names: BTreeSet::new(),
            up: link.up,
            mtu: Some(link.mtu),
            addresses: link.nets().into_iter().filter(|net| !is_link_local(net)).collect(),
            reachable: BTreeSet::new(),
            surplus: Surplus::Remove,
            manners: BTreeMap::new(),
            ipv6: link.ipv6,
            routes: Routes::default(),
            rules: Rules::default(),
        }
    }

    /// Whatever `link` is: nothing is to be done.
    #[must_use]
    pub fn untouched(link: &Link) -> Self {
        Self { mtu: None, surplus: Surplus::RemoveOnly(BTreeSet::new()), ipv6: None, ..Self::exactly(link) }
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

    /// The same, with what others put on the link as it was `before` the host was told to forget it.
    #[must_use]
    pub(crate) fn keeping(&self, before: &Link) -> Self {
        let mut target = self.clone();
        let of_others =
            |net: &IpNet| !self.addresses.contains(net) && !self.is_unwanted(net) && !is_link_local(net);
        for address in before.addresses.iter().filter(|address| of_others(&address.net)) {
            target.addresses.insert(address.net);
            target.manners.insert(address.net, address.manner.clone());
        }
        for (route, protocol) in
            before.routes.iter().filter(|(route, _)| !self.routes.absent.contains(*route))
        {
            target.routes.present.entry(route.clone()).or_insert(*protocol);
        }
        target
    }

    /// The link, where it is still there.
    pub(super) fn link<'a>(&self, view: &'a KernelView) -> Option<&'a Link> {
        view.link(self.index).filter(|link| link.identity() == self.identity)
    }

    pub(super) fn is_unwanted(&self, net: &IpNet) -> bool {
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
