//! What is wanted, with what the networks of the NICs say.

use std::net::IpAddr;

use multinic_crds::{
    Addressing, Interface, InterfaceAddress, METADATA_SERVICE, Mtu, NextHop, Route, RouteTable,
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
/// and rules come with it.
#[must_use]
pub fn learned(mut desired: Desired, leases: &Leases, view: &KernelView, ledger: &Ledger) -> Desired {
    let mut dynamic: Vec<_> =
        desired.wanted.iter_mut().filter(|(_, nic)| nic.addressing().is_dynamic()).collect();
    if dynamic.is_empty() {
        return desired;
    }
    for (mac, nic) in &mut dynamic {
        let link = view.links.iter().find(|link| link.identity() == Some(**mac));
        match nic.addressing() {
            Addressing::Slaac => nic.addresses = link.map(advertised).unwrap_or_default(),
            addressing => {
                if let Some(lease) = leases.current(**mac, addressing) {
                    let own_mtu = ledger.get(**mac).and_then(|entry| entry.original_mtu);
                    take(nic, lease, own_mtu.or_else(|| link.map(|link| link.mtu)));
                }
            }
        }
        if nic.addresses.is_empty() {
            nic.routes.clear();
            nic.source_routing = None;
            desired.awaited.extend(link.map(|link| (**mac, leases.awaited(nic, link))));
        }
    }
    desired.without_contradictions()
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
