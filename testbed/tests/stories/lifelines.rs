//! What the node lives by breaks in the middle of a change: nothing is kept of the change, and it is not tried for ever.

use anyhow::{Result, ensure};
use multinic_testbed::{GATEWAY, Needs, Node, SOON, Suite, Testbed, UPLINK, eventually};
use serde_json::{Value, json};

use crate::endings::{FIRST, Scene, State};

/// How often a change is tried that takes one of the node's own links along.
const ATTEMPTS: usize = 3;

/// Something of the node's own that goes while a NIC of ours is there, as if the NIC had taken it along.
struct Breakage {
    story: &'static str,
    /// What breaks it, and what makes it whole again or for the first time.
    breaks: String,
    mends: String,
    /// What the agent says of it.
    said: &'static str,
}

pub(crate) fn tell(suite: Suite) -> Suite {
    breakages().into_iter().fold(suite, |suite, breakage| {
        let name = breakage.story;
        suite.tell(name, Needs::Testbed, async move |bed: &Testbed| taken_back(bed, &breakage).await)
    })
}

fn breakages() -> [Breakage; 5] {
    let route = format!("203.0.113.0/24 via {GATEWAY} dev {UPLINK}");
    let rule = "pref 11000 from 10.99.0.0/16 table 100";
    let address = format!("198.51.100.7/32 dev {UPLINK}");
    let default = format!("default via {GATEWAY} dev {UPLINK} proto static");
    // Nothing but a new connection tells: the way to the API server is the same to whoever asks the kernel for it.
    let cut_off = "pref 50 ipproto tcp dport 6443 blackhole";
    [
        Breakage {
            story: "a_change_with_which_a_route_over_the_uplink_goes_is_taken_back_and_given_up",
            breaks: format!("ip route del {route}"),
            mends: format!("ip route replace {route}"),
            said: "a route over a link that the node lives by changed",
        },
        Breakage {
            story: "a_change_with_which_a_rule_of_others_goes_is_taken_back_and_given_up",
            breaks: format!("ip rule del {rule}"),
            mends: format!("ip rule show | grep -q 11000: || ip rule add {rule}"),
            said: "a routing rule of somebody else changed",
        },
        Breakage {
            story: "a_change_with_which_an_address_of_the_uplink_goes_is_taken_back_and_given_up",
            breaks: format!("ip address del {address}"),
            mends: format!("ip address replace {address}"),
            said: "a link that the node lives by changed",
        },
        Breakage {
            story: "a_change_with_which_the_default_route_goes_is_taken_back_and_given_up",
            breaks: format!("ip route del {default}"),
            mends: format!("ip route replace {default}"),
            said: "a route over a link that the node lives by changed",
        },
        Breakage {
            story: "a_change_after_which_the_api_server_cannot_be_reached_is_taken_back_and_given_up",
            breaks: format!("ip rule show | grep -q ^50: || ip rule add {cut_off}"),
            mends: format!("ip rule del {cut_off}"),
            said: "the API server at 192.0.2.1, which takes no new connection, changed",
        },
    ]
}

/// With an address that the kernel probes, so that the change takes longer than what goes with it.
fn nics(last: u8) -> Value {
    let addresses = [format!("10.20.0.{last}/24"), format!("2001:db8:20::{last}/64")];
    json!([{ "macAddress": FIRST, "name": "multinic0", "addresses": addresses }])
}

async fn taken_back(bed: &Testbed, breakage: &Breakage) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let Breakage { breaks, mends, .. } = breakage;
    let node = &scene.node;
    let before = scene.becomes(&json!([])).await?;
    let _ = node.exec(&["sh", "-c", mends]);
    let whole = of_others(node)?;
    let meddler = node.run_beside(
        "meddler",
        &format!(
            "exec 2>/dev/null; while sleep 0.05; do \
               if [ -n \"$(ip link show multinic0 up)\" ]; then {breaks}; else {mends}; fi; \
             done"
        ),
    )?;
    let generation = scene.ask(&nics(5)).await?;
    let given_up = scene.says(generation, "SelfFenced").await?;
    ensure!(given_up.message.contains("nothing was kept"), "{given_up:?}");
    let log = node.agent()?.log()?;
    let attempts = log.lines().filter(|line| line.contains("\"ERROR\"") && line.contains(breakage.said));
    let attempts = attempts.count();
    ensure!(attempts == ATTEMPTS, "{attempts} attempts: {log}");
    assert_eq!(State::of(node)?, before);
    eventually("all of others' to be back", SOON, async || {
        let now = of_others(node)?;
        ensure!(now == whole, "{now} instead of {whole}");
        Ok(())
    })
    .await?;

    // A person finds what did that, and asks for something else.
    drop(meddler);
    scene.becomes(&nics(6)).await?;
    assert_eq!(node.link(FIRST)?.name, "multinic0");
    assert_eq!(of_others(node)?, whole);
    Ok(())
}

/// All rules, and what is on the uplink.
fn of_others(node: &Node<'_>) -> Result<String> {
    let script = format!("ip rule; ip -oneline -4 address show {UPLINK}; ip route show dev {UPLINK}");
    node.exec(&["sh", "-c", &script])
}
