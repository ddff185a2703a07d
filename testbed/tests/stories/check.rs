//! What `multinic-operator check` says of a good world, and of others.

use std::fs;

use anyhow::{Context, Result, ensure};
use multinic_testbed::{DATABASE, Kind, Needs, OPERATOR_USER, Suite, Testbed, World};

use crate::{
    pair::{FIRST, SECOND, two_nodes, two_ports},
    witness,
};

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("check_finds_a_good_world_good_and_changes_nothing", Needs::Testbed, good)
        .tell("check_names_the_nodes_whose_agents_are_not_as_they_should_be", Needs::Testbed, agents)
        .tell("check_names_what_the_database_refuses_and_its_remedy_helps", Needs::Testbed, database)
}

async fn good(bed: &Testbed) -> Result<()> {
    let (world, _nodes) = two_nodes(bed).await?;
    let before = (witness::writes(&world)?, world.database.operator_statements().await?.updates);
    // Somebody else's lock on every row is no reason to wait.
    let producing = world.database.producer().begin(&two_ports()).await?;
    let (passed, lines) = check(&world, &[])?;
    ensure!(passed, "{lines:#?}");
    for (line, start) in lines.iter().zip([
        "ok   API server: v1.",
        "ok   definition: ",
        "ok   database: connected as multinic@%",
        "ok   table: multi_interface has addresses and their prefixes",
        "ok   reading: ",
        "ok   writing: ",
        "ok   objects: each of 2 Nodes",
        "ok   reports: ",
        "ok   addresses: ",
        "ok   agents: each of 2 answers",
    ]) {
        ensure!(line.starts_with(start), "{line} is not {start}");
    }
    assert_eq!(lines.len(), 10);
    producing.rollback().await?;
    // The two columns were asked for, and no row has noticed.
    assert_eq!(world.database.operator_statements().await?.updates, before.1 + 2);
    assert_eq!(witness::writes(&world)?, before.0);
    for mac in [FIRST, SECOND] {
        assert_eq!(world.database.producer().success(mac).await?, Some(true));
    }

    for (setting, value) in [("AGENT_PORT", "x"), ("NODE_SELECTOR", "x,"), ("DB_PORT", "x")] {
        let output = world.operator.check(&[(setting, value)])?;
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr)?.to_ascii_lowercase();
        ensure!(said.contains(&setting.replace('_', "-").to_ascii_lowercase()), "{said}");
    }
    Ok(())
}

async fn agents(bed: &Testbed) -> Result<()> {
    let (world, [first, second]) = two_nodes(bed).await?;
    second.stop_agent().await?;
    world.operator.stop().await?;
    let third = bed.node("worker-3", Kind::Light).await?;
    world.cluster.create_node(&third.as_kubernetes_node()).await?;

    let (passed, lines) = check(&world, &[])?;
    ensure!(!passed, "{lines:#?}");
    for (what, named, unnamed) in [
        ("objects", &["worker-3 (1 of 3)"][..], &["worker-1", "worker-2"][..]),
        ("reports", &["worker-3 (1 of 3)"], &["worker-1", "worker-2"]),
        ("agents", &["worker-2 (192.0.2.", "worker-3 (192.0.2.", "(2 of 3)"], &["worker-1"]),
    ] {
        let line = failure(&lines, what)?;
        ensure!(named.iter().all(|name| line.contains(name)), "{line}");
        ensure!(!unnamed.iter().any(|name| line.contains(name)), "{line}");
    }
    assert_eq!(lines.iter().filter(|line| line.starts_with("FAILED ")).count(), 3);

    let only_first = format!("kubernetes.io/hostname={}", first.name());
    let (passed, lines) = check(&world, &[("NODE_SELECTOR", &only_first)])?;
    ensure!(passed, "{lines:#?}");
    let (passed, lines) = check(&world, &[("AGENT_PORT", "8079"), ("NODE_SELECTOR", &only_first)])?;
    ensure!(!passed && failure(&lines, "agents")?.contains(":8079: "), "{lines:#?}");
    let (passed, lines) = check(&world, &[("NODE_SELECTOR", "no=such")])?;
    ensure!(!passed && failure(&lines, "Nodes")?.contains("NODE_SELECTOR"), "{lines:#?}");

    let (passed, lines) = check(&world, &[("KUBECONFIG", "/no/such/file")])?;
    ensure!(!passed && failure(&lines, "API server")?.contains("KUBECONFIG"), "{lines:#?}");
    ensure!(lines.iter().any(|line| line.starts_with("ok   writing: ")), "{lines:#?}");
    world.cluster.kubectl(&["delete", "crd", "nodenetworkconfigs.multinic.io"])?;
    let (passed, lines) = check(&world, &[])?;
    ensure!(!passed && failure(&lines, "definition")?.contains("install"), "{lines:#?}");
    Ok(())
}

async fn database(bed: &Testbed) -> Result<()> {
    let (world, _nodes) = two_nodes(bed).await?;
    let wrong = world.database.password_file().with_file_name("wrong-password");
    fs::write(&wrong, "wrong")?;
    for (setting, value, named) in [
        ("DB_PASSWORD_FILE", wrong.to_str().context("path")?, "DB_USER"),
        ("DB_PASSWORD_FILE", "/no/such/file", "DB_PASSWORD_FILE"),
        ("DB_PORT", "1", "DB_PORT"),
        ("DB_NAME", "other", "DB_NAME"),
        ("DB_SSL_MODE", "verify-ca", "DB_SSL_MODE"),
    ] {
        let (passed, lines) = check(&world, &[(setting, value)])?;
        ensure!(!passed, "{lines:#?}");
        let line = failure(&lines, "database")?;
        ensure!(line.contains(named) && !line.contains("wrong;"), "{line}");
        ensure!(lines.iter().any(|line| line.starts_with("ok   agents: ")), "{lines:#?}");
    }

    let on_interfaces = format!("ON {DATABASE}.multi_interface FROM {OPERATOR_USER}@'%'");
    for (revocation, what) in [
        (format!("REVOKE UPDATE (modified_at) {on_interfaces}"), "writing"),
        (format!("REVOKE UPDATE (netplan_success) {on_interfaces}"), "writing"),
        (format!("REVOKE SELECT ON {DATABASE}.* FROM {OPERATOR_USER}@'%'"), "table"),
    ] {
        world.database.execute(&revocation).await?;
        // As a person would, who reads a line, does what it says, and asks again.
        let mut remedies = 0;
        while let (false, lines) = check(&world, &[])? {
            ensure!(remedies < 2, "no remedy helps: {lines:#?}");
            follow(&world, failure(&lines, what)?).await?;
            remedies += 1;
        }
        ensure!(remedies > 0, "not noticed: {revocation}");
    }
    Ok(())
}

/// Executes every `GRANT` that a line names.
async fn follow(world: &World<'_>, line: &str) -> Result<()> {
    let grants: Vec<_> =
        line.split("; ").filter_map(|part| part.rfind("GRANT ").map(|at| &part[at..])).collect();
    ensure!(!grants.is_empty(), "no remedy: {line}");
    for grant in grants {
        world.database.execute(grant).await?;
    }
    Ok(())
}

/// Whether it passed, and all that it said.
fn check(world: &World<'_>, settings: &[(&str, &str)]) -> Result<(bool, Vec<String>)> {
    let output = world.operator.check(settings)?;
    let said = String::from_utf8(output.stdout)?;
    let lines: Vec<_> = said.lines().map(str::to_owned).collect();
    let known = |line: &String| line.starts_with("ok   ") || line.starts_with("FAILED ");
    ensure!(lines.iter().all(known), "{said}");
    let code = output.status.code().context("it was killed")?;
    ensure!(code == i32::from(said.contains("FAILED ")), "it exits with {code} and says {said}");
    Ok((code == 0, lines))
}

fn failure<'a>(lines: &'a [String], what: &str) -> Result<&'a str> {
    let start = format!("FAILED {what}: ");
    let line = lines.iter().find(|line| line.starts_with(&start));
    line.map(String::as_str).with_context(|| format!("{what} has not failed: {lines:#?}"))
}
