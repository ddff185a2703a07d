//! This node's object as it was last read, for an agent that is started while the API server is away.
//!
//! It is acted upon only by the node that it was read on: under the same name, on a machine that has one of the links that
//! the node lived by. A copy of the node's disk in another machine has neither, or only the name.

use std::{collections::BTreeSet, net::IpAddr};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use multinic_crds::{GuardedConfig, MacAddress, RETRY, UNLISTED};
use serde::{Deserialize, Serialize, de::Error};

use crate::observed::link::{KernelView, Link};

/// Raised when an agent that knows only an older one must not go by what is written.
const VERSION: u32 = 1;
/// The annotations that agents read.
const READ: [&str; 2] = [UNLISTED, RETRY];

/// An object, with all that has to be known to act upon it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LastObject {
    version: u32,
    /// The MAC addresses of the links that the node lived by.
    lives_by: BTreeSet<MacAddress>,
    api_server: ApiServer,
    object: GuardedConfig,
}

/// Where the API server was, whose route is protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiServer {
    /// Its name, or its address where it has none.
    pub host: String,
    /// What the name stood for.
    pub addresses: BTreeSet<IpAddr>,
}

impl LastObject {
    /// What is remembered of `object`: nothing that only tells how things were.
    #[must_use]
    pub fn new(object: &GuardedConfig, lives_by: BTreeSet<MacAddress>, api_server: ApiServer) -> Self {
        let metadata = &object.metadata;
        let annotations = metadata.annotations.iter().flatten();
        let read = annotations.filter(|(key, _)| READ.contains(&key.as_str()));
        let metadata = ObjectMeta {
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
            generation: metadata.generation,
            annotations: Some(read.map(|(key, value)| (key.clone(), value.clone())).collect()),
            ..ObjectMeta::default()
        };
        let object = GuardedConfig { metadata, spec: object.spec.clone(), status: None };
        Self { version: VERSION, lives_by, api_server, object }
    }

    /// Reads what is on disk; why it cannot be understood, where it cannot.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let last: Self = serde_json::from_str(text)?;
        if last.version == VERSION {
            Ok(last)
        } else {
            Err(Error::custom(format!("its version is {}, and {VERSION} is known", last.version)))
        }
    }

    /// What goes to disk.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Where the API server was.
    #[must_use]
    pub const fn api_server(&self) -> &ApiServer {
        &self.api_server
    }

    /// The object, for the node called `node` as the kernel shows it; why it is none for it, where that is so.
    pub fn of(self, node: &str, view: &KernelView) -> Result<GuardedConfig, String> {
        let named = self.object.metadata.name.as_deref().unwrap_or_default();
        if named != node {
            return Err(format!("it is of the node {named}, and this one is {node}"));
        }
        let mut present = view.links.iter().filter_map(Link::identity);
        if present.any(|mac| self.lives_by.contains(&mac)) {
            Ok(self.object)
        } else {
            let macs: Vec<_> = self.lives_by.iter().map(ToString::to_string).collect();
            Err(format!("it is of a machine with {}, and this one has no such NIC", macs.join(" or ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{parse::desired::Desired, testing::mac};

    const UPLINK: &str = "fa:16:3e:00:00:ee";

    fn object() -> GuardedConfig {
        serde_json::from_value(json!({
            "metadata": {
                "name": "worker-1", "uid": "an object", "generation": 7, "resourceVersion": "1234",
                "annotations": {"multinic.io/unlisted": "keep", "multinic.io/retry": "now", "secret": "of others"},
                "managedFields": [{"manager": "multinic-operator"}],
            },
            "spec": {"mode": "DryRun", "interfaces": [
                {"macAddress": "fa:16:3e:00:00:01", "name": "multinic0", "addresses": ["10.20.0.1/24"], "mtu": 1400},
                {"macAddress": "fa:16:3e:00:00:02", "name": "not a name"},
            ]},
            "status": {"observedGeneration": 7},
        }))
        .unwrap()
    }

    fn last() -> LastObject {
        let addresses = BTreeSet::from(["10.96.0.1".parse().unwrap()]);
        let api_server = ApiServer { host: "kubernetes.default".to_owned(), addresses };
        LastObject::new(&object(), BTreeSet::from([mac(UPLINK)]), api_server)
    }

    fn having(address: &str) -> KernelView {
        KernelView { links: vec![Link::physical(2, "ens3", mac(address))], ..KernelView::default() }
    }

    #[test]
    fn what_is_remembered_asks_for_the_same_and_tells_nothing_else() {
        let text = last().text().unwrap();
        for absent in ["secret", "resourceVersion", "managedFields", "status", "observedGeneration"] {
            assert!(!text.contains(absent), "{text}");
        }
        let remembered = LastObject::parse(&text).unwrap();
        assert_eq!(remembered.api_server(), last().api_server());
        let remembered = remembered.of("worker-1", &having(UPLINK)).unwrap();
        assert_eq!(Desired::parse(&remembered), Desired::parse(&object()));
    }

    #[test]
    fn another_node_and_another_machine_do_not_act_upon_it() {
        let refused = |node: &str, address: &str| last().of(node, &having(address)).unwrap_err();
        assert!(refused("worker-2", UPLINK).contains("worker-1"));
        assert!(refused("worker-1", "fa:16:3e:00:00:01").contains(UPLINK), "its wanted NICs are no proof");
        assert!(last().of("worker-1", &KernelView::default()).is_err());
        let unknown = LastObject { lives_by: BTreeSet::new(), ..last() };
        assert!(unknown.of("worker-1", &having(UPLINK)).is_err(), "nobody knows of which machine it is");
    }

    #[test]
    fn what_a_newer_agent_wrote_or_what_is_damaged_is_not_gone_by() {
        let text = last().text().unwrap();
        let mut more: Value = serde_json::from_str(&text).unwrap();
        more["more"] = true.into();
        for text in [text.replace("\"version\":1", "\"version\":2"), more.to_string(), text[..40].to_owned()]
        {
            LastObject::parse(&text).unwrap_err();
        }
    }
}
