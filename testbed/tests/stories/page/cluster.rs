//! A cluster of small nodes whose agents have all sorts of trouble, as they would say it.

use anyhow::{Result, ensure};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use multinic_crds::{AGENT_MANAGER, NodeNetworkConfig};
use multinic_testbed::{OpenstackConfig, Port, SOON, World, eventually, kubernetes_node};
use serde_json::{Value, json};

/// What an agent might say of a NIC: state, reason, message.
pub(super) type Said = (&'static str, &'static str, &'static str);

const WELL: Said = ("Configured", "Configured", "");
const DARK: Said = ("Configured", "NoCarrier", "nothing answers at the other end of the cable");
const FOREIGN: Said = ("Refused", "ForeignConfiguration", "/etc/netplan/50-site.yaml configures this NIC");
const FAILED: Said =
    ("Failed", "ApplyFailed", "the kernel says: Operation not permitted; the NIC is as it was");
const MISSING: Said = ("DeviceMissing", "DeviceMissing", "the node has no NIC with this MAC address");
pub(super) const DRY: Said =
    ("Pending", "DryRun", "would rename ens7 to multinic2, set its MTU to 1450, and add 10.20.3.13/24");

/// What the agent of this node says of its NICs.
fn said(node: u8) -> [Said; 3] {
    match node {
        2 => [WELL, WELL, DARK],
        5 => [WELL, FOREIGN, WELL],
        7 => [FAILED, WELL, WELL],
        9 => [WELL, WELL, MISSING],
        3 => [WELL, WELL, DRY],
        _ => [WELL, WELL, WELL],
    }
}

pub(super) const NODES: u8 = 12;

pub(super) fn name(node: u8) -> String {
    format!("worker-{node:02}")
}

pub(super) fn mac(node: u8, nic: u8) -> String {
    format!("fa:16:3e:00:{node:02x}:{nic:02x}")
}

/// A status as the node's agent would write it: real agents are not asked to fail in every way here.
pub(super) fn status(node: u8, generation: Option<i64>) -> Value {
    let now = "2026-11-28T10:00:00Z";
    let interfaces = (1..=3).zip(said(node)).map(|(nic, (state, reason, message))| {
        let link = format!("multinic{}", nic - 1);
        let observed = json!({ "linkName": link, "operState": "up", "mtu": 1450, "addresses": [format!("10.20.{node}.{}/16", 10 + nic)] });
        let mut said = json!({
            "macAddress": mac(node, nic), "name": link, "state": state, "reason": reason, "message": message,
            "lastTransitionTime": now,
        });
        if state != "DeviceMissing" {
            said["observed"] = observed;
        }
        said
    });
    let worst = said(node).into_iter().find(|(state, _, _)| *state != "Configured");
    let reason = match worst {
        None => "Configured",
        Some(("Failed", _, _)) => "InterfaceFailed",
        Some(("Refused", _, _)) => "InterfaceRefused",
        Some((_, reason, _)) => reason,
    };
    let ready = json!({
        "type": "Ready", "status": if worst.is_none() { "True" } else { "False" }, "reason": reason,
        "message": worst.map_or("", |(_, _, message)| message), "lastTransitionTime": now,
        "observedGeneration": generation,
    });
    json!({
        "observedGeneration": generation, "agentVersion": if node == 12 { "0.0.9" } else { "0.1.0" },
        "backend": "netplan", "osImage": "Debian GNU/Linux 12 (bookworm)", "summary": format!("{}/3", said(node).iter().filter(|said| said.0 == "Configured").count()),
        "interfaces": interfaces.collect::<Vec<_>>(), "conditions": [ready],
    })
}

/// A cluster of small nodes that are to have NICs.
pub(super) async fn wanted(world: &World<'_>) -> Result<()> {
    let mut storage = OpenstackConfig::new("storage", "10.20.0.0/16");
    for node in 1..=NODES {
        world.cluster.create_node(&kubernetes_node(&name(node), [192, 0, 2, 100 + node].into())).await?;
        for nic in 1..=3 {
            let port = Port::new(&mac(node, nic), &name(node)).address(&format!("10.20.{node}.{}", 10 + nic));
            storage = storage.with(port.mtu(1450));
        }
    }
    storage = storage.with(Port::new("fa:16:3e:ff:00:01", &name(4)).address("not-an-address"));
    storage = storage.with(Port::new("fa:16:3e:ff:00:02", "elsewhere-1").address("10.20.200.1"));
    world.database.producer().sync(&storage).await
}

/// The agents have all sorts of trouble.
pub(super) async fn said_by_agents(configs: &Api<NodeNetworkConfig>) -> Result<()> {
    for node in 1..=NODES {
        let config = eventually("the object", SOON, async || {
            let config = configs.get(&name(node)).await?;
            ensure!(config.spec.interfaces.len() == 3, "{:?}", config.spec);
            Ok(config)
        })
        .await?;
        let mut generation = config.metadata.generation;
        if node == 3 {
            let dry = Patch::Merge(json!({ "spec": { "mode": "DryRun" } }));
            generation = configs.patch(&name(node), &PatchParams::default(), &dry).await?.metadata.generation;
        }
        let status = json!({
            "apiVersion": "multinic.io/v1alpha1", "kind": "NodeNetworkConfig",
            "status": status(node, generation),
        });
        let parameters = PatchParams::apply(AGENT_MANAGER).force();
        configs.patch_status(&name(node), &parameters, &Patch::Apply(&status)).await?;
    }
    Ok(())
}
