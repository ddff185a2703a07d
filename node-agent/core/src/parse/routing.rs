//! The routes and rules that an interface of the object asks for.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use multinic_crds::{Addressing, Interface, NextHop, Route};

use crate::observed::{
    link::{is_link_local, is_local},
    route::MAIN,
    routing::{NicRoute, SourceRule},
};

/// The metric of a route of `multinic0` to which none is given; that of `multinicN` is N more.
const FIRST_METRIC: u32 = 100;

/// Every route over the NIC, beside those that come with its addresses.
#[must_use]
pub fn routes(nic: &Interface) -> BTreeSet<NicRoute> {
    let asked = nic.routes.iter().map(|route| asked(nic, route));
    asked.chain(gateways(nic).map(|gateway| way_out(nic, gateway))).collect()
}

/// The rules by which replies from the NIC's addresses leave by it.
#[must_use]
pub fn rules(nic: &Interface) -> BTreeSet<SourceRule> {
    let families: BTreeSet<bool> = gateways(nic).map(|gateway| gateway.is_ipv6()).collect();
    let answering = nic.nets().filter(|net| !is_link_local(net)).map(|net| net.addr());
    let answering = answering.filter(|ip| families.contains(&ip.is_ipv6()));
    answering.flat_map(|ip| SourceRule::pair(ip, nic.name)).collect()
}

fn gateways(nic: &Interface) -> impl Iterator<Item = IpAddr> {
    nic.source_routing.iter().flat_map(|routing| &routing.gateways).map(|gateway| gateway.ip())
}

/// Two NICs may have the same route, as those of one subnet do: to the kernel they differ by their metrics.
fn asked(nic: &Interface, route: &Route) -> NicRoute {
    let (destination, via) = (route.destination.net(), route.via.map(NextHop::ip));
    NicRoute {
        via,
        metric: route.metric.unwrap_or_else(|| FIRST_METRIC + nic.name.number()),
        on_link: route.on_link
            || nic.addressing() == Addressing::Dhcp6 && via.is_some_and(|via| !is_local(via)),
        ..NicRoute::new(destination, None, route.table.map_or(MAIN, multinic_crds::RouteTable::number))
    }
}

/// The one route of the NIC's own table. A `DHCPv6` address has no subnet that would hold the router.
fn way_out(nic: &Interface, gateway: IpAddr) -> NicRoute {
    let everywhere = match gateway {
        IpAddr::V4(_) => IpNet::V4(Ipv4Net::default()),
        IpAddr::V6(_) => IpNet::V6(Ipv6Net::default()),
    };
    let on_link = nic.addressing() == Addressing::Dhcp6 && !is_local(gateway);
    NicRoute { on_link, ..NicRoute::new(everywhere, Some(gateway), nic.name.source_table()) }
}

/// What is wrong with the routes of an interface, if anything is: what the API server lets in, and no kernel takes or no
/// node should have.
#[must_use]
pub fn fault(nic: &Interface) -> Option<String> {
    let name = nic.name;
    let mut seen = BTreeSet::new();
    for gateway in gateways(nic) {
        if !seen.insert(gateway.is_ipv6()) {
            return Some(format!("{name} has more than one gateway of a family; keep one of them"));
        }
    }
    // Where its network gives it an address, there is none yet to compare with.
    let is_known = !nic.addressing().is_dynamic() || !nic.addresses.is_empty();
    let is_of_family = |ipv6: bool| nic.nets().any(|net| net.addr().is_ipv6() == ipv6);
    let may_be_of_family =
        |ipv6| if is_known { is_of_family(ipv6) } else { nic.addressing().is_ipv6() == ipv6 };
    let mut keys = BTreeSet::new();
    for route in routes(nic) {
        let NicRoute { destination, via, metric, table, on_link } = &route;
        if destination.prefix_len() == 0 && *table == MAIN {
            return Some(format!(
                "{name} asks for the default route {route}, which is the node's own; name a table, or use sourceRouting"
            ));
        }
        if !keys.insert((*destination, *metric, *table)) {
            return Some(format!(
                "{name} asks for {route} beside another route to the same network; keep one of them"
            ));
        }
        if !may_be_of_family(destination.addr().is_ipv6()) {
            return Some(format!("{name} asks for {route}, and has no address of that family"));
        }
        let Some(via) = via else { continue };
        if via.is_ipv6() != destination.addr().is_ipv6() {
            return Some(format!("{name} asks for {route}, whose next hop is of the other family"));
        }
        if nic.nets().any(|net| net.addr() == *via) {
            return Some(format!("{name} asks for {route}, whose next hop is the NIC itself"));
        }
        if is_known && !is_local(*via) && !on_link && !nic.nets().any(|net| net.contains(via)) {
            return Some(format!(
                "{name} asks for {route}, whose next hop is in no subnet of the NIC; correct it, or set onLink"
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn nic(more: &Value) -> Interface {
        let mut nic = json!({
            "macAddress": "fa:16:3e:00:00:01", "name": "multinic3",
            "addresses": ["10.20.0.5/24", "2001:db8:20::5/64", "fe80::5/64"],
        });
        nic.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(nic).unwrap()
    }

    fn texts<T: ToString>(all: &BTreeSet<T>) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn replies_leave_by_a_table_of_their_own_for_each_family_that_has_a_gateway() {
        let nic = nic(&json!({ "sourceRouting": { "gateways": ["10.20.0.1", "fe80::1"] } }));
        assert_eq!(fault(&nic), None);
        assert_eq!(
            texts(&routes(&nic)),
            ["0.0.0.0/0 via 10.20.0.1 table 5303", "::/0 via fe80::1 table 5303"]
        );
        assert_eq!(
            texts(&rules(&nic)),
            [
                "5306: from 10.20.0.5 lookup 254 suppress_prefixlength 0",
                "5307: from 10.20.0.5 lookup 5303",
                "5306: from 2001:db8:20::5 lookup 254 suppress_prefixlength 0",
                "5307: from 2001:db8:20::5 lookup 5303",
            ]
        );
    }

    #[test]
    fn a_route_is_taken_as_it_is_asked_for() {
        let nic = nic(&json!({ "routes": [
            { "destination": "10.30.0.0/16", "via": "10.20.0.1" },
            { "destination": "10.40.0.0/16", "via": "192.0.2.1", "onLink": true, "metric": 7, "table": 100 },
            { "destination": "0.0.0.0/0", "via": "10.20.0.1", "table": 100 },
            { "destination": "2001:db8:30::/48" },
        ] }));
        assert_eq!(fault(&nic), None);
        assert_eq!(
            texts(&routes(&nic)),
            [
                "0.0.0.0/0 via 10.20.0.1 metric 103 table 100",
                "10.30.0.0/16 via 10.20.0.1 metric 103",
                "10.40.0.0/16 via 192.0.2.1 onlink metric 7 table 100",
                "2001:db8:30::/48 metric 103",
            ]
        );
        assert_eq!(texts(&rules(&nic)), [""; 0]);
    }

    #[test]
    fn what_no_node_should_have_is_said() {
        for (more, words) in [
            (json!({ "routes": [{ "destination": "0.0.0.0/0", "via": "10.20.0.1" }] }), "the node's own"),
            (
                json!({ "routes": [{ "destination": "10.30.0.0/16", "via": "10.99.0.1" }] }),
                "in no subnet of the NIC",
            ),
            (json!({ "routes": [{ "destination": "10.30.0.0/16", "via": "10.20.0.5" }] }), "the NIC itself"),
            (
                json!({ "routes": [{ "destination": "10.30.0.0/16", "via": "fe80::1" }] }),
                "of the other family",
            ),
            (
                json!({ "routes": [
                    { "destination": "10.30.0.0/16", "via": "10.20.0.1" },
                    { "destination": "10.30.0.0/16", "via": "10.20.0.2" },
                ] }),
                "keep one of them",
            ),
            (json!({ "sourceRouting": { "gateways": ["10.20.0.1", "10.20.0.2"] } }), "more than one gateway"),
            (json!({ "sourceRouting": { "gateways": ["10.21.0.1"] } }), "in no subnet of the NIC"),
        ] {
            let found = fault(&nic(&more)).unwrap_or_default();
            assert!(found.contains(words), "{words}: {found}");
        }
    }
}
