//! Values that tests share.

mod node;

pub(crate) use node::{Killed, PlainNode};

use std::collections::BTreeSet;

use multinic_crds::{Interface, MacAddress};

use crate::{
    backend::Backend,
    observed::{
        link::{Address, Link},
        route::{self, Route},
    },
    parse::foreign::Definition,
};

/// The default route of the main table over this link.
pub(crate) fn default_route(link: u32, gateway: &str) -> Route {
    Route {
        destination: "0.0.0.0/0".parse().unwrap(),
        table: route::MAIN,
        links: BTreeSet::from([link]),
        gateways: BTreeSet::from([gateway.parse().unwrap()]),
        by_kernel: false,
    }
}

/// The route that the kernel makes with an address of this subnet.
pub(crate) fn connected(link: u32, subnet: &str) -> Route {
    Route {
        destination: subnet.parse().unwrap(),
        table: route::MAIN,
        links: BTreeSet::from([link]),
        gateways: BTreeSet::new(),
        by_kernel: true,
    }
}

pub(crate) fn mac(text: &str) -> MacAddress {
    text.parse().unwrap()
}

pub(crate) fn link(index: u32, name: &str, address: &str) -> Link {
    Link::physical(index, name, mac(address))
}

pub(crate) fn address(net: &str) -> Address {
    Address::new(net.parse().unwrap())
}

/// Whether any of `definitions` covers a NIC with this name and this address.
pub(crate) fn covered(definitions: &[Definition], name: &str, mac: &str) -> bool {
    let link = link(2, name, mac);
    definitions.iter().any(|definition| definition.covers(&link))
}

pub(crate) fn nic(address: &str, name: &str, addresses: &[&str]) -> Interface {
    Interface {
        port_id: format!("port-of-{address}"),
        subnet_id: "subnet".to_owned(),
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        ..Interface::new(mac(address), name.parse().unwrap())
    }
}

/// The files of a backend for a NIC of every kind: dual stack with an MTU, of one family each, and without addresses.
pub(crate) fn files_of_every_kind(backend: &dyn Backend) -> String {
    let mac = "fa:16:3e:aa:00:01";
    let dual = nic(mac, "multinic0", &["10.10.0.5/24", "2001:db8:10::5/64"]);
    let cases = [
        Interface { mtu: Some(9000.try_into().unwrap()), ..dual },
        nic(mac, "multinic0", &["10.10.0.5/24"]),
        nic(mac, "multinic9", &["2001:db8:10::5/64"]),
        nic(mac, "multinic0", &[]),
        with_routes(nic(mac, "multinic3", &["10.10.0.5/24", "2001:db8:10::5/64"])),
    ];
    let files = cases.iter().flat_map(|nic| backend.render(nic).unwrap());
    files.map(|file| format!("{}\n{}", file.path, file.text)).collect::<Vec<_>>().join("\n")
}

/// The same, answering by its own routers, and with a route of every kind.
pub(crate) fn with_routes(nic: Interface) -> Interface {
    let routes = serde_json::json!([
        { "destination": "10.30.0.0/16", "via": "10.10.0.1" },
        { "destination": "10.40.0.0/16", "via": "192.0.2.1", "onLink": true, "metric": 7, "table": 100 },
        { "destination": "10.50.0.0/16" },
        { "destination": "2001:db8:30::/48", "via": "2001:db8:10::1", "metric": 8 },
    ]);
    let routing = serde_json::json!({ "gateways": ["10.10.0.1", "fe80::1"] });
    Interface {
        routes: serde_json::from_value(routes).unwrap(),
        source_routing: serde_json::from_value(routing).unwrap(),
        ..nic
    }
}
