//! What the cluster's own roles let people do, and what they see.

use anyhow::{Result, ensure};
use multinic_testbed::{SOON, eventually};
use multinic_testbed_cluster::HostCommand;

use crate::scene::Scene;
use crate::steps::show;

/// Somebody, a role of the cluster's own, and the verbs that it allows for the objects, and some that it does not.
const PEOPLE: [[&str; 4]; 2] = [
    ["vera", "view", "get list watch", "patch update create delete"],
    ["adam", "admin", "get list watch patch update", "create delete"],
];
const NODE: &str = "worker-2";

pub(crate) async fn tell(scene: &Scene<'_>) -> Result<()> {
    scene.steps.step("what people may do who have the cluster's own roles")?;
    for [user, role, allowed, refused] in PEOPLE {
        scene.kubectl(&["create", "clusterrolebinding", user, "--clusterrole", role, "--user", user])?;
        for (verbs, answer) in [(allowed, "yes"), (refused, "no")] {
            for verb in verbs.split(' ') {
                eventually("the role to be followed", SOON, async || may(scene, user, verb, answer)).await?;
            }
        }
    }

    scene.steps.step("an administrator sets the mode, and not the NICs")?;
    for mode in ["Paused", "Enforce"] {
        patch(scene, &format!(r#"{{"spec":{{"mode":"{mode}"}}}}"#)).run()?;
    }
    eventually("the policy on interfaces to be enforced", SOON, async || {
        let refused = patch(scene, r#"{"spec":{"interfaces":[]}}"#).args(["--dry-run=server"]).output()?;
        ensure!(refused.stderr.contains("change its row"), "{refused:?}");
        Ok(())
    })
    .await?;
    scene.all_right().await?;

    scene.steps.step("kubectl wait, and explain in the operator's pod")?;
    let met = scene.kubectl(&["wait", "--for=condition=Ready", "nnc", "--all", "--timeout=60s"])?;
    ensure!(met.matches("condition met").count() == 2, "{met}");
    let explain = ["exec", "deployment/multinic-operator", "--", "/multinic-operator", "explain"];
    let said = scene.kubectl(&explain)?;
    show("kubectl exec deployment/multinic-operator -- /multinic-operator explain", &said)?;
    ensure!(said.starts_with("All is well. Nodes: 2."), "{said}");
    Ok(())
}

/// What an administrator would change of an object.
fn patch<'bed>(scene: &Scene<'bed>, patch: &str) -> HostCommand<'bed> {
    scene.cluster.command("kubectl").args(["patch", "nnc", NODE, "--as", "adam", "--type=merge", "-p", patch])
}

fn may(scene: &Scene<'_>, user: &str, verb: &str, answer: &str) -> Result<()> {
    let asked = ["auth", "can-i", verb, "nodenetworkconfigs", "--as", user];
    let said = scene.cluster.command("kubectl").args(asked).output()?;
    ensure!(said.stdout.trim() == answer, "may {user} {verb}: {said:?}");
    Ok(())
}
