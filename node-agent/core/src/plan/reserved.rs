//! Addresses that no NIC may have, because the node itself needs them, or the way to them.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use multinic_crds::{Explanation, Interface, Reason};

use crate::{
    observed::{
        link::{Link, is_link_local},
        route::{LOCAL, MAIN, Route},
        routing::NicRoute,
    },
    parse::{desired::nets, routing},
    plan::world::World,
};

/// Where clouds tell a server what it is.
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// Why an address of `nic` would cut the node off from something, if one would.
pub(super) fn refusal(nic: &Interface, link: &Link, world: World<'_>) -> Option<Explanation> {
    let why = nets(nic).into_iter().find_map(|net| {
        own(net, world).or_else(|| captured(net, link, world)).map(|why| format!("{net} {why}"))
    });
    let refused = |why, remedy: &str| Explanation::new(Reason::ReservedAddress, format!("{why}; {remedy}"));
    let by_address =
        why.map(|why| refused(why, "give the port another address, or correct the prefix of its subnet"));
    by_address.or_else(|| {
        let routes = routing::routes(nic).into_iter().filter(|route| route.table == MAIN);
        let mut why =
            routes.filter_map(|route| Some(format!("the route {route} {}", diverted(&route, link, world)?)));
        why.next().map(|why| refused(why, "leave it out, or give it a table"))
    })
}

/// What packets would take `route` over `link`, instead of the way that they go now.
fn diverted(route: &NicRoute, link: &Link, world: World<'_>) -> Option<String> {
    let to = route.destination;
    if to.contains(&METADATA) {
        return Some(format!("would take over the way to the metadata service {METADATA}"));
    }
    let takes_over = |(ip, now): &(&IpAddr, &Route)| {
        to.contains(*ip) && now.table != LOCAL && to.prefix_len() >= now.destination.prefix_len()
    };
    if let Some((ip, _)) = world.view.api_server_routes.iter().find(takes_over) {
        return Some(format!("would take over the way to the API server {ip}"));
    }
    let vital =
        world.view.gateway_routes.iter().filter(|(_, now)| !now.links.is_disjoint(world.fence.vital()));
    if let Some((ip, _)) = vital.into_iter().find(takes_over) {
        return Some(format!("would take over the way to the gateway {ip} of the node"));
    }
    let is_managed = |other: &Link| other.identity().is_some_and(|mac| world.ledger.get(mac).is_some());
    let others = world.view.links.iter().filter(|other| other.index != link.index && !is_managed(other));
    let mut subnets = others.flat_map(|other| other.nets().into_iter().map(move |net| (&other.name, net)));
    let (name, subnet) = subnets.find(|(_, net)| !is_link_local(net) && net.contains(&to))?;
    Some(format!("would take over a part of the subnet {}, which {name} of this node has", subnet.trunc()))
}

/// Whose address `net` is.
fn own(net: IpNet, world: World<'_>) -> Option<String> {
    let ip = net.addr();
    if matches!(ip, IpAddr::V4(v4) if v4.is_link_local()) {
        return Some("is an IPv4 link-local address, where the metadata service and the like are".to_owned());
    }
    if world.view.gateways.contains(&ip) {
        return Some("is the address of a gateway of the node".to_owned());
    }
    world.view.api_server_routes.contains_key(&ip).then(|| "is the address of the API server".to_owned())
}

/// What packets would go over `link` to, instead of where they go now, once it has `net`.
fn captured(net: IpNet, link: &Link, world: World<'_>) -> Option<String> {
    if net.contains(&METADATA) {
        return Some(format!("would take over the way to the metadata service {METADATA}"));
    }
    let takes_over = |(ip, route): &(&IpAddr, &Route)| {
        // What the node answers for itself is decided before any subnet is looked at.
        net.contains(*ip) && route.table != LOCAL && net.prefix_len() >= route.destination.prefix_len()
    };
    if let Some((ip, _)) = world.view.api_server_routes.iter().find(takes_over) {
        return Some(format!("would take over the way to the API server {ip}"));
    }
    let vital =
        world.view.default_routes.iter().filter(|route| !route.links.is_disjoint(world.fence.vital()));
    let mut gateways = vital.flat_map(|route| &route.gateways);
    if let Some(ip) = gateways.find(|ip| net.contains(*ip)) {
        return Some(format!("would take over the way to the gateway {ip} of the node"));
    }
    let has = |ip: &IpAddr| link.addresses.iter().any(|address| address.net.addr() == *ip);
    let ip = world.fence.addresses().iter().find(|ip| net.contains(*ip) && !has(ip))?;
    Some(format!("would take over the subnet of the node's own address {ip}"))
}
