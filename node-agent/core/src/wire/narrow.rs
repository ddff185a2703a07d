//! What is wanted of a NIC, without addresses that other hosts have.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use multinic_crds::{Interface, MacAddress, SourceRouting};

use crate::observed::link::is_local;

/// The NIC without the addresses that are `taken`, and without the routes that need them.
pub(super) fn without(nic: &Interface, taken: &BTreeMap<Ipv4Addr, MacAddress>) -> Interface {
    let is_taken = |ip: IpAddr| taken.keys().any(|taken| IpAddr::V4(*taken) == ip);
    let mut left = nic.clone();
    left.addresses.retain(|address| !is_taken(address.ip()));
    if left.addresses.is_empty() {
        // The link is only brought up.
        left.addressing = None;
    }
    let nets: Vec<_> = left.nets().collect();
    let is_reached = |ip: IpAddr, on_link: bool| {
        nets.iter().any(|net| net.contains(&ip) || (on_link && net.addr().is_ipv6() == ip.is_ipv6()))
    };
    left.routes.retain(|route| {
        let ipv6 = route.destination.net().addr().is_ipv6();
        match route.via {
            Some(via) => is_reached(via.ip(), route.on_link),
            None => nets.iter().any(|net| net.addr().is_ipv6() == ipv6),
        }
    });
    let gateways = left.source_routing.iter().flat_map(|routing| &routing.gateways).copied();
    let gateways: Vec<_> =
        gateways.filter(|gateway| is_local(gateway.ip()) || is_reached(gateway.ip(), false)).collect();
    left.source_routing = (!gateways.is_empty()).then_some(SourceRouting { gateways });
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{mac, nic, with_routes};

    const NIC: &str = "fa:16:3e:00:00:0a";

    #[test]
    fn what_needs_an_address_that_is_taken_goes_with_it_and_all_else_stays() {
        let taken = BTreeMap::from([(Ipv4Addr::new(10, 10, 0, 5), mac("fa:16:3e:00:00:0b"))]);
        let dual = with_routes(nic(NIC, "multinic0", &["10.10.0.5/24", "2001:db8:10::5/64"]));
        let left = without(&dual, &taken);
        let shown = |nic: &Interface| {
            let vias = nic.routes.iter().filter_map(|route| route.via).map(|via| via.ip().to_string());
            let gateways = nic.source_routing.iter().flat_map(|routing| &routing.gateways);
            vias.chain(gateways.map(|gateway| gateway.ip().to_string())).collect::<Vec<_>>()
        };
        assert_eq!(shown(&left), ["2001:db8:10::1", "fe80::1"]);
        let only = without(&with_routes(nic(NIC, "multinic0", &["10.10.0.5/24"])), &taken);
        assert_eq!((only.addresses.len(), only.routes.len(), only.contradiction()), (0, 0, None));
        let two = without(&nic(NIC, "multinic0", &["10.10.0.5/24", "10.10.0.6/24"]), &taken);
        assert_eq!(two, nic(NIC, "multinic0", &["10.10.0.6/24"]));
    }
}
