//! One row of the status table: what an agent says of one NIC.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

use multinic_crds::{
    Guarded, GuardedConfig, InterfaceStatus, MacAddress, NodeNetworkConfigStatus, ObservedLink, UnclaimedLink,
};

use crate::cluster::Name;

/// The state, and the reason, of a NIC that no row asks for.
pub const UNCLAIMED: &str = "Unclaimed";
const UNCLAIMED_MESSAGE: &str =
    "no row asks for this NIC: insert one, or detach the port from the server if nobody needs it";
/// The operational states (RFC 2863) of a link that has a carrier, or is of a kind that does not say.
const WITH_CARRIER: [&str; 3] = ["up", "dormant", "unknown"];

/// By what a row is found: the key of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// `node_name`.
    pub node: Name,
    /// `macaddress`.
    pub mac: String,
}

/// The rest of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the columns of the table, which docs/status-table.md describes")]
pub struct Entry {
    pub port_id: Option<String>,
    pub link_name: Option<String>,
    pub state: String,
    pub reason: String,
    pub message: String,
    pub addresses: Option<String>,
    pub mtu: Option<u32>,
    pub carrier: Option<bool>,
    pub generation: Option<i64>,
}

impl Entry {
    /// Tells apart what differs, while this process lives.
    #[must_use]
    pub(super) fn digest(&self) -> u64 {
        BuildHasherDefault::<DefaultHasher>::default().hash_one(self)
    }

    fn reported(nic: InterfaceStatus, generation: Option<i64>) -> Self {
        let observed = nic.observed;
        let carrier = |link: &ObservedLink| WITH_CARRIER.contains(&link.oper_state.as_str());
        Self {
            port_id: Some(nic.port_id).filter(|port| !port.is_empty()),
            carrier: observed.as_ref().map(carrier),
            mtu: observed.as_ref().map(|link| link.mtu),
            addresses: observed.as_ref().map(|link| link.addresses.join(",")),
            link_name: observed.map(|link| link.link_name),
            // The words of the API.
            state: format!("{:?}", nic.state),
            reason: nic.reason,
            message: nic.message,
            generation,
        }
    }

    fn unclaimed(link: UnclaimedLink, generation: Option<i64>) -> Self {
        Self {
            link_name: Some(link.link_name),
            // Of a NIC that is down the kernel does not know.
            carrier: link.up.then_some(link.carrier),
            state: UNCLAIMED.to_owned(),
            reason: UNCLAIMED.to_owned(),
            message: UNCLAIMED_MESSAGE.to_owned(),
            generation,
            ..Self::default()
        }
    }
}

/// The rows of a Node, by MAC address, as its object says.
pub(super) fn entries(config: GuardedConfig) -> BTreeMap<String, Entry> {
    let Some(Guarded::Valid(status)) = config.status else { return BTreeMap::new() };
    let NodeNetworkConfigStatus { observed_generation: generation, interfaces, unclaimed, .. } = status;
    let unclaimed =
        unclaimed.into_iter().map(|link| (link.mac_address.clone(), Entry::unclaimed(link, generation)));
    let reported =
        interfaces.into_iter().map(|nic| (nic.mac_address.clone(), Entry::reported(nic, generation)));
    unclaimed
        .chain(reported)
        .filter_map(|(mac, entry)| Some((mac.parse::<MacAddress>().ok()?.to_string(), entry)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::{mac, object};

    fn of(status: serde_json::Value) -> Vec<(String, Entry)> {
        entries(object("a", 3, &[], status)).into_iter().collect()
    }

    #[test]
    fn a_row_says_what_the_agent_says_of_the_nic_and_what_the_kernel_shows() {
        let observed = json!({ "linkName": "multinic0", "operState": "lowerlayerdown", "mtu": 1450,
            "addresses": ["10.20.0.5/24", "2001:db8::5/64"] });
        let nic = json!({ "macAddress": mac(1), "name": "multinic0", "portId": "p1", "state": "Configured",
            "reason": "NoCarrier", "message": "look", "observed": observed });
        let missing = json!({ "macAddress": mac(2), "name": "multinic1", "state": "DeviceMissing",
            "reason": "DeviceMissing" });
        let rows = of(json!({ "observedGeneration": 3, "interfaces": [missing, nic] }));
        let first = Entry {
            port_id: Some("p1".to_owned()),
            link_name: Some("multinic0".to_owned()),
            state: "Configured".to_owned(),
            reason: "NoCarrier".to_owned(),
            message: "look".to_owned(),
            addresses: Some("10.20.0.5/24,2001:db8::5/64".to_owned()),
            mtu: Some(1450),
            carrier: Some(false),
            generation: Some(3),
        };
        let second = Entry {
            state: "DeviceMissing".to_owned(),
            reason: "DeviceMissing".to_owned(),
            generation: Some(3),
            ..Entry::default()
        };
        assert_eq!(rows, [(mac(1).to_string(), first), (mac(2).to_string(), second)]);
    }

    #[test]
    fn a_nic_that_no_row_asks_for_has_a_row_of_its_own_and_no_carrier_while_it_is_down() {
        let link = |last: u8, up: bool| json!({ "macAddress": mac(last), "linkName": "ens7", "up": up, "carrier": up });
        let rows = of(json!({ "unclaimed": [link(1, false), link(2, true)] }));
        let said: Vec<_> = rows.iter().map(|(_, row)| (row.state.as_str(), row.carrier)).collect();
        assert_eq!(said, [(UNCLAIMED, None), (UNCLAIMED, Some(true))]);
        assert_eq!(rows[0].1.link_name, Some("ens7".to_owned()));
    }

    #[test]
    fn what_is_no_mac_address_has_no_row() {
        let nic = json!({ "macAddress": "x", "name": "multinic0", "state": "Failed", "reason": "Because" });
        assert_eq!(of(json!({ "interfaces": [nic] })), []);
        assert_eq!(of(serde_json::Value::Null), []);
    }
}
