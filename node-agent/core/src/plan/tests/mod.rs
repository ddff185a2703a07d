//! Decisions over whole worlds of plain data, and what executing them does to one.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use futures::FutureExt;
use ipnet::IpNet;
use multinic_crds::{Interface, MacAddress, Reason};
mod backends;
mod crash;
mod inherited;
mod kernel;
mod leases;
mod life;
mod memory;
mod next_boot;
mod properties;
mod routing;
mod scenarios;
mod unclaimed;
mod wire;

use super::*;
use crate::{
    attribute::Step,
    backend::{
        ALL, Backend, Backends, netplan::Netplan, network_manager::NetworkManager, networkd::Networkd,
        wicked::Wicked,
    },
    execute::{Failure, Order, execute},
    leases::{Leases, learned},
    observed::{
        files::HostFiles,
        ledger::Ledger,
        link::{Address, AddressState, Ipv6, KernelView, Link, LinkKind, Manner},
    },
    parse::{
        desired::Malformed,
        foreign::{self, Definition, OurNetworks, SourceFile},
        predecessor,
    },
    progress::What,
    protected::{AllowedKind, Fence, Past, Policy},
    testing::{PlainNode, address, connected, default_route, link, mac, nic},
};

const UPLINK: &str = "fa:16:3e:00:00:ee";
const A: &str = "fa:16:3e:00:00:0a";
const B: &str = "fa:16:3e:00:00:0b";
const C: &str = "fa:16:3e:00:00:0c";

/// A node with an uplink and three free NICs, and everything that was ever done to it.
#[derive(Debug, Clone)]
struct Scene {
    backend: &'static dyn Backend,
    node: PlainNode,
    ledger: Ledger,
    definitions: Vec<Definition>,
    desired: Desired,
    leases: Leases,
    node_ips: BTreeSet<IpAddr>,
    /// The links that were vital since the node booted.
    remembered: BTreeSet<MacAddress>,
}

impl Scene {
    fn new(wanted: &[Interface]) -> Self {
        let mut uplink = link(2, "eth0", UPLINK);
        uplink.up = true;
        uplink.addresses = vec![address("192.0.2.10/24")];
        let kernel = KernelView {
            links: vec![uplink, link(3, "eth1", A), link(4, "eth2", B), link(5, "eth3", C)],
            default_routes: vec![default_route(2, "192.0.2.1")],
            routed: BTreeSet::from([2]),
            api_server_routes: BTreeMap::from([(
                "203.0.113.10".parse().unwrap(),
                default_route(2, "192.0.2.1"),
            )]),
            gateways: BTreeSet::from(["192.0.2.1".parse().unwrap()]),
            gateway_routes: BTreeMap::from([("192.0.2.1".parse().unwrap(), connected(2, "192.0.2.0/24"))]),
            ..KernelView::default()
        };
        let mut scene = Self {
            backend: &Netplan,
            node: PlainNode::new(kernel, BTreeMap::new()),
            ledger: Ledger::default(),
            definitions: Vec::new(),
            desired: Desired::default(),
            leases: Leases::default(),
            node_ips: BTreeSet::from(["192.0.2.10".parse().unwrap()]),
            remembered: BTreeSet::new(),
        };
        scene.want(wanted);
        scene
    }

    /// Udev's names for the link at `index`, which `is_called` by the first of them or has all of
    /// them besides the kernel's.
    fn name_by_udev(&mut self, index: u32, is_called: bool) {
        let names = [format!("ens{index}"), format!("enp0s{index}")];
        let link = self.node.kernel.links.iter_mut().find(|link| link.index == index).unwrap();
        if is_called {
            link.name.clone_from(&names[0]);
        }
        link.alt_names = names.iter().filter(|name| **name != link.name).cloned().collect();
        self.node.udev_names.insert(index, names.into());
    }

    fn want(&mut self, wanted: &[Interface]) {
        self.desired.generation += 1;
        self.desired.wanted = wanted.iter().map(|nic| (nic.mac_address, nic.clone())).collect();
    }

    fn fence(&self) -> Fence {
        let policy =
            Policy { node_ips: self.node_ips.clone(), link_kinds: BTreeSet::from([AllowedKind::Physical]) };
        let files = HostFiles { boot: self.node.files.clone(), ..HostFiles::default() };
        let past = Past::new(&self.ledger, &files, self.remembered.clone());
        Fence::around(&self.node.kernel, &self.definitions, &policy, &past)
    }

    /// The one that is at work, and those that may have been before.
    fn backends(&self) -> [&'static dyn Backend; 5] {
        [self.backend, &Netplan, &NetworkManager, &Networkd, &Wicked]
    }

    /// The node's files, as the host tells them apart.
    fn files(&self) -> HostFiles {
        let mut files = HostFiles::default();
        for (path, text) in self.node.files.clone() {
            match predecessor::nic(&path, &text).filter(|mac| self.desired.wanted.contains_key(mac)) {
                Some(mac) => drop(files.inherited.insert(mac, SourceFile { path, text })),
                None => drop(files.boot.insert(path, text)),
            }
        }
        files
    }

    fn plan(&self) -> Plan {
        let files = self.files();
        let (view, fence, backends) = (&self.node.look(), &self.fence(), self.backends());
        let world = World {
            backend: self.backend,
            backends: Backends::of(&backends),
            view,
            fence,
            definitions: &self.definitions,
            files: &files,
            ledger: &self.ledger,
            leases: &self.leases,
        };
        let desired = learned(self.desired.clone(), &self.leases, view, &self.ledger);
        Plan::new(&desired, world, &Blocked::default())
    }

    /// Carries `plan` out as the agent does.
    fn carry_out(&mut self, plan: &Plan) -> BTreeMap<MacAddress, Failure> {
        let fence = self.fence();
        let done = execute(
            &mut self.node,
            self.desired.request(),
            &plan.transactions,
            &fence,
            &self.ledger,
            Order::Together,
        );
        let outcome = done.now_or_never().unwrap().unwrap();
        self.ledger = self.node.recorded.last().unwrap().clone();
        outcome.failures
    }

    /// Whether nothing was tried on the node since `before`.
    fn is_untouched_since(&self, before: &PlainNode) -> bool {
        let state = |node: &PlainNode| (node.kernel.clone(), node.files.clone(), node.changes());
        state(&self.node) == state(before)
    }

    fn converge(&mut self) {
        let plan = self.plan();
        assert_eq!(self.carry_out(&plan), BTreeMap::new());
        assert!(self.plan().is_idle(), "a second pass finds something: {:?}", self.plan().transactions);
    }

    fn verdict(&self, of: &str) -> Verdict {
        self.plan().decisions[&mac(of)].verdict.clone()
    }

    fn link(&self, of: &str) -> &Link {
        self.node.kernel.links.iter().find(|link| link.mac == Some(mac(of))).unwrap()
    }

    fn refusal(&self, of: &str) -> Reason {
        match self.verdict(of) {
            Verdict::Refuse(refusal) | Verdict::Keep(refusal) => refusal.reason,
            verdict => panic!("{of} is not refused: {verdict:?}"),
        }
    }
}
