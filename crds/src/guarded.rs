//! Reading objects that may be malformed, without losing what is well-formed in them.
//!
//! The API server validates every write, but an object can be older than the
//! schema. A reader that fails on one field would go blind for the whole list.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, DeserializeOwned},
};
use serde_json::{Value, json};

use crate::{
    Interface, InterfaceState, InterfaceStatus, MacAddress, Mode, NodeNetworkConfig, NodeNetworkConfigStatus,
    ObservedLink,
};

/// A value that was read, or what stood in its place.
#[derive(Clone, Debug, PartialEq)]
pub enum Guarded<T> {
    /// Well-formed.
    Valid(T),
    /// Not a `T`.
    Malformed {
        /// What stood there.
        value: Value,
        /// Why it is not a `T`.
        error: String,
    },
}

impl<T> Guarded<T> {
    /// The value, if it is well-formed.
    pub const fn valid(&self) -> Option<&T> {
        match self {
            Self::Valid(value) => Some(value),
            Self::Malformed { .. } => None,
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Guarded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(match T::deserialize(&value) {
            Ok(valid) => Self::Valid(valid),
            Err(error) => Self::Malformed { error: error.to_string(), value },
        })
    }
}

impl<T: Serialize> Serialize for Guarded<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Valid(value) => value.serialize(serializer),
            Self::Malformed { value, .. } => value.serialize(serializer),
        }
    }
}

/// An interface of a spec, well-formed or not.
pub type GuardedInterface = Guarded<Interface>;

impl GuardedInterface {
    /// The MAC address, which even a malformed entry may show.
    #[must_use]
    pub fn mac_address(&self) -> Option<MacAddress> {
        match self {
            Self::Valid(interface) => Some(interface.mac_address),
            Self::Malformed { value, .. } => value.get("macAddress")?.as_str()?.parse().ok(),
        }
    }
}

/// A [`NodeNetworkConfig`] as readers take it from the API server.
#[derive(kube::Resource, Clone, Debug, Serialize, Deserialize)]
#[resource(inherit = NodeNetworkConfig)]
pub struct GuardedConfig {
    /// Name, generation, owner.
    pub metadata: ObjectMeta,
    /// What the node should have.
    #[serde(default)]
    pub spec: GuardedSpec,
    /// What it has.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "legible")]
    pub status: Option<Guarded<NodeNetworkConfigStatus>>,
}

/// The annotation by which an object says what becomes of NICs that the agent has and it does not list.
pub const UNLISTED: &str = "multinic.io/unlisted";
/// They stay: the object is new, and the operator cannot know yet what an earlier one asked for.
pub const KEEP: &str = "keep";
/// The annotation by which a person confirms removals, with the token that the condition `Synced` names.
pub const CONFIRM_REMOVAL: &str = "multinic.io/confirm-removal";

/// The annotation by which a person has an agent try NICs again that it has given up: any value that it has not had.
pub const RETRY: &str = "multinic.io/retry";

impl GuardedConfig {
    /// What a person last wrote to have NICs tried again.
    #[must_use]
    pub fn retry(&self) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(RETRY).map(String::as_str)
    }

    /// Whether NICs that it does not list are kept all the same.
    #[must_use]
    pub fn keeps_unlisted(&self) -> bool {
        self.metadata
            .annotations
            .as_ref()
            .is_some_and(|all| all.get(UNLISTED).is_some_and(|value| value == KEEP))
    }

    /// The status, if there is one and it is well-formed.
    #[must_use]
    pub fn status(&self) -> Option<&NodeNetworkConfigStatus> {
        self.status.as_ref().and_then(Guarded::valid)
    }
}

/// The status without what cannot be read, so that one word of a newer agent does not hide the rest.
fn legible<'de, D>(deserializer: D) -> Result<Option<Guarded<NodeNetworkConfigStatus>>, D::Error>
where
    D: Deserializer<'de>,
{
    let Some(mut value) = Option::<Value>::deserialize(deserializer)? else { return Ok(None) };
    if let Value::Object(fields) = &mut value {
        if let Some(Value::Array(entries)) = fields.get_mut("interfaces") {
            entries.iter_mut().for_each(make_legible);
            entries.retain(is::<InterfaceStatus>);
        }
        if let Some(Value::Array(conditions)) = fields.get_mut("conditions") {
            conditions.retain(is::<Condition>);
        }
        fields.retain(|name, field| is::<NodeNetworkConfigStatus>(&json!({ name: field })));
    }
    Guarded::deserialize(value).map(Some).map_err(de::Error::custom)
}

fn is<T: DeserializeOwned>(value: &Value) -> bool {
    T::deserialize(value).is_ok()
}

/// Keeps of a NIC that cannot be read whole which one it is and what it is called. Its state proves nothing then.
fn make_legible(entry: &mut Value) {
    if is::<InterfaceStatus>(entry) {
        return;
    }
    let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    let observed = entry.get("observed").filter(|observed| is::<ObservedLink>(observed));
    // Not `DeviceMissing` or the like, of which something might follow.
    let state = InterfaceState::Pending;
    if entry.get("macAddress").is_some_and(Value::is_string) {
        *entry = json!({
            "macAddress": text("macAddress"), "name": text("name"), "portId": text("portId"),
            "state": state, "reason": text("reason"), "message": text("message"), "observed": observed,
        });
    }
}

/// A [`crate::NodeNetworkConfigSpec`] whose entries are guarded one by one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GuardedSpec {
    /// The wanted NICs.
    #[serde(default)]
    pub interfaces: Vec<GuardedInterface>,
    /// What the agent may do; absent means [`Mode::Enforce`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Guarded<Mode>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_malformed_interface_leaves_the_others_readable() {
        let spec: GuardedSpec = serde_json::from_value(json!({ "interfaces": [
            { "macAddress": "fa:16:3e:00:00:01", "name": "multinic0" },
            { "macAddress": "fa:16:3e:00:00:02", "name": "eth0" },
            { "macAddress": 7 },
        ]}))
        .unwrap();

        let valid: Vec<_> = spec.interfaces.iter().map(|i| i.valid().is_some()).collect();
        let macs: Vec<_> = spec.interfaces.iter().map(|i| i.mac_address().map(|m| m.to_string())).collect();
        assert_eq!(valid, [true, false, false]);
        assert_eq!(macs, [Some("fa:16:3e:00:00:01".to_owned()), Some("fa:16:3e:00:00:02".to_owned()), None]);
        let Guarded::Malformed { error, .. } = &spec.interfaces[1] else { panic!("{spec:?}") };
        assert!(error.contains("\"eth0\" is not a managed interface name"), "{error}");
    }

    #[test]
    fn one_unknown_word_in_a_status_hides_neither_its_nic_nor_anything_else() {
        let nic = |mac: &str, name: &str, state: Value| json!({ "macAddress": mac, "name": name, "state": state, "reason": "R" });
        let synced = json!({
            "type": "Synced", "status": "True", "reason": "Synced", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        let config: GuardedConfig = serde_json::from_value(json!({ "metadata": { "name": "a" }, "status": {
            "observedGeneration": 3, "bootId": "b", "appliedGeneration": "three",
            "interfaces": [
                nic("fa:16:3e:00:00:01", "multinic0", json!("Configured")),
                nic("fa:16:3e:00:00:02", "multinic1", json!("Quarantined")),
                { "name": 7 },
                "what",
            ],
            "conditions": [{ "type": 1 }, synced],
        }}))
        .unwrap();
        let status = config.status().unwrap();
        assert_eq!((status.observed_generation, status.applied_generation), (Some(3), None));
        assert_eq!(status.boot_id, "b");
        let nics: Vec<_> = status.interfaces.iter().map(|nic| (&*nic.name, nic.state)).collect();
        assert_eq!(nics, [("multinic0", InterfaceState::Configured), ("multinic1", InterfaceState::Pending)]);
        let conditions: Vec<_> = status.conditions.iter().map(|one| &*one.type_).collect();
        assert_eq!(conditions, ["Synced"]);
    }
}
