//! What the node itself lives by: its default routes, its addresses, its way to the API server.
//!
//! A NIC of ours is judged more exactly than others. What is not ours may be the node's only way out,
//! so every default route protects it; on a NIC of ours somebody may have led replies back over it, by a
//! default route in a table of its own, and the node does not live by that one.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use multinic_crds::MacAddress;

use crate::{
    observed::{
        files::HostFiles,
        ledger::Ledger,
        link::{KernelView, Link, is_link_local},
        route::{DEFAULT, LOCAL, MAIN, Route, Rule},
    },
    parse::bootfile::{Owner, owner},
    protected::{
        policy::{AllowedKind, Policy},
        protection::Need,
    },
};

/// What is known of earlier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The NICs that are ours, with every address that we gave each, as far as that is recorded.
    pub given: BTreeMap<MacAddress, BTreeSet<IpNet>>,
    /// The links that the node lived by earlier in this boot.
    pub vital: BTreeSet<MacAddress>,
}

impl Past {
    /// What ledger and boot files tell of NICs of ours, and which links were `vital`.
    #[must_use]
    pub fn new(ledger: &Ledger, files: &HostFiles, vital: BTreeSet<MacAddress>) -> Self {
        let marked = files.boot.values().filter_map(|text| match owner(text) {
            Owner::Us(mac) => Some((mac, BTreeSet::new())),
            Owner::Edited(_) | Owner::Others => None,
        });
        let recorded = ledger.nics.iter().map(|(mac, entry)| (*mac, entry.addresses.clone()));
        Self { given: marked.chain(recorded).collect(), vital }
    }
}

/// An address of a NIC of ours that the node was told is its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// The address.
    pub address: IpAddr,
    /// The NIC that has it.
    pub name: String,
}

/// By what a link is told that the node lives by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) policy: Policy,
    pub(super) past: Past,
}

impl Life {
    /// Why the node lives by `link`, if it does.
    pub(super) fn needs(&self, link: &Link, view: &KernelView) -> Option<Need> {
        let over = |route: &&Route| route.links.contains(&link.index);
        let given = self.given(link);
        let mut defaults = view.default_routes.iter().filter(over);
        if let Some(route) = defaults.find(|route| given.is_none() || self.takes(route, link, view)) {
            return Some(Need::DefaultRoute { table: route.table });
        }
        let leaked = self.leaked(link, view);
        let addresses = link.addresses.iter().map(|address| address.net.addr());
        let mut own = addresses.filter(|ip| self.policy.node_ips.contains(ip) && !leaked.contains(ip));
        if let Some(ip) = own.next() {
            return Some(Need::NodeAddress(ip));
        }
        let ours = |route: &Route| given.is_some_and(|given| is_made_by(route, given));
        // IPVS keeps the addresses of all Services on one link, which changes with each.
        let keeps_service = |route: &Route| route.table == LOCAL && !self.is_managed(link);
        let mut ways = view.api_server_routes.values().filter(over);
        if ways.any(|route| !ours(route) && !keeps_service(route)) {
            return Some(Need::ApiServerRoute);
        }
        let earlier = given.is_none() && link.identity().is_some_and(|mac| self.past.vital.contains(&mac));
        earlier.then_some(Need::Earlier)
    }

    /// The addresses that we gave `link`, if it is a NIC of ours.
    pub(super) fn given(&self, link: &Link) -> Option<&BTreeSet<IpNet>> {
        // A VLAN has the MAC address of the NIC below it, and is not ours.
        self.past.given.get(&link.identity()?).filter(|_| self.is_managed(link))
    }

    fn is_managed(&self, link: &Link) -> bool {
        AllowedKind::any_covers(&self.policy.link_kinds, &link.kind)
    }

    /// Addresses of NICs of ours that the node was told are its own, while others lead it out. Something, such as
    /// a cloud controller manager, counts every NIC's addresses among those of the Node.
    pub(super) fn leaks(&self, view: &KernelView) -> Vec<Leak> {
        let of = |link: &Link| {
            let name = link.name.clone();
            self.leaked(link, view).into_iter().map(move |address| Leak { address, name: name.clone() })
        };
        view.links.iter().flat_map(of).collect()
    }

    fn leaked(&self, link: &Link, view: &KernelView) -> BTreeSet<IpAddr> {
        let Some(given) = self.given(link) else { return BTreeSet::new() };
        let nets = link.nets();
        let told = nets.intersection(given).map(IpNet::addr).filter(|ip| self.policy.node_ips.contains(ip));
        let told: BTreeSet<IpAddr> = told.collect();
        // Without another way out, this may be the one.
        if told.is_empty() || self.uplinks(view).next().is_none() { BTreeSet::new() } else { told }
    }

    /// Links of others by which the node reaches everybody, or the API server.
    pub(super) fn uplinks<'a>(&self, view: &'a KernelView) -> impl Iterator<Item = &'a Link> {
        let leads_out = move |link: &Link| {
            let over = |route: &Route| route.links.contains(&link.index);
            let mut ways = view.api_server_routes.values();
            view.default_routes.iter().any(|route| over(route) && is_open(route, link, view))
                // What the node answers itself, as IPVS does for Services, leads nowhere.
                || ways.any(|route| over(route) && route.table != LOCAL)
        };
        view.links.iter().filter(move |link| self.given(link).is_none() && leads_out(link))
    }

    /// The node's own addresses: those that it was told, or else those of its uplinks.
    pub(super) fn addresses(&self, view: &KernelView) -> BTreeSet<IpAddr> {
        let leaked: BTreeSet<_> = self.leaks(view).into_iter().map(|leak| leak.address).collect();
        let told: BTreeSet<_> = self.policy.node_ips.difference(&leaked).copied().collect();
        if !told.is_empty() {
            return told;
        }
        let nets = self.uplinks(view).flat_map(Link::nets).filter(|net| !is_link_local(net));
        nets.map(|net| net.addr()).collect()
    }

    /// Whether the node itself may take this route over `link`, which is ours.
    fn takes(&self, route: &Route, link: &Link, view: &KernelView) -> bool {
        let from_node = |rule: &Rule| {
            rule.from.is_some_and(|from| self.addresses(view).iter().any(|ip| from.contains(ip)))
        };
        is_open(route, link, view) || leading_to(route, view).any(from_node)
    }
}

/// Whether the route is in a table that is looked at whatever the source address is. What only concerns packets
/// that came in over `link`, or that were meant for it, does not count.
fn is_open(route: &Route, link: &Link, view: &KernelView) -> bool {
    // A link that belongs to a VRF has its routes in that one's table, and is protected as a part of it.
    let of_vrf = |(vrf, table): (&u32, &u32)| *table == route.table && link.controller != Some(*vrf);
    let is_link = |name: &Option<String>| name.as_deref() == Some(link.name.as_str());
    let for_all = |rule: &Rule| {
        rule.inverted || (rule.from.is_none() && !is_link(&rule.incoming) && !is_link(&rule.outgoing))
    };
    [MAIN, DEFAULT, LOCAL].contains(&route.table)
        || view.vrf_tables.iter().any(of_vrf)
        || leading_to(route, view).any(for_all)
}

/// The rules that lead to the table of `route`.
fn leading_to<'a>(route: &Route, view: &'a KernelView) -> impl Iterator<Item = &'a Rule> {
    let (table, ipv6) = (Some(route.table), route.destination.addr().is_ipv6());
    view.rules.iter().filter(move |rule| rule.table == table && rule.ipv6 == ipv6)
}

/// Whether a route is there only because of an address that we gave.
fn is_made_by(route: &Route, given: &BTreeSet<IpNet>) -> bool {
    route.by_kernel && route.gateways.is_empty() && given.iter().any(|net| net.trunc() == route.destination)
}
