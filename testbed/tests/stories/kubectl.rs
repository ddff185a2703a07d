//! What people see who have kubectl and nothing else, and what `multinic-operator explain` adds to it.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use multinic_testbed::{Kind, Needs, Port, SOON, Suite, Testbed, World, eventually};
use serde_json::Value;

use crate::pair::{FIRST, two_nodes, two_ports};

/// Of no NIC that any node has.
const NOWHERE: &str = "fa:16:3e:00:00:09";

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("kubectl_alone_shows_waits_for_and_explains_the_objects", Needs::Testbed, alone)
        .tell("explain_tells_what_is_wrong_and_what_to_do_under_both_names", Needs::Testbed, explain)
        .tell("explain_tells_of_nodes_that_nobody_reports_on", Needs::Testbed, silence)
}

async fn alone(bed: &Testbed) -> Result<()> {
    let (world, _nodes) = two_nodes(bed).await?;
    let kubectl = |arguments: &[&str]| world.cluster.kubectl(arguments);
    let met = kubectl(&["wait", "--for=condition=Ready", "nnc", "--all", "--timeout=30s"])?;
    ensure!(met.matches("condition met").count() == 2, "{met}");
    for (arguments, shown) in [
        (&["get", "mnic"][..], &["worker-1", "worker-2", "Configured", "1/1"][..]),
        (&["get", "multinic", "-o", "wide"], &["worker-1", "GENERATION"]),
        (
            &["describe", "nnc", "worker-1"],
            &["Type:", "Ready", "Synced", "Last Transition Time:", "multinic0", FIRST],
        ),
        (
            &["explain", "nnc.spec"],
            &["- `DryRun`: change nothing", "multinic-operator", "enum: Enforce, DryRun, Paused"],
        ),
        (
            &["explain", "nnc.spec.interfaces"],
            &["fa:16:3e:12:34:56", "- `slaac`:", "- `wire`:", "68 to 65535"],
        ),
        (&["explain", "nnc.status.interfaces.state"], &["- `Removing`:", "Refused"]),
        (&["explain", "nnc.status.conditions"], &["- `Ready` (agent):", "- `Synced` (operator):"]),
    ] {
        let printed = kubectl(arguments)?;
        for text in shown {
            ensure!(
                printed.contains(text),
                "no {text:?} in what kubectl {} prints:\n{printed}",
                arguments.join(" ")
            );
        }
    }
    Ok(())
}

async fn explain(bed: &Testbed) -> Result<()> {
    let (world, [first, _second]) = two_nodes(bed).await?;
    let (code, said) = said(&world.operator.explain("multinic-operator", &[], &[])?)?;
    ensure!(
        code == 0 && said.starts_with("All is well. Nodes: 2. NICs configured: 2 of 2."),
        "{code}: {said}"
    );

    let missing = Port::new(NOWHERE, "worker-1").address("10.20.0.9");
    world.database.producer().sync(&two_ports().with(missing)).await?;
    let told = eventually("the missing NIC to be told", SOON, async || {
        let output = world.operator.explain("kubectl-multinic", &["-o", "json"], &[])?;
        let report: Value = serde_json::from_slice(&output.stdout)?;
        let finding = &report["findings"][0];
        ensure!(finding["reason"] == "DeviceMissing", "{report:#}");
        ensure!(output.status.code() == Some(1), "it exits with {:?}", output.status);
        ensure!(report["findings"][1].is_null() && report["nodesWrong"] == 1, "{report:#}");
        Ok(finding.clone())
    })
    .await?;
    assert_eq!((&told["node"], &told["nic"]["macAddress"]), (&"worker-1".into(), &NOWHERE.into()));
    ensure!(
        told["since"].is_string()
            && told["remedy"]
                == "attach the port to this VM, or delete its row; it is configured the moment it appears"
    );

    let (code, said_of_both) = said_by(&world, &["worker-1", "worker-2"])?;
    ensure!(
        code == 1 && said_of_both.starts_with(&format!("worker-1 multinic1 {NOWHERE}: DeviceMissing, for ")),
        "{said_of_both}"
    );
    let (code, said_of_one) = said_by(&world, &["worker-2"])?;
    ensure!(code == 0 && said_of_one.starts_with("All is well. Nodes: 1."), "{code}: {said_of_one}");

    // As a person would, who does what it says.
    first.plug(NOWHERE)?;
    world.configured(&first, NOWHERE).await?;
    eventually("all to be well", SOON, async || {
        let (code, said) = said_by(&world, &[])?;
        ensure!(code == 0, "{code}: {said}");
        Ok(())
    })
    .await
}

async fn silence(bed: &Testbed) -> Result<()> {
    let (world, [first, second]) = two_nodes(bed).await?;
    let third = bed.node("worker-3", Kind::Light).await?;
    world.cluster.create_node(&third.as_kubernetes_node()).await?;
    eventually("the object of a Node without an agent", SOON, async || {
        let (code, said) = said_by(&world, &[])?;
        ensure!(code == 1 && said.starts_with("worker-3: NeverReported\n"), "{code}: {said}");
        Ok(())
    })
    .await?;
    let only_first = format!("kubernetes.io/hostname={}", first.name());
    let (code, said_of_first) = said_by(&world, &["-l", &only_first])?;
    ensure!(code == 0 && said_of_first.contains("Nodes: 1."), "{code}: {said_of_first}");

    second.stop_agent().await?;
    world.set_mode(&second, "Paused")?;
    let (code, said_of_second) = said_by(&world, &["worker-2"])?;
    ensure!(
        code == 1 && said_of_second.starts_with("worker-2: ReportOutdated\n"),
        "{code}: {said_of_second}"
    );

    for (arguments, settings, named) in [
        (&["worker-9"][..], &[][..], "worker-9"),
        (&["-l", "no=such"], &[], "--selector"),
        (&["--context", "elsewhere"], &[], "--context"),
        (&[], &[("KUBECONFIG", "/no/such/file")], "KUBECONFIG"),
    ] {
        let output = world.operator.explain("multinic-operator", arguments, settings)?;
        let complaint = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(2) && complaint.contains(named), "{arguments:?}: {complaint}");
        ensure!(output.stdout.is_empty(), "{arguments:?}");
    }
    Ok(())
}

fn said_by(world: &World<'_>, arguments: &[&str]) -> Result<(i32, String)> {
    said(&world.operator.explain("multinic-operator", arguments, &[])?)
}

fn said(output: &Output) -> Result<(i32, String)> {
    let code = output.status.code().context("it was killed")?;
    Ok((code, String::from_utf8([&*output.stdout, &*output.stderr].concat())?))
}
