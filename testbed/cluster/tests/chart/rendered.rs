//! The chart, as helm renders it alone.

use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use multinic_testbed_cluster::setup;
use serde_json::Value;

use super::{CHART, NEWEST, REQUIRED};

pub(super) fn helm(arguments: &[&str], sets: &[&str]) -> Result<Output> {
    run("helm", arguments, sets)
}

/// Runs Helm 3 (`helm`) or Helm 4 (`helm4`).
pub(super) fn run(program: &str, arguments: &[&str], sets: &[&str]) -> Result<Output> {
    let mut command = Command::new(setup::ensure()?.binaries.join(program));
    command.args(arguments);
    for set in sets {
        command.args(["--set", set]);
    }
    command.output().context("cannot run helm")
}

pub(super) fn template(kubernetes: &str, arguments: &[&str], sets: &[&str]) -> Result<Output> {
    let template = ["template", "an-odd-name", CHART, "--namespace", "of-ours", "--kube-version", kubernetes];
    helm(&[&template, arguments].concat(), sets)
}

/// The rendered objects.
pub(super) struct Rendered(pub(super) Vec<Value>);

impl Rendered {
    pub(super) fn of(kubernetes: &str, sets: &[&str]) -> Result<Self> {
        Self::with(kubernetes, &[], &[&REQUIRED, sets].concat())
    }

    pub(super) fn with(kubernetes: &str, arguments: &[&str], sets: &[&str]) -> Result<Self> {
        Self::parse(template(kubernetes, arguments, sets)?)
    }

    pub(super) fn parse(output: Output) -> Result<Self> {
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout)?;
        let documents = text.split("\n---\n").map(|document| document.trim_start_matches("---\n"));
        let objects = documents.map(serde_saphyr::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(objects.into_iter().filter(|object| !object.is_null()).collect()))
    }

    pub(super) fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        self.0.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }

    pub(super) fn get(&self, kind: &str, name: &str) -> &Value {
        self.find(kind, name).unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    pub(super) fn pod(&self, kind: &str, name: &str) -> &Value {
        &self.get(kind, name)["spec"]["template"]["spec"]
    }

    pub(super) fn container(&self, kind: &str, name: &str) -> &Value {
        &self.pod(kind, name)["containers"][0]
    }
}

/// An environment variable of a container.
pub(super) fn variable<'a>(container: &'a Value, name: &str) -> &'a Value {
    let variables = container["env"].as_array().unwrap();
    variables.iter().find(|variable| variable["name"] == name).unwrap_or(&Value::Null)
}

pub(super) fn refusal(sets: &[&str]) -> String {
    let output = template(NEWEST, &[], &[&REQUIRED, sets].concat()).unwrap();
    assert!(!output.status.success(), "{sets:?} is taken");
    String::from_utf8(output.stderr).unwrap()
}
