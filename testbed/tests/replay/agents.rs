//! Stands in for the agents of all Nodes: takes every object for done at once, and reports it.
//!
//! As an agent does, it keeps what an object does not list while that is marked as incomplete.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};
use multinic_crds::{KEEP, NodeNetworkConfig, UNLISTED};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::meant::{Nic, Nics};

/// All that each node was told, in order of time.
type Told = BTreeMap<String, Vec<Nics>>;

/// The agents of all Nodes.
pub(crate) struct Agents {
    told: Arc<Mutex<Told>>,
    task: JoinHandle<()>,
}

impl Drop for Agents {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Agents {
    pub(crate) fn start(client: Client) -> Self {
        let told = Arc::new(Mutex::new(Told::new()));
        let task = tokio::spawn(work(Api::all(client), Arc::clone(&told)));
        Self { told, task }
    }

    /// What each node was told so far.
    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each node has now.
    pub(crate) fn have(&self) -> BTreeMap<String, Nics> {
        let told = self.told();
        told.iter().filter_map(|(node, told)| Some((node.clone(), told.last()?.clone()))).collect()
    }
}

async fn work(objects: Api<NodeNetworkConfig>, told: Arc<Mutex<Told>>) {
    let mut events = pin!(watcher(objects.clone(), watcher::Config::default()));
    while let Some(event) = events.next().await {
        // After an error the watcher lists anew.
        let Ok(Event::Apply(object) | Event::InitApply(object)) = event else { continue };
        let nics = take(&object, &mut told.lock().unwrap_or_else(PoisonError::into_inner));
        let reported = object.status.as_ref().and_then(|status| status.observed_generation);
        if reported != object.metadata.generation {
            report(&objects, &object, &nics).await;
        }
    }
}

/// What the node has from now on.
fn take(object: &NodeNetworkConfig, told: &mut Told) -> Nics {
    let told = told.entry(object.name_any()).or_default();
    let mut nics = Nics::new();
    for wanted in &object.spec.interfaces {
        nics.insert(wanted.mac_address.to_string(), (wanted.name.to_string(), Nic::from(wanted)));
    }
    let keeps = object.annotations().get(UNLISTED).is_some_and(|value| value == KEEP);
    if let Some(before) = told.last().filter(|_| keeps) {
        for (mac, nic) in before {
            nics.entry(mac.clone()).or_insert_with(|| nic.clone());
        }
    }
    if told.last() != Some(&nics) {
        told.push(nics.clone());
    }
    nics
}

async fn report(objects: &Api<NodeNetworkConfig>, object: &NodeNetworkConfig, nics: &Nics) {
    let is_listed =
        |mac: &String| object.spec.interfaces.iter().any(|wanted| wanted.mac_address.to_string() == *mac);
    let interfaces = nics.iter().map(|(mac, (name, nic))| {
        let (state, reason) =
            if is_listed(mac) { ("Configured", "Configured") } else { ("Pending", "Unlisted") };
        let observed = json!({ "linkName": name, "operState": "up", "mtu": 1500 });
        json!({
            "macAddress": mac, "name": name, "portId": nic.port, "state": state, "reason": reason,
            "observed": observed,
        })
    });
    let generation = object.metadata.generation;
    let status = json!({
        "observedGeneration": generation, "appliedGeneration": generation, "agentVersion": "stands in",
        "interfaces": interfaces.collect::<Vec<_>>(),
    });
    // An object that is gone needs no report, and one that changed meanwhile comes again.
    let _ = objects
        .patch_status(&object.name_any(), &PatchParams::default(), &Patch::Merge(json!({ "status": status })))
        .await;
}
