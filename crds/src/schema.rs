//! The `CustomResourceDefinition`, from the types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use crate::{NodeNetworkConfig, descriptions};

const HEADER: &str = "# Generated from the `crds` crate by `make crds`; do not edit.\n";

/// The definition that the chart ships and the API server enforces.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    let mut crd = NodeNetworkConfig::crd();
    descriptions::for_kubectl(&mut crd);
    crd
}

/// The definition as the YAML file that the chart ships.
pub fn crd_yaml() -> Result<String, serde_saphyr::ser::Error> {
    Ok(format!("{HEADER}{}", serde_saphyr::to_string(&crd())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_ships_the_definition_of_these_types() {
        let shipped = include_str!("../../charts/multinic/files/nodenetworkconfigs.yaml");
        assert!(shipped == crd_yaml().unwrap(), "the shipped definition is stale; run `make crds`");
    }
}
