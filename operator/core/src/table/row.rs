//! One row: bytes in, a NIC or a fault out.

use std::{str, sync::Arc};

use multinic_crds::{
    Addressing, Explanation, Interface, InterfaceAddress, InterfaceName, MIN_IPV6_MTU, MacAddress, Mtu,
    Reason,
};

use super::{Cidr, address::resolve};
use crate::{
    cluster::NodeRef,
    routing::{Columns, Routing},
    text,
};

/// Every row, usable or not.
pub type Rows = Vec<Result<Row, Box<BadRow>>>;

/// The longest identifier that fits into an object, in bytes.
const MAX_ID_BYTES: usize = 64;
/// The longest value that is looked at, in bytes: a DNS name with room to spare.
const MAX_VALUE_BYTES: usize = 300;
/// The longest value by which a row is found again, in bytes: whatever is longer is not kept.
const MAX_KEY_BYTES: usize = 4 * MAX_VALUE_BYTES;

/// A row as the database sent it: every value as text, or NULL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns of the table")]
pub struct RawRow<'a> {
    pub port_id: Option<&'a [u8]>,
    pub subnet_id: Option<&'a [u8]>,
    pub macaddress: Option<&'a [u8]>,
    pub attached_node_id: Option<&'a [u8]>,
    pub attached_node_name: Option<&'a [u8]>,
    pub address: Option<&'a [u8]>,
    /// What its subnet says.
    pub cidr: Cidr<'a>,
    pub mtu: Option<&'a [u8]>,
    /// What the subnet says besides; `None` where there is none, or it is deleted.
    pub columns: Option<&'a Arc<Columns>>,
    pub netplan_success: Option<&'a [u8]>,
    /// None also where the table has no such column.
    pub id: Option<&'a [u8]>,
}

/// How to find a row again: its values as they are written, not normalised.
///
/// The `id` alone would not do, since the producer replaces every row at every sync of its own. What
/// the row asks for belongs to it, so that a row that now asks for something else is another.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// `port_id`.
    pub port_id: String,
    /// `macaddress`.
    pub macaddress: String,
    /// `attached_node_name`.
    pub node_name: Option<String>,
    /// `attached_node_id`; `None` also where the table has no such column.
    pub node_id: Option<String>,
    /// `subnet_id`.
    pub subnet_id: Option<String>,
    /// `cidr` of the subnet, where there is one.
    pub cidr: Option<String>,
    /// What the subnet says besides.
    pub columns: Option<Arc<Columns>>,
    /// `address`; `None` also where the table has no such column.
    pub address: Option<String>,
    /// `mtu`; `None` also where the table has no such column.
    pub mtu: Option<String>,
    /// `id`, only as the shortest way to the row; `None` also where the table has no such column.
    pub id: Option<String>,
}

/// A NIC that a Node should have.
#[derive(Debug, Clone, PartialEq)]
pub struct Nic {
    /// Its identity on its Node.
    pub mac: MacAddress,
    /// The Neutron port.
    pub port_id: String,
    /// The Neutron subnet; may be empty.
    pub subnet_id: String,
    /// Without one, its network gives it addresses, or the link is only brought up.
    pub address: Option<InterfaceAddress>,
    /// Without one, the device keeps its own.
    pub mtu: Option<Mtu>,
    /// What others than its row say of it; nothing until its Node is known.
    pub routing: Routing,
}

impl Nic {
    /// The NIC of which others say this.
    ///
    /// # Errors
    /// What its row says and does not go with it.
    pub(super) fn with(self, routing: Routing) -> Result<Self, Explanation> {
        let nic = Self { routing, ..self };
        let addressing = nic.addressing();
        if addressing.is_dynamic() && addressing.is_ipv6() {
            large_enough(nic.mtu, || format!("addresses by {}", addressing.as_str()))?;
        }
        Ok(nic)
    }

    /// Where its addresses come from.
    #[must_use]
    pub fn addressing(&self) -> Addressing {
        let unsaid = self.routing.addressing.unwrap_or(Addressing::None);
        self.address.map_or(unsaid, |_| Addressing::Static)
    }

    /// The entry of a spec that asks for this NIC in the slot `name`, where the entry is `now` another perhaps.
    #[must_use]
    pub fn interface(&self, name: InterfaceName, now: Option<&Interface>) -> Interface {
        let addressing = self.addressing();
        let source_routing = now.and_then(|now| now.source_routing.as_ref());
        // Without a gateway, it is nothing but for a NIC whose network tells one.
        let source_routing =
            source_routing.filter(|now| addressing == Addressing::Dhcp4 || !now.gateways.is_empty());
        Interface {
            port_id: self.port_id.clone(),
            subnet_id: self.subnet_id.clone(),
            // Left out where the addresses tell it already.
            addressing: Some(addressing).filter(|addressing| addressing.is_dynamic()),
            addresses: self.address.into_iter().collect(),
            mtu: self.mtu,
            routes: self.routing.routes.clone(),
            source_routing: self.routing.replies.source_routing(source_routing),
            verify: self.routing.verify,
            ..Interface::new(self.mac, name)
        }
    }
}

/// A row that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// How to find it again.
    pub key: Option<RowKey>,
    /// What `netplan_success` says; `None` for NULL and anything that is neither 0 nor 1.
    pub success: Option<bool>,
    /// Whose NIC it is.
    pub node: NodeRef,
    /// The NIC.
    pub nic: Nic,
    /// What its subnet says.
    pub columns: Arc<Columns>,
}

/// A row that cannot be used, with what could still be read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// How to find it again, where that is possible.
    pub key: Option<RowKey>,
    /// As in [`Row`].
    pub success: Option<bool>,
    /// Whose NIC it is.
    pub node: Option<NodeRef>,
    /// The MAC address.
    pub mac: Option<MacAddress>,
    /// The Neutron port.
    pub port_id: Option<String>,
    /// The first thing that is wrong.
    pub fault: Explanation,
}

/// Reads a row. Never panics, whatever the bytes.
pub fn parse(raw: &RawRow) -> Result<Row, Box<BadRow>> {
    let success = match raw.netplan_success {
        // A column of one bit arrives as a byte that is no digit.
        Some(b"0" | [0]) => Some(false),
        Some(b"1" | [1]) => Some(true),
        _ => None,
    };
    let (mac, port_id, node) = (mac(raw), port_id(raw), node(raw));
    let nic = match (&mac, &port_id, &node) {
        (Err(fault), ..) | (_, Err(fault), _) | (.., Err(fault)) => Err(fault.clone()),
        (Ok(mac), Ok(port_id), Ok(node)) => nic(raw, *mac, port_id).map(|nic| (node.clone(), nic)),
    };
    match nic {
        Ok((node, nic)) => {
            Ok(Row { key: key(raw), success, node, nic, columns: raw.columns.cloned().unwrap_or_default() })
        }
        Err(fault) => Err(Box::new(BadRow {
            key: key(raw),
            success,
            node: node.ok(),
            mac: mac.ok(),
            port_id: port_id.ok(),
            fault,
        })),
    }
}

fn key(raw: &RawRow) -> Option<RowKey> {
    let owned = |bytes: &[u8]| {
        let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_KEY_BYTES)?;
        Some(text.to_owned())
    };
    let nullable = |value: Option<&[u8]>| match value {
        Some(bytes) => owned(bytes).map(Some),
        None => Some(None),
    };
    Some(RowKey {
        port_id: owned(raw.port_id?)?,
        macaddress: owned(raw.macaddress?)?,
        node_name: nullable(raw.attached_node_name)?,
        node_id: nullable(raw.attached_node_id)?,
        subnet_id: nullable(raw.subnet_id)?,
        cidr: match raw.cidr {
            Cidr::Is(cidr) => owned(cidr),
            Cidr::Unknown | Cidr::Deleted | Cidr::Twice => None,
        },
        columns: raw.columns.cloned(),
        address: nullable(raw.address)?,
        mtu: nullable(raw.mtu)?,
        id: nullable(raw.id)?,
    })
}

fn nic(raw: &RawRow, mac: MacAddress, port_id: &str) -> Result<Nic, Explanation> {
    let subnet_id = text(raw.subnet_id, "subnet_id", Reason::InvalidSubnetId)?.unwrap_or_default();
    if !is_id(subnet_id) && !subnet_id.is_empty() {
        return Err(Explanation::new(
            Reason::InvalidSubnetId,
            format!("subnet_id {subnet_id:?} is no identifier; write the id of the Neutron subnet"),
        ));
    }
    let address = match text(raw.address, "address", Reason::InvalidAddress)? {
        Some(address) => Some(resolve(address, cidr(raw, address, subnet_id)?)?),
        None => None,
    };
    let mtu = mtu(raw)?;
    if let Some(address) = address.filter(|address| address.is_ipv6()) {
        large_enough(mtu, || format!("the IPv6 address {address}"))?;
    }
    Ok(Nic {
        mac,
        port_id: port_id.to_owned(),
        subnet_id: subnet_id.to_owned(),
        address,
        mtu,
        routing: Routing::default(),
    })
}

/// What the subnet says, unless that has to be guessed; an address that brings its own prefix does without.
fn cidr<'a>(raw: &RawRow<'a>, address: &str, subnet_id: &str) -> Result<Option<&'a str>, Explanation> {
    let reason = Reason::InvalidAddress;
    match raw.cidr {
        Cidr::Is(cidr) => text(Some(cidr), "cidr", reason),
        Cidr::Unknown => Ok(None),
        Cidr::Deleted | Cidr::Twice if address.contains('/') => Ok(None),
        Cidr::Deleted => Err(Explanation::new(
            reason,
            format!(
                "the subnet {subnet_id} of address {address} is marked as deleted in multi_subnet; correct subnet_id, \
                 or the subnet"
            ),
        )),
        Cidr::Twice => Err(Explanation::new(
            reason,
            format!(
                "the subnet {subnet_id} is in multi_subnet twice, with different cidrs; keep one of them"
            ),
        )),
    }
}

fn mac(raw: &RawRow) -> Result<MacAddress, Explanation> {
    let reason = Reason::InvalidMacAddress;
    let text = text(raw.macaddress, "macaddress", reason)?.ok_or_else(|| {
        Explanation::new(reason, "macaddress is empty; write the MAC address of the Neutron port")
    })?;
    text.parse().map_err(|error| Explanation::new(reason, format!("macaddress: {error}")))
}

fn port_id(raw: &RawRow) -> Result<String, Explanation> {
    let reason = Reason::InvalidPortId;
    let text = text(raw.port_id, "port_id", reason)?.unwrap_or_default();
    let fault = || {
        Explanation::new(
            reason,
            format!("port_id {text:?} is no identifier; write the id of the Neutron port"),
        )
    };
    is_id(text).then(|| text.to_owned()).ok_or_else(fault)
}

fn node(raw: &RawRow) -> Result<NodeRef, Explanation> {
    let reason = Reason::InvalidNode;
    let id = text(raw.attached_node_id, "attached_node_id", reason)?.map(str::to_owned);
    let name = text(raw.attached_node_name, "attached_node_name", reason)?.map(str::to_owned);
    if id.is_none() && name.is_none() {
        let message = "attached_node_name is empty; write the name of the server that has the port";
        return Err(Explanation::new(reason, message));
    }
    Ok(NodeRef { id, name })
}

/// `mtu`, where NULL and 0 mean the device's own.
fn mtu(raw: &RawRow) -> Result<Option<Mtu>, Explanation> {
    let reason = Reason::InvalidMtu;
    match text(raw.mtu, "mtu", reason)? {
        None | Some("0") => Ok(None),
        Some(text) => {
            text.parse().map(Some).map_err(|error| Explanation::new(reason, format!("mtu: {error}")))
        }
    }
}

/// That IPv6 works with this MTU.
fn large_enough(mtu: Option<Mtu>, what: impl FnOnce() -> String) -> Result<(), Explanation> {
    let small = mtu.filter(|mtu| mtu.bytes() < MIN_IPV6_MTU);
    let fault = |mtu| format!("mtu {mtu} is too small for {}; write at least {MIN_IPV6_MTU}", what());
    small.map_or(Ok(()), |mtu| Err(Explanation::new(Reason::InvalidMtu, fault(mtu))))
}

fn is_id(text: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The value without surrounding space; `None` when nothing is left.
fn text<'a>(value: Option<&'a [u8]>, column: &str, reason: Reason) -> Result<Option<&'a str>, Explanation> {
    text::text(value, column, MAX_VALUE_BYTES, reason)
}

#[cfg(test)]
mod tests;
