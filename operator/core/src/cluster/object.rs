//! A `NodeNetworkConfig`, as far as planning and mirroring need it.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use multinic_crds::{
    CONFIRM_REMOVAL, ConditionType, Guarded, GuardedConfig, GuardedInterface, InterfaceName, InterfaceState,
    InterfaceStatus, MacAddress, Mode, NodeNetworkConfigStatus, Reason,
};

use super::{Facts, Index, Name, Node};

/// The facts of an object that matter here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    /// Its own uid, by which Events are found.
    pub uid: String,
    /// The uid of the Node that owns it.
    pub owner: Option<String>,
    /// Counts the changes of the spec.
    pub generation: i64,
    /// The wanted NICs, in the order of [`sort`].
    pub interfaces: Vec<GuardedInterface>,
    /// The generation that the agent speaks of.
    pub observed_generation: Option<i64>,
    /// What people allow the agent.
    pub mode: Mode,
    /// Whether the agent keeps what an earlier object gave it and this one does not list.
    pub keeps_unlisted: bool,
    /// The removals that a person confirmed, by what the condition asked for.
    pub confirmation: Option<String>,
    /// What the agent says of each NIC.
    pub reported: Vec<Reported>,
    /// The boot in which it said so, if it told.
    pub boot_id: String,
    /// Its version; empty where no agent was there yet.
    pub agent_version: String,
    /// Whether everything is as wanted on the node, as it says.
    pub ready: Option<Told>,
    /// Whether the Node's addresses include one of a NIC of ours, as it says.
    pub node_address_leaked: Option<Told>,
    /// The condition that this operator wrote last.
    pub synced: Option<Condition>,
}

/// What a condition says, without its message: thousands of those would be kept for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether it holds.
    pub holds: bool,
    /// Why, where that is a word of ours.
    pub reason: Option<Reason>,
    /// Since when it holds, or does not.
    pub since: Timestamp,
}

/// What the agent says of one NIC, without its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Which NIC.
    pub mac: MacAddress,
    /// Where it is on its way.
    pub state: InterfaceState,
    /// Why, where that is a word of ours.
    pub reason: Option<Reason>,
    /// When its state last changed.
    pub last_transition_time: Option<Timestamp>,
    /// What its link is called now, if that is a name of ours.
    pub link: Option<InterfaceName>,
    /// What it should be called, or was.
    pub name: Option<InterfaceName>,
}

impl Object {
    /// Whether the agent says that something keeps it from its work on the whole host, its look at the NICs perhaps.
    #[must_use]
    pub fn has_obstacle(&self) -> bool {
        self.ready.is_some_and(|ready| !ready.holds && ready.reason.is_some_and(Reason::is_obstacle))
    }

    /// Whether removals wait for a person, by what the condition says.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.synced.as_ref().is_some_and(|synced| synced.reason == Reason::ShrinkGuard.as_str())
    }

    /// Whether what the agent says is of this object as it is now, and of the boot that `node` is in.
    #[must_use]
    pub fn is_reported_on(&self, node: &Node) -> bool {
        self.observed_generation == Some(self.generation) && node.upholds(&self.boot_id)
    }

    /// What the agent says of the NIC with this MAC address.
    #[must_use]
    pub fn reported(&self, mac: MacAddress) -> Option<&Reported> {
        self.reported.iter().find(|reported| reported.mac == mac)
    }

    /// Whether the spec has an entry, well-formed or not, with this MAC address.
    #[must_use]
    pub fn has(&self, mac: MacAddress) -> bool {
        self.interfaces.iter().any(|interface| interface.mac_address() == Some(mac))
    }

    /// The well-formed entry of the spec with this MAC address.
    #[must_use]
    pub fn interface(&self, mac: MacAddress) -> Option<&multinic_crds::Interface> {
        self.interfaces.iter().filter_map(Guarded::valid).find(|interface| interface.mac_address == mac)
    }
}

impl Facts for Object {
    /// What an agent says of the NICs that are wanted is for the mirror alone. Others it speaks of may have slots.
    fn plans_like(&self, next: &Self) -> bool {
        let unlisted = |object: &Self| {
            let unlisted = object.reported.iter().filter(|nic| !object.has(nic.mac));
            unlisted.map(|nic| (nic.mac, nic.link, nic.name)).collect::<Vec<_>>()
        };
        let wanted = |object: &Self| Self {
            observed_generation: None,
            reported: Vec::new(),
            boot_id: String::new(),
            agent_version: String::new(),
            ready: None,
            node_address_leaked: None,
            ..object.clone()
        };
        self.generation == next.generation && unlisted(self) == unlisted(next) && wanted(self) == wanted(next)
    }
}

impl Index<Object> {
    /// The object of `node`, which has this name, as it is, or as it was until somebody deleted it: its NICs are still on
    /// the node.
    #[must_use]
    pub fn upheld(&self, name: &str, node: &Node) -> Option<&Object> {
        let of_this_node = |last: &&Object| last.owner.as_ref() == Some(&node.uid);
        self.get(name).or_else(|| self.last_known(name).filter(of_this_node))
    }
}

/// The Nodes that have NICs, or are to have some, and that no agent speaks of as they are now.
pub fn unreported<'a>(nodes: &'a Index<Node>, objects: &'a Index<Object>) -> impl Iterator<Item = &'a Name> {
    let has_nics = |object: &Object| !object.interfaces.is_empty() || !object.reported.is_empty();
    objects.iter().filter_map(move |(name, object)| {
        let node = nodes.get(name)?;
        (has_nics(object) && !object.is_reported_on(node)).then_some(name)
    })
}

impl From<GuardedConfig> for Object {
    fn from(config: GuardedConfig) -> Self {
        let keeps_unlisted = config.keeps_unlisted();
        let GuardedConfig { metadata, spec, status } = config;
        let mode = match spec.mode {
            None => Mode::Enforce,
            Some(Guarded::Valid(mode)) => mode,
            // As the agent takes it.
            Some(Guarded::Malformed { .. }) => Mode::Paused,
        };
        let owners = metadata.owner_references.unwrap_or_default();
        let mut interfaces = spec.interfaces;
        sort(&mut interfaces);
        let status = match status {
            Some(Guarded::Valid(status)) => status,
            _ => NodeNetworkConfigStatus::default(),
        };
        Self {
            uid: metadata.uid.unwrap_or_default(),
            owner: owners.into_iter().find(|owner| owner.kind == "Node").map(|owner| owner.uid),
            generation: metadata.generation.unwrap_or_default(),
            interfaces,
            mode,
            keeps_unlisted,
            confirmation: metadata.annotations.and_then(|mut all| all.remove(CONFIRM_REMOVAL)),
            observed_generation: status.observed_generation,
            boot_id: status.boot_id,
            agent_version: status.agent_version,
            ready: told(&status.conditions, ConditionType::Ready),
            node_address_leaked: told(&status.conditions, ConditionType::NodeAddressLeaked),
            reported: status.interfaces.into_iter().filter_map(reported).collect(),
            synced: ConditionType::Synced.of(&status.conditions).cloned(),
        }
    }
}

fn told(conditions: &[Condition], kind: ConditionType) -> Option<Told> {
    let condition = kind.of(conditions)?;
    Some(Told {
        holds: condition.status == "True",
        reason: Reason::named(&condition.reason),
        since: condition.last_transition_time.0,
    })
}

fn reported(status: InterfaceStatus) -> Option<Reported> {
    Some(Reported {
        mac: status.mac_address.parse().ok()?,
        state: status.state,
        reason: Reason::named(&status.reason),
        last_transition_time: status.last_transition_time.map(|time| time.0),
        link: status.observed.and_then(|observed| observed.link_name.parse().ok()),
        name: status.name.parse().ok(),
    })
}

/// The slot that an entry of a spec holds, also when the rest of the entry is malformed.
#[must_use]
pub fn slot_of(interface: &GuardedInterface) -> Option<InterfaceName> {
    match interface {
        Guarded::Valid(interface) => Some(interface.name),
        Guarded::Malformed { value, .. } => value.get("name")?.as_str()?.parse().ok(),
    }
}

/// Puts entries into the one order in which specs are compared and written: by slot, then MAC address.
pub fn sort(interfaces: &mut [GuardedInterface]) {
    interfaces.sort_by_key(|interface| {
        let slot = slot_of(interface);
        (slot.is_none(), slot, interface.mac_address())
    });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        cluster::WatchedNode,
        fixtures::{mac, nodes, object},
    };

    #[test]
    fn what_an_agent_says_of_wanted_nics_asks_for_no_plan_and_everything_else_does() {
        let object = |generation: i64, said: Value| Object::from(object("a", generation, &[(1, 0)], said));
        let nic = |last: u8, state: &str| {
            let name = crate::fixtures::slot(usize::from(last));
            json!({ "macAddress": mac(last), "name": name, "state": state, "reason": "Because" })
        };
        let before = object(2, json!({ "observedGeneration": 1 }));
        for like in [
            json!({ "observedGeneration": 2, "bootId": "b", "agentVersion": "1" }),
            json!({ "observedGeneration": 2, "interfaces": [nic(1, "Configured")] }),
        ] {
            assert!(before.plans_like(&object(2, like.clone())), "{like}");
        }
        assert!(!before.plans_like(&object(3, json!({ "observedGeneration": 1 }))));
        assert!(!before.plans_like(&object(2, json!({ "interfaces": [nic(2, "Removing")] }))));
        let confirmed = Object { confirmation: Some("x".to_owned()), ..before.clone() };
        assert!(!before.plans_like(&confirmed));
    }

    #[test]
    fn a_node_is_unreported_until_an_agent_speaks_of_its_object_as_it_is_now_in_this_boot() {
        let mut nodes = nodes(&["a", "b", "c", "d"]);
        let rebooted = json!({
            "metadata": { "name": "e", "uid": "uid-e" }, "status": { "nodeInfo": { "bootID": "second" } },
        });
        nodes.record(serde_json::from_value::<WatchedNode>(rebooted).unwrap());
        let mut objects = Index::<Object>::default();
        for config in [
            object("a", 2, &[(1, 0)], json!({ "observedGeneration": 2 })),
            object("b", 2, &[(2, 0)], json!({ "observedGeneration": 1 })),
            object("c", 1, &[(3, 0)], Value::Null),
            // Perhaps none of its NICs is for multinic, and so it has no agent.
            object("d", 1, &[], Value::Null),
            object("e", 1, &[(5, 0)], json!({ "observedGeneration": 1, "bootId": "first" })),
            object("no-node-any-more", 1, &[(6, 0)], Value::Null),
        ] {
            objects.record(config);
        }
        let names: Vec<_> = unreported(&nodes, &objects).map(|name| &**name).collect();
        assert_eq!(names, ["b", "c", "e"]);
    }
}
