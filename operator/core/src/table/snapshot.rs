//! The table as one whole, placed on Nodes: what is wanted, what is refused, what is foreign.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    sync::Arc,
};

use multinic_crds::{Explanation, GuardedInterface, InterfaceState, MacAddress, Reason};

use super::{BadRow, Nic, Row, RowKey, Rows};
use crate::{
    cluster::{Found, Matcher, Name, NodeRef, Object, Several},
    few::{NAMED, few},
    routing::{Columns, Policy, Said},
};

/// One good reading of the table.
///
/// # Guarantees
/// Every row counts exactly once: as wanted, as rejected, or as unmatched.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// How many rows were read.
    pub rows: usize,
    /// The NICs of each Node, in the order of MAC addresses.
    wanted: BTreeMap<Name, Vec<Nic>>,
    /// The rows that cannot be used, and why.
    pub rejected: Vec<Rejection>,
    /// The rows of servers that are no Nodes of this cluster.
    pub unmatched: Vec<Unmatched>,
    /// Those of them that may be about NICs that objects have.
    pub strays: Strays,
    /// The Nodes that are one machine, for each of them.
    pub twins: BTreeMap<Name, Several>,
    /// What the rejected rows keep from being taken away.
    pub protection: Protection,
    /// What each row of this cluster says of success.
    pub marks: Vec<Mark>,
    /// What the NICs of each Node go without, although somebody asks for it.
    pub without: BTreeMap<Name, BTreeSet<String>>,
}

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejection {
    /// The Node that it belongs to, where that is certain.
    pub node: Option<Name>,
    /// The Neutron port, where it can be read.
    pub port_id: Option<String>,
    /// The MAC address, where it can be read.
    pub mac: Option<MacAddress>,
    /// Why.
    pub fault: Explanation,
    /// The Nodes that it may belong to, where there are several.
    pub candidates: Option<Several>,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port {}: {}", self.port_id.as_deref().unwrap_or("(unreadable)"), self.fault)
    }
}

/// A row of a server that is no Node of this cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unmatched {
    /// The server, as the row names it.
    pub server: String,
}

/// A row of a server that is no Node here, about a NIC that an object may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The server, as the row names it.
    pub server: String,
    /// Whether the row's id says that the server is none of ours, whatever its name.
    pub denied: bool,
    /// The MAC address, where it can be read.
    mac: Option<MacAddress>,
    /// The Neutron port, where it can be read.
    port_id: Option<String>,
    /// How to find the row again.
    pub key: Option<RowKey>,
    /// What it says of success.
    pub success: Option<bool>,
}

/// Rows of servers that are no Nodes here, found by the NICs that they are about.
#[derive(Debug, Default)]
pub struct Strays {
    by_mac: HashMap<MacAddress, Vec<Stray>>,
    /// Those whose MAC address cannot be read.
    by_port: HashMap<String, Vec<Stray>>,
}

impl Strays {
    /// The rows that are about this NIC: with its MAC address and its port, as far as either can be read.
    pub fn about<'a>(&'a self, mac: MacAddress, port_id: Option<&'a str>) -> impl Iterator<Item = &'a Stray> {
        let same_port = move |stray: &&Stray| {
            let ports = stray.port_id.as_deref().zip(port_id.filter(|port| !port.is_empty()));
            ports.is_none_or(|(theirs, ours)| theirs == ours)
        };
        let by_mac = self.by_mac.get(&mac).into_iter().flatten().filter(same_port);
        by_mac.chain(port_id.and_then(|port| self.by_port.get(port)).into_iter().flatten())
    }

    /// The rows of servers that are no Nodes here, about the NIC of `entry`
    /// on the Node of `object`.
    ///
    /// A row whose id denies that its server is ours is about it only while the NIC is on the Node all the same.
    pub fn of<'a>(&'a self, object: &Object, entry: &'a GuardedInterface) -> impl Iterator<Item = &'a Stray> {
        let mac = entry.mac_address();
        let port_id = entry.valid().map(|interface| interface.port_id.as_str());
        let reported = mac.and_then(|mac| object.reported(mac));
        let absent = reported.is_none_or(|nic| nic.state == InterfaceState::DeviceMissing);
        let about = mac.into_iter().flat_map(move |mac| self.about(mac, port_id));
        about.filter(move |stray| !(stray.denied && absent))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_mac.is_empty() && self.by_port.is_empty()
    }

    fn add(&mut self, stray: Stray) {
        match (stray.mac, &stray.port_id) {
            (Some(mac), _) => self.by_mac.entry(mac).or_default().push(stray),
            (None, Some(port)) => self.by_port.entry(port.clone()).or_default().push(stray),
            // Not even the server is ours: it may be any row of another cluster's.
            (None, None) => {}
        }
    }
}

/// What one row says of success, and the NIC that decides what it should say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// How to find the row again.
    pub key: RowKey,
    /// What it says; `None` is neither yes nor no.
    pub success: Option<bool>,
    /// The wanted NIC; none for a rejected row.
    pub nic: Option<(Name, MacAddress)>,
}

/// What must not be taken away, since a row that cannot be read may stand for it.
#[derive(Debug, Default)]
pub struct Protection {
    macs: HashSet<(Option<Name>, MacAddress)>,
    ports: HashSet<(Option<Name>, String)>,
    /// Where not even the NIC can be told; `None` is everywhere.
    nodes: HashSet<Option<Name>>,
}

impl Protection {
    /// Whether this NIC, which no usable row asks for, must stay as it is.
    #[must_use]
    pub fn covers(&self, node: &Name, mac: MacAddress, port_id: Option<&str>) -> bool {
        [None, Some(node)].into_iter().map(Option::<&Name>::cloned).any(|node| {
            self.nodes.contains(&node)
                || port_id.is_some_and(|port| self.ports.contains(&(node.clone(), port.to_owned())))
                || self.macs.contains(&(node, mac))
        })
    }

    fn add(&mut self, rejection: &Rejection) {
        let Rejection { node, port_id, mac, .. } = rejection;
        match (mac, port_id) {
            (Some(mac), _) => _ = self.macs.insert((node.clone(), *mac)),
            (None, Some(port)) => _ = self.ports.insert((node.clone(), port.clone())),
            (None, None) => _ = self.nodes.insert(node.clone()),
        }
    }
}

impl Snapshot {
    /// Puts rows together, places them on the Nodes that `matcher` knows, and gives them the routes of the `policy`.
    #[must_use]
    pub fn new(rows: Rows, matcher: &Matcher, policy: &Policy<'_>) -> Self {
        let mut snapshot = Self { rows: rows.len(), ..Self::default() };
        let placed: Vec<_> = rows.into_iter().filter_map(|row| snapshot.place(row, matcher)).collect();
        let duplicates = duplicates(&placed);
        for row in placed {
            snapshot.take(row, &duplicates, policy);
        }
        for nics in snapshot.wanted.values_mut() {
            nics.sort_unstable_by_key(|nic| nic.mac);
        }
        for rejection in &snapshot.rejected {
            snapshot.protection.add(rejection);
        }
        snapshot.twins =
            matcher.twins().map(|(node, twins)| (Name::clone(node), Arc::clone(twins))).collect();
        snapshot
    }

    /// Whether no row is about this cluster, whatever else the table has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.rejected.is_empty()
    }

    /// The NICs that `node` should have, in the order of MAC addresses.
    #[must_use]
    pub fn wanted(&self, node: &str) -> &[Nic] {
        self.wanted.get(node).map_or(&[], Vec::as_slice)
    }

    /// The NIC with this MAC address, if `node` should have it.
    #[must_use]
    pub fn nic(&self, node: &str, mac: MacAddress) -> Option<&Nic> {
        let nics = self.wanted(node);
        nics.binary_search_by_key(&mac, |nic| nic.mac).ok().map(|position| &nics[position])
    }

    /// How many Nodes should have NICs.
    #[must_use]
    pub fn nodes_with_nics(&self) -> usize {
        self.wanted.len()
    }

    fn place(&mut self, row: Result<Row, Box<BadRow>>, matcher: &Matcher) -> Option<Placed> {
        let (key, success, mac, port_id, server, nic) = match row {
            Ok(Row { key, success, node, nic, columns }) => {
                (key, success, Some(nic.mac), Some(nic.port_id.clone()), Some(node), Ok((nic, columns)))
            }
            Err(bad) => {
                let BadRow { key, success, node, mac, port_id, fault } = *bad;
                (key, success, mac, port_id, node, Err(fault))
            }
        };
        let placed = Placed { key, success, mac, port_id, node: None, candidates: None, nic };
        let Some(server) = server else { return Some(placed) };
        match matcher.find(&server, mac) {
            Found::One(node) => Some(Placed { node: Some(node), ..placed }),
            Found::Several(nodes) => {
                let fault = ambiguous(&server, &nodes);
                let nic = placed.nic.and(Err(fault));
                Some(Placed { candidates: Some(nodes), nic, ..placed })
            }
            found @ (Found::None | Found::Denied) => {
                let denied = found == Found::Denied;
                self.stray(placed, server.label(), denied, matcher);
                None
            }
        }
    }

    fn stray(&mut self, row: Placed, server: &str, denied: bool, matcher: &Matcher) {
        self.unmatched.push(Unmatched { server: server.to_owned() });
        let Placed { key, success, mac, port_id, .. } = row;
        if mac.is_none_or(|mac| matcher.has(mac)) {
            self.strays.add(Stray { server: server.to_owned(), denied, mac, port_id, key, success });
        }
    }

    fn take(&mut self, row: Placed, duplicates: &HashMap<MacAddress, Arc<str>>, policy: &Policy<'_>) {
        let Placed { key, success, mac, port_id, node, candidates, nic } = row;
        let duplicate = mac.and_then(|mac| duplicates.get(&mac));
        let nic = match (nic, duplicate) {
            (Ok(_), Some(message)) => Err(Explanation::new(Reason::DuplicateMacAddress, Arc::clone(message))),
            (nic, _) => nic,
        };
        let nic = match (nic, &node) {
            (Ok((nic, columns)), Some(node)) => self.route(nic, &columns, node, policy).map(Some),
            // A usable row has a node, or an ambiguity that made it unusable.
            (Ok(_), None) => Ok(None),
            (Err(fault), _) => Err(fault),
        };
        let wanted = match (nic, node) {
            (Ok(Some(nic)), Some(node)) => {
                let identity = (Name::clone(&node), nic.mac);
                self.wanted.entry(node).or_default().push(nic);
                Some(identity)
            }
            (Err(fault), node) => {
                self.rejected.push(Rejection { node, port_id, mac, fault, candidates });
                None
            }
            (Ok(_), _) => None,
        };
        self.marks.extend(key.map(|key| Mark { key, success, nic: wanted }));
    }

    /// The NIC with what others than its row say of it.
    fn route(
        &mut self,
        nic: Nic,
        columns: &Columns,
        node: &Name,
        policy: &Policy<'_>,
    ) -> Result<Nic, Explanation> {
        let said = Said { mac: nic.mac, subnet_id: &nic.subnet_id, address: nic.address, columns };
        let (routing, without) = policy.decide(node, said)?;
        let nic = nic.with(routing)?;
        if !without.is_empty() {
            self.without.entry(Name::clone(node)).or_default().extend(without);
        }
        Ok(nic)
    }
}

/// A row whose Node is known, or cannot be.
struct Placed {
    key: Option<RowKey>,
    success: Option<bool>,
    mac: Option<MacAddress>,
    port_id: Option<String>,
    node: Option<Name>,
    candidates: Option<Several>,
    nic: Result<(Nic, Arc<Columns>), Explanation>,
}

fn ambiguous(server: &NodeRef, nodes: &Several) -> Explanation {
    Explanation::new(
        Reason::AmbiguousNode,
        format!(
            "server {:?} could be any of the Nodes {}; write the full name, or attached_node_id",
            server.label(),
            few(nodes.iter(), nodes.len()),
        ),
    )
}

/// For each MAC address that more than one row has, what to say of it: once, however many rows there are.
fn duplicates(rows: &[Placed]) -> HashMap<MacAddress, Arc<str>> {
    let mut count = HashMap::<MacAddress, usize>::new();
    for mac in rows.iter().filter_map(|row| row.mac) {
        *count.entry(mac).or_default() += 1;
    }
    count.retain(|_, count| *count > 1);

    let mut claims = HashMap::<MacAddress, Vec<(&str, &str)>>::new();
    for row in rows {
        if let Some(mac) = row.mac.filter(|mac| count.contains_key(mac)) {
            let port = row.port_id.as_deref().unwrap_or("(unreadable)");
            let node = row.node.as_deref().unwrap_or("an unknown Node");
            claims.entry(mac).or_default().push((port, node));
        }
    }
    let message = |(mac, mut claims): (MacAddress, Vec<(&str, &str)>)| {
        claims.sort_unstable();
        let total = claims.len();
        let named = claims.iter().take(NAMED).map(|(port, node)| format!("port {port} on {node}"));
        (mac, format!("macaddress {mac} is in {total} rows ({}); keep one", few(named, total)).into())
    };
    claims.into_iter().map(message).collect()
}

#[cfg(test)]
mod tests;
