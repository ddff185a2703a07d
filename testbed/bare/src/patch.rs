//! Two PATCH calls for each of many objects, as many at a time as the operator makes.

use std::time::Instant;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Config,
    api::{Patch, PatchParams},
};
use multinic_crds::{ConditionType, NodeNetworkConfig, OPERATOR_MANAGER, Reason, condition};
use multinic_runtime::api;
use serde_json::json;

const CONCURRENCY: usize = 8;
const KIND: &str = "NodeNetworkConfig";
const VERSION: &str = "multinic.io/v1alpha1";

/// Of so many objects with so many NICs each. They are made, and told to be synced.
pub(crate) async fn calls_per_second(objects: u32, nics: u32) -> Result<f64> {
    let configs = Api::<NodeNetworkConfig>::all(api::client(Config::infer().await?)?);
    let began = Instant::now();
    stream::iter(0..objects)
        .map(|object| write(&configs, object, nics))
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    Ok(f64::from(2 * objects) / began.elapsed().as_secs_f64())
}

async fn write(configs: &Api<NodeNetworkConfig>, object: u32, nics: u32) -> Result<()> {
    let name = format!("bare-{object:05}");
    let params = PatchParams::apply(OPERATOR_MANAGER).force();
    let nic = |nic: u32| {
        let number = object * nics + nic;
        let [_, first, second, third] = number.to_be_bytes();
        json!({
            "macAddress": format!("fa:16:3f:{first:02x}:{second:02x}:{third:02x}"),
            "name": format!("multinic{nic}"),
            "portId": format!("{number:08x}-6a1c-4f0e-9d0b-0a4c1d1e2f30"),
            "subnetId": "6f1c0ab2-3d5e-4a41-9c55-0f6f2b1d7e10",
            "addresses": [format!("10.{first}.{second}.{third}/8")],
        })
    };
    let interfaces: Vec<_> = (0..nics).map(nic).collect();
    let spec = json!({
        "apiVersion": VERSION, "kind": KIND, "metadata": { "name": name }, "spec": { "interfaces": interfaces },
    });
    let made = configs.patch(&name, &params, &Patch::Apply(spec)).await?;
    let generation = made.metadata.generation.unwrap_or_default();
    let message = "the spec equals the table";
    let synced =
        condition(ConditionType::Synced, true, Reason::Synced, message, generation, Timestamp::now());
    let status = json!({
        "apiVersion": VERSION, "kind": KIND, "metadata": { "name": name }, "status": { "conditions": [synced] },
    });
    configs.patch_status(&name, &params, &Patch::Apply(status)).await?;
    Ok(())
}
