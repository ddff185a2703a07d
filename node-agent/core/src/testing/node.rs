//! A kernel of plain data with the real one's manners:
//! it renames only links that are down, names are unique (also against a link's own
//! alternative ones), udev adds its own names as alternative ones after each rename,
//! going down costs IPv6 addresses and all routes, the last IPv4 address takes the IPv4 routes with it,
//! a changed mode makes a link-local one at once,
//! and below 1280 bytes there is no IPv6 at all.

mod machine;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    panic::resume_unwind,
    time::Duration,
};

use ipnet::IpNet;
use multinic_crds::{InterfaceName, MIN_IPV6_MTU, source_tables};

use super::{address, connected};
use crate::{
    attribute::Step,
    backend::{Backend, wicked::Wicked},
    execute::{Journal, NodeError},
    observed::{
        ledger::Ledger,
        link::{Address, AddressState, Ipv6, KernelView, Link, Manner, goes_with},
        route::Route,
        routing::{NicRoute, SourceRule},
    },
    progress::What,
};

/// What is thrown when the agent is killed.
pub(crate) struct Killed;

/// What somebody else does to the kernel.
type Meddling = fn(&mut KernelView);

/// A node of plain data, which can be told to fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlainNode {
    pub(crate) kernel: KernelView,
    pub(crate) files: BTreeMap<String, String>,
    /// What udev's policy calls each link; up to systemd 253 it adds them after every rename.
    pub(crate) udev_names: BTreeMap<u32, BTreeSet<String>>,
    /// Addresses that other hosts answer for.
    pub(crate) answered: BTreeSet<IpAddr>,
    /// Where the API server takes connections.
    pub(crate) reached: BTreeSet<IpAddr>,
    /// How often it is tried before it takes none any more.
    pub(crate) last_probe: Option<usize>,
    /// How long it was waited.
    clock: Duration,
    /// Addresses that are probed, and until when.
    probed: BTreeMap<(u32, IpNet), Duration>,
    /// What others do to the kernel once this many changes are done.
    pub(crate) meanwhile: Option<(usize, Meddling)>,
    /// The change that fails, counted from zero over steps and files alike.
    pub(crate) fails_at: Option<usize>,
    changes: usize,
    /// The change, record or note in the middle of which the agent is killed: before it where true, or right after it.
    pub(crate) dies_at: Option<(usize, bool)>,
    moments: usize,
    /// What is under way.
    pub(crate) journal: Option<Journal>,
    /// What was shown of passes.
    pub(crate) shown: Vec<What>,
    /// The ledgers that were kept, one after the other.
    pub(crate) recorded: Vec<Ledger>,
    /// What the host remembers of names, as wicked does: it gives these addresses to whatever link is called so.
    pub(crate) remembered: BTreeMap<String, Vec<IpNet>>,
    /// Whether it cannot be told anything.
    pub(crate) is_deaf: bool,
}

impl PlainNode {
    pub(crate) fn new(kernel: KernelView, files: BTreeMap<String, String>) -> Self {
        Self {
            kernel,
            files,
            udev_names: BTreeMap::new(),
            answered: BTreeSet::new(),
            reached: BTreeSet::new(),
            last_probe: None,
            clock: Duration::ZERO,
            probed: BTreeMap::new(),
            meanwhile: None,
            fails_at: None,
            changes: 0,
            dies_at: None,
            moments: 0,
            journal: None,
            shown: Vec::new(),
            recorded: Vec::new(),
            remembered: BTreeMap::new(),
            is_deaf: false,
        }
    }

    pub(crate) const fn moments(&self) -> usize {
        self.moments
    }

    pub(crate) const fn changes(&self) -> usize {
        self.changes
    }

    /// What it shows.
    pub(crate) fn look(&self) -> KernelView {
        let mut view = self.kernel.clone();
        let over = |link: &Link| {
            let index = link.index;
            let ours = link.routes.keys().filter(|route| source_tables().contains(&route.table));
            ours.map(move |route| shown(index, route)).collect::<Vec<_>>()
        };
        view.in_source_tables.extend(self.kernel.links.iter().flat_map(over));
        view
    }

    /// Something lasting happens, and the agent may be killed before it or after it.
    fn live<T>(&mut self, happens: impl FnOnce(&mut Self) -> T) -> T {
        let now = self.moments;
        self.moments += 1;
        if self.dies_at == Some((now, true)) {
            resume_unwind(Box::new(Killed));
        }
        let happened = happens(self);
        if self.dies_at == Some((now, false)) {
            resume_unwind(Box::new(Killed));
        }
        happened
    }

    fn meddle(&mut self) {
        if let Some((_, change)) = self.meanwhile.take_if(|(at, _)| *at == self.changes) {
            change(&mut self.kernel);
        }
    }

    fn count(&mut self) -> Result<(), NodeError> {
        let fails = self.fails_at == Some(self.changes);
        self.meddle();
        self.changes += 1;
        if fails { Err(NodeError("told to fail".to_owned())) } else { Ok(()) }
    }

    fn link(&mut self, index: u32) -> Result<&mut Link, NodeError> {
        let found = self.kernel.links.iter_mut().find(|link| link.index == index);
        found.ok_or_else(|| NodeError("no such device".to_owned()))
    }

    fn add(&mut self, index: u32, net: IpNet, mut manner: Manner) -> Result<(), NodeError> {
        // The usual one is not shown, whoever gave the address.
        let usual = Manner::lasting(net, u32::MAX).broadcast;
        manner.broadcast = manner.broadcast.filter(|broadcast| Some(*broadcast) != usual);
        let (is_ipv6, clock) = (net.addr().is_ipv6(), self.clock);
        let answered = is_ipv6 && self.answered.contains(&net.addr());
        let link = self.link(index)?;
        if is_ipv6 && link.ipv6_disabled {
            return Err(NodeError("permission denied".to_owned()));
        }
        if let Some(known) = link.addresses.iter_mut().find(|address| address.net == net) {
            known.manner.lifetimes = manner.lifetimes;
            return Ok(());
        }
        let (probed, until) = (is_ipv6 && !link.probing.is_zero(), clock + link.probing);
        let state = match (probed, answered) {
            (true, _) => AddressState::Tentative,
            (false, true) => AddressState::Duplicate,
            (false, false) => AddressState::Ready,
        };
        link.addresses.push(Address { net, state, manner, lacks_route: false });
        link.addresses.sort_by_key(|address| address.net);
        if probed {
            self.probed.insert((index, net), until);
        }
        Ok(())
    }

    /// As wicked's `ifup`: what the files say is given to the link, and what they said before is taken off it.
    fn adopt(&mut self, name: InterfaceName) {
        let texts = Wicked.paths(name).into_iter().filter_map(|path| self.files.get(&path));
        let nets: Vec<IpNet> = texts.flat_map(|text| Wicked.addresses(text)).collect();
        let before = self.remembered.insert(name.to_string(), nets.clone()).unwrap_or_default();
        let Some(link) = self.kernel.links.iter_mut().find(|link| link.name == name.to_string()) else {
            return;
        };
        link.addresses.retain(|address| nets.contains(&address.net) || !before.contains(&address.net));
        let index = link.index;
        for net in nets {
            // One that is probed or refused is the kernel's to tell.
            let _ = self.add(index, net, Manner::default());
        }
    }

    /// The first address of a subnet takes the others with it.
    fn remove(&mut self, index: u32, net: &IpNet) -> Result<(), NodeError> {
        let link = self.link(index)?;
        let of_subnet = link.addresses.iter().find(|other| other.net.trunc() == net.trunc());
        let is_first = of_subnet.is_some_and(|first| first.net == *net);
        link.addresses.retain(|other| other.net != *net && !(is_first && goes_with(&other.net, net)));
        if link.addresses.iter().all(|other| other.net.addr().is_ipv6()) {
            link.routes.retain(|route, _| route.destination.addr().is_ipv6());
        }
        Ok(())
    }

    fn add_udev_names(&mut self, index: u32) {
        for name in self.udev_names.get(&index).cloned().unwrap_or_default() {
            if self.kernel.named(&name).is_none()
                && let Ok(link) = self.link(index)
            {
                link.alt_names.insert(name);
            }
        }
    }

    /// The longest prefix decides which way packets take.
    fn connect(&mut self, index: u32, net: IpNet) {
        let ways = self.kernel.api_server_routes.iter_mut().chain(&mut self.kernel.gateway_routes);
        let longer = |route: &Route| net.prefix_len() >= route.destination.prefix_len();
        for (_, route) in ways.filter(|(ip, route)| net.contains(*ip) && longer(route)) {
            *route = connected(index, &net.trunc().to_string());
        }
    }

    fn change(&mut self, step: &Step) -> Result<(), NodeError> {
        match step {
            Step::SetUp { index } => {
                let link = self.link(*index)?;
                link.up = true;
                make_link_local(link);
                let name = link.name.clone();
                for net in self.remembered.get(&name).cloned().unwrap_or_default() {
                    self.add(*index, net, Manner::default())?;
                }
            }
            Step::SetDown { index } => {
                let link = self.link(*index)?;
                link.up = false;
                link.addresses.retain(|address| address.net.addr().is_ipv4());
                link.routes.clear();
            }
            Step::Rename { index, to } => {
                if self.kernel.named(to).is_some() {
                    return Err(NodeError("file exists".to_owned()));
                }
                let link = self.link(*index)?;
                if link.up {
                    return Err(NodeError("device or resource busy".to_owned()));
                }
                link.name.clone_from(to);
                self.add_udev_names(*index);
            }
            Step::AddAltName { index, name } => {
                if self.kernel.named(name).is_some_and(|holder| holder.index != *index) {
                    return Err(NodeError("file exists".to_owned()));
                }
                self.link(*index)?.alt_names.insert(name.clone());
            }
            Step::DropAltName { index, name } => {
                if !self.link(*index)?.alt_names.remove(name) {
                    return Err(NodeError("invalid argument".to_owned()));
                }
            }
            Step::SetMtu { index, bytes } => {
                let link = self.link(*index)?;
                if *bytes < MIN_IPV6_MTU {
                    link.ipv6 = None;
                    link.addresses.retain(|address| address.net.addr().is_ipv4());
                    link.routes.retain(|route, _| route.destination.addr().is_ipv4());
                } else if link.mtu < MIN_IPV6_MTU {
                    link.ipv6 = Some(Ipv6::KERNEL_DEFAULT);
                    if link.up {
                        make_link_local(link);
                    }
                }
                link.mtu = *bytes;
            }
            Step::SetIpv6 { index: _, name, to } => {
                let named = self.kernel.links.iter_mut().find(|link| link.name == *name);
                let link = named.filter(|link| link.ipv6.is_some());
                let link = link.ok_or_else(|| NodeError("no such sysctl".to_owned()))?;
                let is_so = link.ipv6.is_some_and(|found| found.addr_gen_mode == to.addr_gen_mode);
                if to.addr_gen_mode == Ipv6::STABLE_PRIVACY && !link.stable_secret && !is_so {
                    return Err(NodeError("invalid argument".to_owned()));
                }
                let kept = link.ipv6.and_then(|found| found.advertised);
                let before = link.ipv6.replace(Ipv6 { advertised: to.advertised.or(kept), ..*to });
                if before.is_some_and(|before| before.addr_gen_mode != to.addr_gen_mode) {
                    make_link_local(link);
                }
            }
            Step::AddAddress { index, net } => {
                self.add(*index, *net, Manner::default())?;
                self.connect(*index, *net);
            }
            Step::RestoreAddress { index, net, manner } => {
                self.add(*index, *net, manner.clone())?;
                self.connect(*index, *net);
            }
            Step::RemoveAddress { index, net } => self.remove(*index, net)?,
            Step::AddSubnetRoute { index, net } => {
                let link = self.link(*index)?;
                let with_route = link.addresses.iter_mut().filter(|address| address.net == *net);
                with_route.for_each(|address| address.lacks_route = false);
            }
            Step::AddRoute { index, route, protocol } => self.add_route(*index, route, *protocol)?,
            Step::RemoveRoute { index, route, .. } => {
                self.link(*index)?
                    .routes
                    .remove(route)
                    .ok_or_else(|| NodeError("no such process".to_owned()))?;
            }
            Step::AddRule { rule, .. } => {
                if self.kernel.source_rules().contains(rule) {
                    return Err(NodeError("file exists".to_owned()));
                }
                self.kernel.rules.push(rule.into());
            }
            Step::RemoveRule { rule, .. } => {
                let place =
                    self.kernel.rules.iter().position(|one| SourceRule::of(one).as_ref() == Some(rule));
                self.kernel.rules.remove(place.ok_or_else(|| NodeError("no such file".to_owned()))?);
            }
        }
        Ok(())
    }

    /// Of routes to the same network with the same metric there is one; what leads to it must be up and on the link.
    fn add_route(&mut self, index: u32, route: &NicRoute, protocol: u8) -> Result<(), NodeError> {
        let key = |route: &NicRoute| (route.destination, route.metric, route.table);
        let all = self.kernel.links.iter().flat_map(|link| link.routes.keys());
        if all.map(key).any(|other| other == key(route)) {
            return Err(NodeError("file exists".to_owned()));
        }
        let link = self.link(index)?;
        if !link.up {
            return Err(NodeError("network is down".to_owned()));
        }
        let reached = |via: &IpAddr| link.addresses.iter().any(|address| address.net.contains(via));
        if route.via.is_some_and(|via| !route.on_link && !reached(&via)) {
            return Err(NodeError("network is unreachable".to_owned()));
        }
        link.routes.insert(route.clone(), protocol);
        Ok(())
    }
}

fn shown(link: u32, route: &NicRoute) -> Route {
    Route {
        destination: route.destination,
        table: route.table,
        links: BTreeSet::from([link]),
        gateways: route.via.into_iter().collect(),
        by_kernel: false,
    }
}

/// As the mode says, also on a link that is down.
fn make_link_local(link: &mut Link) {
    let made = address("fe80::1/64");
    let makes = link.ipv6.is_some_and(|ipv6| ipv6.addr_gen_mode != Ipv6::NO_LINK_LOCAL);
    if makes && !link.addresses.contains(&made) {
        link.addresses.push(made);
    }
}
