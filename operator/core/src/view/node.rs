//! One Node and its NICs, as a row.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition as KubeCondition, jiff::Timestamp};
use multinic_crds::{Guarded, GuardedInterface, InterfaceName, MacAddress, Mode, Reason};
use serde::Serialize;

use super::words::{reason_number, state_number};
use crate::cluster::{Node, Object, Reported, Told, doubt, slot_of};

/// One Node, with what is missing or as usual left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRow<'a> {
    name: &'a str,
    /// The number of the reason why the agent's word cannot be relied on.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    #[serde(skip_serializing_if = "str::is_empty")]
    agent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    synced: Option<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaked: Option<Condition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nics: Vec<NicRow<'a>>,
}

/// Whether a condition holds (0 or 1), the number of its reason, and since when.
#[derive(Debug, Serialize)]
struct Condition(u8, Option<u8>, i64);

/// One NIC, in a fixed order: MAC address, slot, state, reason, since when, whether the spec asks for it (0 or 1), its
/// addresses in the spec, its Neutron port.
#[derive(Debug, Serialize)]
struct NicRow<'a>(MacAddress, Option<usize>, Option<u8>, Option<u8>, Option<i64>, u8, String, &'a str);

impl<'a> NodeRow<'a> {
    /// The row of what has this name; none where there is nothing.
    #[must_use]
    pub fn new(name: &'a str, node: Option<&'a Node>, object: Option<&'a Object>) -> Option<Self> {
        if node.is_none() && object.is_none() {
            return None;
        }
        let bare = Self {
            name,
            doubt: None,
            mode: None,
            agent: "",
            ready: None,
            synced: None,
            leaked: None,
            nics: Vec::new(),
        };
        Some(match object {
            Some(object) => bare.with(node, object),
            None => Self {
                doubt: node.filter(|node| node.is_down()).map(|_| reason_number(Reason::NodeNotReady)),
                ..bare
            },
        })
    }

    fn with(self, node: Option<&Node>, object: &'a Object) -> Self {
        Self {
            doubt: doubt(node, object).map(reason_number),
            mode: Some(object.mode).filter(|mode| *mode != Mode::Enforce),
            agent: &object.agent_version,
            ready: object.ready.map(condition),
            synced: object.synced.as_ref().map(synced),
            leaked: object.node_address_leaked.filter(|leaked| leaked.holds).map(condition),
            nics: nics(object),
            ..self
        }
    }
}

fn synced(synced: &KubeCondition) -> Condition {
    let reason = Reason::named(&synced.reason);
    let since = synced.last_transition_time.0.as_second();
    Condition(u8::from(synced.status == "True"), reason.map(reason_number), since)
}

fn condition(told: Told) -> Condition {
    Condition(u8::from(told.holds), told.reason.map(reason_number), told.since.as_second())
}

/// What the spec asks for, in its order, then what the agent has besides.
fn nics(object: &Object) -> Vec<NicRow<'_>> {
    let wanted = object.interfaces.iter().filter_map(|entry| {
        let mac = entry.mac_address()?;
        Some(nic(mac, Some(entry), object.reported(mac)))
    });
    let besides = object.reported.iter().filter(|reported| !object.has(reported.mac));
    wanted.chain(besides.map(|reported| nic(reported.mac, None, Some(reported)))).collect()
}

fn nic<'a>(mac: MacAddress, entry: Option<&'a GuardedInterface>, reported: Option<&Reported>) -> NicRow<'a> {
    let interface = entry.and_then(Guarded::valid);
    let slot = entry.and_then(slot_of).or_else(|| reported.and_then(|reported| reported.name));
    let addresses = interface.map(|interface| {
        let addresses: Vec<_> = interface.addresses.iter().map(ToString::to_string).collect();
        addresses.join(" ")
    });
    NicRow(
        mac,
        slot.map(InterfaceName::slot),
        reported.map(|reported| state_number(reported.state)),
        reported.and_then(|reported| reported.reason).map(reason_number),
        reported.and_then(|reported| reported.last_transition_time).map(Timestamp::as_second),
        u8::from(entry.is_some()),
        addresses.unwrap_or_default(),
        interface.map_or("", |interface| &interface.port_id),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        cluster::{Index, WatchedNode},
        fixtures::{mac, nodes, object},
    };

    const SINCE: &str = "2026-01-01T00:00:00Z";
    const SECOND: i64 = 1_767_225_600;

    fn shown(node: Option<&Node>, object: Option<&Object>) -> Option<Value> {
        NodeRow::new("a", node, object).map(|row| serde_json::to_value(row).unwrap())
    }

    #[test]
    fn a_row_has_what_the_spec_asks_for_beside_what_the_agent_says_and_leaves_out_what_is_usual() {
        let nic = |last: u8, state: &str, reason: &str| {
            json!({
                "macAddress": mac(last), "name": "multinic1", "state": state, "reason": reason,
                "message": "never kept", "lastTransitionTime": SINCE,
            })
        };
        let ready = json!({
            "type": "Ready", "status": "False", "reason": "InterfaceFailed", "message": "m",
            "lastTransitionTime": SINCE,
        });
        let status = json!({
            "observedGeneration": 2, "agentVersion": "1.0", "conditions": [ready],
            "interfaces": [nic(2, "Failed", "ApplyFailed"), nic(3, "Removing", "OfANewerAgent")],
        });
        let object = Object::from(object("a", 2, &[(1, 0), (2, 1)], status));
        let nodes = nodes(&["a"]);
        let (failed, apply) = (Reason::InterfaceFailed as u8, Reason::ApplyFailed as u8);
        let row = json!({
            "name": "a", "agent": "1.0", "ready": [0, failed, SECOND],
            "nics": [
                [mac(1), 0, null, null, null, 1, "", "p1"],
                [mac(2), 1, 4, apply, SECOND, 1, "", "p2"],
                [mac(3), 1, 5, null, SECOND, 0, "", ""],
            ],
        });
        assert_eq!(shown(nodes.get("a"), Some(&object)), Some(row));
    }

    #[test]
    fn what_is_not_usual_is_said() {
        let nodes = nodes(&["a"]);
        assert_eq!(shown(None, None), None);
        assert_eq!(shown(nodes.get("a"), None), Some(json!({ "name": "a" })));
        let down = json!({ "metadata": { "name": "a" }, "status": { "conditions": [{ "type": "Ready", "status": "Unknown" }] } });
        let down = Node::from(serde_json::from_value::<WatchedNode>(down).unwrap());
        let row = json!({ "name": "a", "doubt": Reason::NodeNotReady as u8 });
        assert_eq!(shown(Some(&down), None), Some(row));

        let ready = json!({ "type": "Ready", "status": "True", "reason": "Configured", "message": "",
            "lastTransitionTime": SINCE });
        let status = json!({ "observedGeneration": 1, "conditions": [ready] });
        let mut config = object("a", 2, &[], status);
        config.spec = serde_json::from_value(json!({ "interfaces": [], "mode": "DryRun" })).unwrap();
        let row = json!({
            "name": "a", "doubt": Reason::NodeGone as u8, "mode": "DryRun",
            "ready": [1, Reason::Configured as u8, SECOND],
        });
        assert_eq!(shown(Index::<Node>::default().get("a"), Some(&config.into())), Some(row));
    }
}
