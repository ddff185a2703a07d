//! A small cluster and a small table for tests.

use std::sync::Arc;

use multinic_crds::{GuardedConfig, InterfaceName, MacAddress};
use serde_json::{Value, json};

use crate::{
    cluster::{Index, Matcher, Node, Object, WatchedNode},
    routing::{Columns, Networking, Policy, RawColumns},
    table::{Cidr, RawRow, Snapshot, parse},
};

/// A row of the table, as text.
#[derive(Debug, Clone)]
pub(crate) struct TestRow {
    pub(crate) port_id: &'static str,
    pub(crate) mac: String,
    pub(crate) node: &'static str,
    pub(crate) mtu: &'static str,
    pub(crate) success: &'static str,
    pub(crate) subnet: &'static str,
    /// With its prefix.
    pub(crate) address: &'static str,
    /// What its subnet says.
    pub(crate) cidr: &'static str,
    pub(crate) gateway_ip: &'static str,
    pub(crate) host_routes: &'static str,
    pub(crate) enable_dhcp: &'static str,
    pub(crate) ipv6_ra_mode: &'static str,
}

pub(crate) fn row(port_id: &'static str, last: u8, node: &'static str) -> TestRow {
    TestRow {
        port_id,
        mac: mac(last).to_string(),
        node,
        mtu: "0",
        success: "0",
        subnet: "subnet",
        address: "",
        cidr: "",
        gateway_ip: "",
        host_routes: "",
        enable_dhcp: "",
        ipv6_ra_mode: "",
    }
}

pub(crate) fn mac(last: u8) -> MacAddress {
    MacAddress::from_octets([2, 0, 0, 0, 0, last]).unwrap()
}

pub(crate) fn slot(number: usize) -> InterfaceName {
    InterfaceName::all().nth(number).unwrap()
}

pub(crate) fn nodes(names: &[&str]) -> Index<Node> {
    let mut index = Index::default();
    for name in names {
        let node = json!({ "metadata": { "name": name, "uid": format!("uid-{name}") } });
        index.record(serde_json::from_value::<WatchedNode>(node).unwrap());
    }
    index
}

pub(crate) fn snapshot(rows: &[TestRow], nodes: &Index<Node>) -> Snapshot {
    snapshot_with(rows, nodes, &Index::default())
}

pub(crate) fn snapshot_with(rows: &[TestRow], nodes: &Index<Node>, objects: &Index<Object>) -> Snapshot {
    snapshot_by(&Networking::default(), rows, nodes, objects)
}

/// With settings.
pub(crate) fn snapshot_by(
    networking: &Networking,
    rows: &[TestRow],
    nodes: &Index<Node>,
    objects: &Index<Object>,
) -> Snapshot {
    let parsed = rows.iter().map(|row| {
        let columns = Columns::read(RawColumns {
            cidr: Some(row.cidr.as_bytes()),
            gateway_ip: Some(row.gateway_ip.as_bytes()),
            host_routes: Some(row.host_routes.as_bytes()),
            enable_dhcp: Some(row.enable_dhcp.as_bytes()),
            ipv6_ra_mode: Some(row.ipv6_ra_mode.as_bytes()),
        });
        parse(&RawRow {
            port_id: Some(row.port_id.as_bytes()),
            subnet_id: Some(row.subnet.as_bytes()),
            macaddress: Some(row.mac.as_bytes()),
            attached_node_name: Some(row.node.as_bytes()),
            mtu: Some(row.mtu.as_bytes()),
            address: Some(row.address.as_bytes()),
            cidr: if row.cidr.is_empty() { Cidr::Unknown } else { Cidr::Is(row.cidr.as_bytes()) },
            columns: Some(&Arc::new(columns)),
            netplan_success: Some(row.success.as_bytes()),
            ..RawRow::default()
        })
    });
    let policy = Policy { networking, nodes, objects };
    Snapshot::new(parsed.collect(), &Matcher::new(nodes, objects), &policy)
}

/// An object of `node` with these NICs, given by the last byte of the MAC address and the slot.
pub(crate) fn object(node: &str, generation: i64, nics: &[(u8, usize)], status: Value) -> GuardedConfig {
    let entry = |(last, number): &(u8, usize)| {
        json!({
            "macAddress": mac(*last),
            "name": slot(*number),
            "portId": format!("p{last}"),
            "subnetId": "subnet",
        })
    };
    let interfaces: Vec<_> = nics.iter().map(entry).collect();
    config(node, generation, &json!(interfaces), status)
}

fn config(node: &str, generation: i64, interfaces: &Value, status: Value) -> GuardedConfig {
    let mut config = json!({
        "metadata": {
            "name": node,
            "generation": generation,
            "resourceVersion": generation.to_string(),
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Node", "name": node, "uid": format!("uid-{node}") }],
        },
        "spec": { "interfaces": interfaces },
    });
    if !status.is_null() {
        config["status"] = status;
    }
    serde_json::from_value(config).unwrap()
}

/// The NICs of an object: the last byte of the MAC address and the slot, in the order of slots.
pub(crate) fn nics(objects: &Index<Object>, node: &str) -> Vec<(u8, usize)> {
    let entries = objects.get(node).map(|object| object.interfaces.as_slice()).unwrap_or_default();
    let valid = entries.iter().filter_map(|entry| entry.valid());
    valid.map(|entry| (entry.mac_address.octets()[5], entry.name.slot())).collect()
}
