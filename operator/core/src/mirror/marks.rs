//! What every row said of success at the last reading, small enough to be kept until the next.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use multinic_crds::MacAddress;

use super::{
    proof::proves,
    update::{Update, updates},
};
use crate::{
    cluster::{Index, Name, Node, Object},
    routing::Columns,
    table::RowKey,
};

/// What every usable row said of success, Node by Node.
///
/// Rows that cannot be used are not in it: whatever an agent says, they are no success.
#[derive(Debug, Default)]
pub struct Marks {
    nodes: BTreeMap<Name, Share>,
    /// Values that many rows share.
    pairs: HashSet<Arc<Pair>>,
}

/// The rows of one Node.
#[derive(Debug)]
struct Share {
    /// Of its object, when the rows were compared with it.
    generation: i64,
    rows: Vec<Kept>,
}

/// What is kept of a row.
#[derive(Debug)]
struct Kept {
    mac: MacAddress,
    /// Whether the object asks for what the row asks for.
    asked: bool,
    /// What the row says; `None` is neither yes nor no.
    success: Option<bool>,
    key: Key,
}

/// Two values that many rows have alike.
type Pair = [Option<Box<str>>; 2];

/// A [`RowKey`] in a quarter of the memory.
#[derive(Debug)]
struct Key {
    /// `attached_node_name` and `attached_node_id`.
    server: Arc<Pair>,
    /// `subnet_id` and its `cidr`.
    subnet: Arc<Pair>,
    columns: Option<Arc<Columns>>,
    /// The values that are its own, one after the other.
    text: Box<str>,
    /// Where each ends in the text; none where it is NULL.
    ends: [Option<u16>; OWN],
}

/// The values that a row does not share.
const OWN: usize = 5;

impl Marks {
    /// Takes in a row whose NIC is wanted on `node`, whose object has this `generation`.
    pub(super) fn keep(
        &mut self,
        (node, mac): (Name, MacAddress),
        generation: i64,
        asked: bool,
        success: Option<bool>,
        key: RowKey,
    ) {
        let Some(key) = self.pack(key) else { return };
        let share = self.nodes.entry(node).or_insert_with(|| Share { generation, rows: Vec::new() });
        share.rows.push(Kept { mac, asked, success, key });
    }

    /// The rows of the `named` Nodes whose `netplan_success` is not what the objects prove; they count as written.
    ///
    /// An object of another generation is left to the next reading, and so is a Node that has none. Objects that are not
    /// `watched` may be stale, so they only disprove.
    #[must_use]
    pub fn mirror(
        &mut self,
        named: &BTreeSet<Name>,
        nodes: &Index<Node>,
        objects: &Index<Object>,
        watched: bool,
    ) -> Vec<Update> {
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        for name in named {
            let found = (self.nodes.get_mut(name), nodes.get(name), objects.get(name));
            let (Some(share), Some(node), Some(object)) = found else { continue };
            if object.generation != share.generation {
                continue;
            }
            for row in &mut share.rows {
                let success = row.asked && proves(object, node, row.mac);
                if row.success != Some(success) && (watched || !success) {
                    row.success = Some(success);
                    let keys = if success { &mut yes } else { &mut no };
                    keys.push(row.key.unpack());
                }
            }
        }
        updates(no, yes)
    }

    fn pack(&mut self, key: RowKey) -> Option<Key> {
        let RowKey { port_id, macaddress, node_name, node_id, subnet_id, cidr, columns, address, mtu, id } =
            key;
        let mut text = String::new();
        let mut ends = [None; OWN];
        let own = [Some(port_id), Some(macaddress), address, mtu, id];
        for (value, end) in own.into_iter().zip(&mut ends) {
            if let Some(value) = value {
                text.push_str(&value);
                *end = Some(u16::try_from(text.len()).ok()?);
            }
        }
        let server = self.share([node_name, node_id]);
        let subnet = self.share([subnet_id, cidr]);
        Some(Key { server, subnet, columns, text: text.into(), ends })
    }

    fn share(&mut self, pair: [Option<String>; 2]) -> Arc<Pair> {
        let pair = pair.map(|value| value.map(String::into_boxed_str));
        if let Some(known) = self.pairs.get(&pair) {
            return Arc::clone(known);
        }
        let pair = Arc::new(pair);
        self.pairs.insert(Arc::clone(&pair));
        pair
    }
}

impl Key {
    fn unpack(&self) -> RowKey {
        let mut start = 0;
        let mut own = self.ends.map(|end| {
            let end = usize::from(end?);
            let value = self.text.get(start..end).map(str::to_owned);
            start = end;
            value
        });
        let [port_id, macaddress, address, mtu, id] = &mut own;
        let [node_name, node_id] = owned(&self.server);
        let [subnet_id, cidr] = owned(&self.subnet);
        RowKey {
            port_id: port_id.take().unwrap_or_default(),
            macaddress: macaddress.take().unwrap_or_default(),
            node_name,
            node_id,
            subnet_id,
            cidr,
            columns: self.columns.clone(),
            address: address.take(),
            mtu: mtu.take(),
            id: id.take(),
        }
    }
}

fn owned(pair: &Pair) -> [Option<String>; 2] {
    pair.each_ref().map(|value| value.as_deref().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use multinic_crds::GuardedConfig;
    use serde_json::json;

    use super::*;
    use crate::{
        fixtures::{TestRow, mac, nodes, object, row, snapshot_with},
        mirror::mirror,
    };

    /// An object with two NICs, of which the agent says these states at the object's generation.
    fn config(generation: i64, said: &[&str]) -> GuardedConfig {
        let nic = |(last, state): (u8, &&str)| {
            let name = crate::fixtures::slot(usize::from(last) - 1);
            json!({ "macAddress": mac(last), "name": name, "state": state, "reason": "Because" })
        };
        let interfaces: Vec<_> = (1..).zip(said).map(nic).collect();
        let report = json!({ "observedGeneration": generation, "interfaces": interfaces });
        object("a", generation, &[(1, 0), (2, 1)], report)
    }

    /// The marks of a table of two rows that say what is right, and the objects.
    fn marks(said: &[&str]) -> (Marks, Index<Object>) {
        let mut objects = Index::default();
        objects.record(config(2, said));
        let rows = [row("p1", 1, "a"), TestRow { mtu: "1400", ..row("p2", 2, "a") }];
        let nodes = nodes(&["a"]);
        let mut snapshot = snapshot_with(&rows, &nodes, &objects);
        let (_, marks) = mirror(&mut snapshot, &nodes, &objects, true);
        (marks, objects)
    }

    fn said(marks: &mut Marks, objects: &Index<Object>, watched: bool) -> Vec<(bool, Vec<String>)> {
        let named = ["a".into(), "no-node".into()].into();
        let updates = marks.mirror(&named, &nodes(&["a"]), objects, watched);
        let ports = |update: Update| {
            (update.success, update.keys.into_iter().map(|key| key.port_id).collect::<Vec<_>>())
        };
        updates.into_iter().map(ports).collect()
    }

    #[test]
    fn what_an_agent_says_later_is_carried_to_the_rows_that_were_read_once() {
        let (mut marks, mut objects) = marks(&["Pending", "Pending"]);
        assert_eq!(said(&mut marks, &objects, true), []);
        objects.record(config(2, &["Configured", "Configured"]));
        // The second row asks for another MTU than the object.
        assert_eq!(said(&mut marks, &objects, true), [(true, vec!["p1".to_owned()])]);
        assert_eq!(said(&mut marks, &objects, true), []);
        objects.record(config(2, &["Failed", "Configured"]));
        assert_eq!(said(&mut marks, &objects, true), [(false, vec!["p1".to_owned()])]);
    }

    #[test]
    fn a_spec_that_changed_is_compared_with_its_rows_by_the_next_reading_alone() {
        let (mut marks, mut objects) = marks(&["Pending", "Pending"]);
        objects.record(config(3, &["Configured", "Configured"]));
        assert_eq!(said(&mut marks, &objects, true), []);
    }

    #[test]
    fn objects_that_may_be_stale_only_take_success_away() {
        let (mut marks, mut objects) = marks(&["Pending", "Pending"]);
        objects.record(config(2, &["Configured", "Pending"]));
        assert_eq!(said(&mut marks, &objects, false), []);
        assert_eq!(said(&mut marks, &objects, true), [(true, vec!["p1".to_owned()])]);
        objects.record(config(2, &["Failed", "Pending"]));
        assert_eq!(said(&mut marks, &objects, false), [(false, vec!["p1".to_owned()])]);
    }

    #[test]
    fn a_row_is_found_again_by_all_that_it_was_read_with() {
        let text = |text: &str| Some(text.to_owned());
        let whole = RowKey {
            port_id: "port".to_owned(),
            macaddress: "AA-BB".to_owned(),
            node_name: text("wörker"),
            node_id: text(""),
            subnet_id: text("subnet"),
            cidr: text("10.0.0.0/8"),
            columns: Some(Arc::default()),
            address: text("10.0.0.5"),
            mtu: text("1400"),
            id: text("7"),
        };
        let nulls = RowKey { node_id: None, address: None, id: None, ..whole.clone() };
        for key in [whole, nulls, RowKey::default()] {
            assert_eq!(Marks::default().pack(key.clone()).unwrap().unpack(), key);
        }
    }

    #[test]
    fn a_row_takes_little_memory() {
        assert!(size_of::<Kept>() <= 80, "{} bytes", size_of::<Kept>());
    }
}
