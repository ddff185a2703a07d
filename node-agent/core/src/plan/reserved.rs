//! Addresses that no NIC may have, because the node itself needs them, or the way to them.

use std::net::IpAddr;

use ipnet::IpNet;
use multinic_crds::{Explanation, Interface, METADATA_SERVICE, Reason};

use crate::{
    observed::{
        link::{Link, is_link_local},
        route::{LOCAL, MAIN, Route},
        routing::NicRoute,
    },
    parse::{desired::nets, routing},
    plan::world::World,
};

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
    if let Some(what) = taken_over(to, world) {
        return Some(what);
    }
    let vital =
        world.view.gateway_routes.iter().filter(|(_, now)| !now.links.is_disjoint(world.fence.vital()));
    if let Some((ip, _)) = vital.into_iter().find(|(ip, now)| goes_before(to, **ip, now)) {
        return Some(format!("would take over the way to the gateway {ip} of the node"));
    }
    let others = world.links_of_others(link);
    let mut subnets = others.flat_map(|other| other.nets().into_iter().map(move |net| (&other.name, net)));
    let (name, subnet) = subnets.find(|(_, net)| !is_link_local(net) && net.contains(&to))?;
    Some(format!("would take over a part of the subnet {}, which {name} of this node has", subnet.trunc()))
}

/// What every node needs that would be reached by a way to `net`.
fn taken_over(net: IpNet, world: World<'_>) -> Option<String> {
    if net.contains(&METADATA_SERVICE) {
        return Some(format!("would take over the way to the metadata service {METADATA_SERVICE}"));
    }
    let mut ways = world.view.api_server_routes.iter();
    let (ip, _) = ways.find(|(ip, now)| goes_before(net, **ip, now))?;
    Some(format!("would take over the way to the API server {ip}"))
}

/// Whether packets to `ip` would take a way to `net`, and not the one that they take `now`. What the node answers for itself
/// is decided before any other way is looked at.
fn goes_before(net: IpNet, ip: IpAddr, now: &Route) -> bool {
    net.contains(&ip) && now.table != LOCAL && net.prefix_len() >= now.destination.prefix_len()
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
    if let Some(what) = taken_over(net, world) {
        return Some(what);
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
