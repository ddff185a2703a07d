//! What Argo CD and Flux make of the chart, as far as it shows without them.

use serde_json::{Value, json};

use super::{
    NEWEST,
    rendered::{Rendered, variable},
};

const PAGE: &str = include_str!("../../../../docs/gitops.md");

/// The manifests on the page, from all its YAML blocks.
fn manifests() -> Vec<Value> {
    let blocks = PAGE.split("```yaml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let documents = blocks.flat_map(|block| block.split("---\n"));
    documents.map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

fn manifest(kind: &str) -> Value {
    manifests().into_iter().find(|manifest| manifest["kind"] == kind).unwrap()
}

#[test]
fn the_examples_of_argo_cd_and_flux_render_and_use_the_secret_that_is_shown() {
    let (application, release) = (manifest("Application"), manifest("HelmRelease"));
    let secret = manifest("ExternalSecret");
    for values in [&application["spec"]["source"]["helm"]["valuesObject"], &release["spec"]["values"]] {
        let file = tempfile::NamedTempFile::new().unwrap();
        // JSON is YAML.
        std::fs::write(file.path(), values.to_string()).unwrap();
        let rendered = Rendered::with(NEWEST, &["--values", file.path().to_str().unwrap()], &[]).unwrap();
        let operator = rendered.container("Deployment", "multinic-operator");
        assert_eq!(variable(operator, "DB_HOST")["value"], "db.example");
        let volume = &rendered.pod("Deployment", "multinic-operator")["volumes"][0]["secret"];
        assert_eq!(volume["secretName"], secret["spec"]["target"]["name"]);
        assert_eq!(volume["items"][0]["key"], secret["spec"]["data"][0]["secretKey"]);
    }
    for manifest in [&application["spec"]["destination"], &release["metadata"], &secret["metadata"]] {
        assert_eq!(manifest["namespace"], "multinic-system");
    }
    assert_eq!(application["metadata"]["name"], application["spec"]["source"]["helm"]["releaseName"]);
}

#[test]
fn admission_policies_leave_nothing_to_the_api_servers_defaults() {
    let rendered = Rendered::of(NEWEST, &[]).unwrap();
    let policies = rendered.0.iter().filter(|object| object["kind"] == "ValidatingAdmissionPolicy");
    let mut seen = 0;
    for policy in policies {
        seen += 1;
        let name = &policy["metadata"]["name"];
        assert_eq!(policy["spec"]["failurePolicy"], "Fail", "{name}");
        let matches = &policy["spec"]["matchConstraints"];
        assert_eq!(matches["matchPolicy"], "Equivalent", "{name}");
        assert_eq!(
            (&matches["namespaceSelector"], &matches["objectSelector"]),
            (&json!({}), &json!({})),
            "{name}"
        );
        for rule in matches["resourceRules"].as_array().unwrap() {
            assert_eq!(rule["scope"], "*", "{name}");
        }
    }
    assert!(seen > 0);
}
