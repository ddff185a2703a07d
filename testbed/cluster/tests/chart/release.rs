//! The chart as it is published.

use std::{fs, path::Path, process::Command};

use multinic_crds::NodeNetworkConfig;
use multinic_testbed_cluster::setup;
use serde_json::{Value, json};

use super::{
    CHART, REQUIRED,
    rendered::{Rendered, run},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/release-chart.sh");
const DIGESTS: [&str; 2] = [
    "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
];

/// An annotation for Artifact Hub, which is YAML in a text.
fn annotation(chart: &Value, name: &str) -> Value {
    let text = chart["annotations"][format!("artifacthub.io/{name}")].as_str().unwrap();
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn the_published_chart_runs_the_published_images_and_names_them_by_their_digests() {
    let directory = tempfile::tempdir().unwrap();
    let binaries = setup::ensure().unwrap().binaries;
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    let package = Command::new(SCRIPT)
        .args(["1.2.3-rc.4", "registry.example/of/multinic", DIGESTS[0], DIGESTS[1]])
        .arg(directory.path())
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(package.status.success(), "{}", String::from_utf8_lossy(&package.stderr));
    let archive = directory.path().join("multinic-1.2.3-rc.4.tgz");
    let archive = archive.to_str().unwrap();

    let rendered = Rendered::parse(run("helm", &["template", "ours", archive], &REQUIRED).unwrap()).unwrap();
    for (kind, part) in [("DaemonSet", "agent"), ("Deployment", "operator")] {
        let image = &rendered.container(kind, &format!("multinic-{part}"))["image"];
        assert_eq!(*image, format!("registry.example/of/multinic-{part}:1.2.3-rc.4"));
    }
    let chart = String::from_utf8(run("helm", &["show", "chart", archive], &[]).unwrap().stdout).unwrap();
    let chart: Value = serde_saphyr::from_str(&chart).unwrap();
    assert_eq!((&chart["version"], &chart["appVersion"]), (&json!("1.2.3-rc.4"), &json!("1.2.3-rc.4")));
    assert_eq!(chart["annotations"]["artifacthub.io/prerelease"], "true");
    let image = |part, digest| json!({"name": part, "image": format!("registry.example/of/multinic-{part}:1.2.3-rc.4@{digest}")});
    let images = json!([image("agent", DIGESTS[0]), image("operator", DIGESTS[1])]);
    assert_eq!(annotation(&chart, "images"), images);
}

#[test]
fn artifact_hub_is_told_of_the_crd_as_it_is() {
    let read = |file: &str| -> Value {
        serde_saphyr::from_str(&fs::read_to_string(Path::new(CHART).join(file)).unwrap()).unwrap()
    };
    let (chart, crd) = (read("Chart.yaml"), read("files/nodenetworkconfigs.yaml"));
    let told = annotation(&chart, "crds");
    let told = &told.as_array().unwrap()[..];
    let [told] = told else { panic!("{told:?}") };
    assert_eq!(told["name"], crd["metadata"]["name"]);
    assert_eq!(
        (&told["kind"], &told["version"]),
        (&crd["spec"]["names"]["kind"], &crd["spec"]["versions"][0]["name"])
    );

    let examples = annotation(&chart, "crdsExamples");
    for example in examples.as_array().unwrap() {
        let config: NodeNetworkConfig = serde_json::from_value(example.clone()).unwrap();
        assert!(!config.spec.interfaces.is_empty());
        assert_eq!(serde_json::to_value(&config).unwrap()["spec"], example["spec"], "nothing is ignored");
    }
}
