//! The agent in its pod on hosts without netplan.

use anyhow::{Context, Result, ensure};
use multinic_testbed::{Harm, Kind, Needs, SOON, Suite, System, Testbed, eventually, setup::system, skip};

use super::{FIRST, HostPath, Pod, SECOND, both_configured, two_nics_on};

pub(super) fn tell(suite: Suite) -> Suite {
    suite
        .tell("an_agent_does_all_its_work_in_its_pod_on_networkd", Needs::FullNodes, async |bed: &Testbed| {
            on(bed, &system::NETWORKD, "networkd").await
        })
        .tell("an_agent_does_all_its_work_in_its_pod_on_wicked", Needs::FullNodes, async |bed: &Testbed| {
            on(bed, &system::WICKED, "wicked").await
        })
        .tell(
            "an_agent_does_all_its_work_in_its_pod_on_networkmanager",
            Needs::FullNodes,
            async |bed: &Testbed| on(bed, &system::NETWORK_MANAGER_1_42, "networkmanager").await,
        )
}

/// A life of two NICs on a host without netplan, with the mounts that its backend brings; by the chart's own values
/// nothing is touched, and what would help is told.
async fn on(bed: &Testbed, system: &'static System, backend: &str) -> Result<()> {
    if let Some(obstacle) = system.obstacle() {
        return Err(skip(obstacle));
    }
    let (world, node) = two_nics_on(bed, Kind::Of(system)).await?;
    let found = node.link(SECOND)?;
    let monitor = node.monitor().await?;
    let pod = Pod::start(&node)?;
    eventually("the agent to say what it lacks", SOON, async || {
        let config = world.config(&node).await?;
        let ready =
            config.status.and_then(|status| status.conditions.into_iter().find(|one| one.type_ == "Ready"));
        let ready = ready.context("there is no condition Ready")?;
        ensure!(ready.reason == "UnsupportedHost" && ready.message.contains("agent.backends"), "{ready:?}");
        Ok(())
    })
    .await
    .with_context(|| pod.log())?;
    pod.stop()?;

    let pod = Pod::with(&node, 8080, &HostPath::of(backend)?, &[])?;
    both_configured(&world, &node).await.with_context(|| pod.log())?;
    pod.stop()?;
    assert_eq!(monitor.finish().await?, Harm::default());
    node.reboot().await?;
    let pod = Pod::with(&node, 8080, &HostPath::of(backend)?, &[])?;
    world.database.producer().remove(SECOND).await?;
    world.removed(&node, SECOND).await.with_context(|| pod.log())?;
    let link = node.link(SECOND)?;
    ensure!(!link.up && link.addresses.is_empty(), "{link:?}, which was {found:?}");
    assert_eq!(node.link(FIRST)?.addresses, ["10.20.0.1/24"]);
    pod.stop()?;

    let cleaning = Pod::with(&node, 8081, &HostPath::of(backend)?, &["cleanup", "--stay"])?;
    eventually("the node to be clean", SOON, async || {
        let answer = cleaning.ask("/readyz").await?;
        ensure!(answer.status == 200, "{}", answer.body);
        Ok(())
    })
    .await
    .with_context(|| cleaning.log())?;
    let ours = node.exec(&["sh", "-ec", "grep -rl 'multinic-agent' /etc /var/lib 2> /dev/null || true"])?;
    ensure!(ours.is_empty(), "left: {ours}");
    cleaning.stop()
}
