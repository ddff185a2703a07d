//! What is wanted, with what the networks of the NICs say.

use std::net::IpAddr;

use multinic_crds::{
    Addressing, Explanation, Interface, InterfaceAddress, METADATA_SERVICE, Mtu, NextHop, Reason, Route,
    RouteTable,
};

use super::words::Leases;
use crate::{
    observed::{
        lease::Lease,
        ledger::Ledger,
        link::{KernelView, Link, is_link_local},
    },
    parse::desired::Desired,
};

/// `desired`, with the addresses that the networks of its NICs gave them. Without an address a NIC is only brought up: routes
/// and rules come with it. What a network gives and what contradicts it in the object do not stand for each other: a NIC that
/// cannot have what its network gives it has nothing from there, and no other one is any the worse for it.
#[must_use]
pub fn learned(mut desired: Desired, leases: &Leases, view: &KernelView, ledger: &Ledger) -> Desired {
    let dynamic = desired.wanted.values().filter(|nic| nic.addressing().is_dynamic());
    let dynamic: Vec<Interface> = dynamic.cloned().collect();
    for nic in &dynamic {
        desired.wanted.insert(nic.mac_address, bare(nic));
    }
    for nic in dynamic {
        let mac = nic.mac_address;
        let link = view.links_with(mac).next();
        let awaited = match given(&nic, leases, link, ledger) {
            Some(given) => {
                desired.wanted.insert(mac, given);
                desired.conflicts().into_iter().next().map(|(_, why)| unusable(&nic, &why))
            }
            None => link.map(|link| leases.awaited(&nic, link)),
        };
        if let Some(awaited) = awaited {
            desired.wanted.insert(mac, bare(&nic));
            desired.awaited.insert(mac, awaited);
        }
    }
    desired
}

/// The NIC without anything that needs an address.
fn bare(nic: &Interface) -> Interface {
    Interface { routes: Vec::new(), source_routing: None, ..nic.clone() }
}

/// The NIC with what its network gives it, if that gives it an address.
fn given(nic: &Interface, leases: &Leases, link: Option<&Link>, ledger: &Ledger) -> Option<Interface> {
    let mut nic = nic.clone();
    match nic.addressing() {
        Addressing::Slaac => nic.addresses = link.map(advertised).unwrap_or_default(),
        addressing => {
            let lease = leases.current(nic.mac_address, addressing)?;
            let own_mtu = ledger.get(nic.mac_address).and_then(|entry| entry.original_mtu);
            take(&mut nic, lease, own_mtu.or_else(|| link.map(|link| link.mtu)));
        }
    }
    (!nic.addresses.is_empty()).then_some(nic)
}

fn unusable(nic: &Interface, why: &str) -> Explanation {
    let message = format!("{} cannot have what its network gives it: {why}", nic.name);
    Explanation::new(Reason::LeaseUnusable, message)
}

/// The addresses that the kernel made of advertised prefixes.
fn advertised(link: &Link) -> Vec<InterfaceAddress> {
    let made = link.addresses.iter().filter(|address| {
        address.net.addr().is_ipv6() && !is_link_local(&address.net) && address.manner.is_advertised()
    });
    made.filter_map(|address| InterfaceAddress::try_from(address.net).ok()).collect()
}

/// Gives `nic` what `lease` says. The MTU in it is an upper bound: of the one in the object, or else of the NIC's `own`.
fn take(nic: &mut Interface, lease: &Lease, own: Option<u32>) {
    nic.addresses = InterfaceAddress::try_from(lease.address).into_iter().collect();
    let bound = lease.mtu.and_then(|bytes| Mtu::try_from(i64::from(bytes)).ok());
    let now = nic.mtu.map(Mtu::bytes).or(own);
    nic.mtu = bound.filter(|bound| now.is_some_and(|now| bound.bytes() < now)).or(nic.mtu);
    let Some(routing) = &mut nic.source_routing else { return };
    if routing.gateways.is_empty() {
        routing.gateways = lease.gateway.and_then(next_hop).into_iter().collect();
    }
    if routing.gateways.is_empty() {
        nic.source_routing = None;
        return;
    }
    // Only into the table from which replies leave: in `main` they would divert what the node sends.
    let table = Some(RouteTable::of_source(nic.name));
    let own = lease.routes.iter().filter(|(to, _)| !to.contains(&METADATA_SERVICE));
    nic.routes.extend(own.filter_map(|(to, by)| {
        let destination = to.to_string().parse().ok()?;
        Some(Route { table, ..Route::by(destination, next_hop(*by)?) })
    }));
}

fn next_hop(ip: IpAddr) -> Option<NextHop> {
    ip.to_string().parse().ok()
}
