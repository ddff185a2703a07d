//! Replies leave by the NIC at whose address the request came in, whatever others do to routes and rules.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use multinic_testbed::{
    ControlPlane, Harm, Kind, Needs, Node, Process, SOON, Site, Suite, System, Testbed, eventually,
    setup::system, skip,
};
use serde_json::{Value, json};

use crate::alone::{same, status, want, ways, without_rules_of_ours};

const NICS: [&str; 2] = ["fa:16:3e:00:00:01", "fa:16:3e:00:00:02"];
const PORT: u16 = 8000;
/// What a host does that has strict filters: what comes in by a NIC must have its way back over the same.
const STRICT: &str = "net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.default.rp_filter = 1\n";

pub(crate) fn tell(suite: Suite) -> Suite {
    let hosts = [
        Host { system: &system::NETPLAN, calls: 100, has_rules: false, others: &[NETPLAN_APPLY, RESTART] },
        Host { system: &system::NETWORKD, calls: 10, has_rules: true, others: &[RESTART] },
        Host { system: &system::NETWORK_MANAGER_1_42, calls: 10, has_rules: true, others: &[] },
        Host { system: &system::WICKED, calls: 10, has_rules: false, others: &[] },
    ];
    hosts.into_iter().fold(suite, |suite, host| {
        let name = format!("replies_leave_by_the_nic_they_came_in_on_with_{}", host.system.name);
        suite.tell(&name, Needs::FullNodes, async move |bed: &Testbed| replies(bed, host).await)
    })
}

/// A kind of host, and what is tried on it.
#[derive(Clone, Copy)]
struct Host {
    system: &'static System,
    /// How many calls are made to each address.
    calls: u32,
    /// Whether it gives the rules at boot, without an agent.
    has_rules: bool,
    /// What others do to all links of it, beside reading its files again.
    others: &'static [&'static [&'static str]],
}

const NETPLAN_APPLY: &[&str] = &["netplan", "apply"];
const RESTART: &[&str] = &["systemctl", "restart", "systemd-networkd"];

async fn replies(bed: &Testbed, host: Host) -> Result<()> {
    let Host { system, calls, has_rules, others } = host;
    if let Some(obstacle) = system.obstacle() {
        return Err(skip(obstacle));
    }
    let cluster = bed.control_plane().await?;
    let sites = [bed.site(0)?, bed.site(1)?];
    let node = bed.node("worker-1", Kind::Of(system)).await?;
    std::fs::write(node.host_root()?.join("etc/sysctl.d/10-strict.conf"), STRICT)?;
    node.reboot().await?;
    // Before the NICs are there: who finds them may raise them, and give them routes by that.
    let before = ways(&node)?;
    for mac in NICS {
        node.plug(mac)?;
    }
    let monitor = node.monitor().await?;
    node.join(&cluster).await?;
    want(&cluster, &node, &interfaces(&sites)).await?;
    configured(&cluster, &node).await?;
    let wanted = ours(&node)?;
    {
        let _server = serve(&node)?;
        all_answered(&sites, calls).await?;
        node.exec(&[
            "sh",
            "-c",
            "for p in 5300 5301 5302; do ip rule del priority $p; done; ip route flush table 5301",
        ])?;
        back(&node, &wanted, "the rules and routes that were taken away to be back").await?;
        for mac in NICS {
            node.flap(mac)?;
        }
        back(&node, &wanted, "the carrier's loss to be over").await?;
        all_answered(&sites, calls).await?;
    }
    assert_eq!(without_rules_of_ours(monitor.finish().await?), Harm::default());
    for other in [&[system.reload], others].concat() {
        node.exec(other)?;
        back(&node, &wanted, &format!("what `{}` takes away to be back", other.join(" "))).await?;
        let _server = serve(&node)?;
        all_answered(&sites, calls).await?;
    }

    let log = node.agent()?.log()?;
    node.stop_agent().await?;
    node.start_agent(&cluster).await?;
    eventually("the agent to have looked", SOON, async || {
        let said = node.agent()?.log()?;
        ensure!(said[log.len()..].contains("starting"), "{said}");
        Ok(())
    })
    .await?;
    configured(&cluster, &node).await?;

    node.reboot().await?;
    let _server = serve(&node)?;
    if has_rules {
        let answered = all_answered(&sites, calls).await;
        answered.with_context(|| format!("before the agent is back, with {:#?}", ours(&node)))?;
    }
    node.start_agent(&cluster).await?;
    configured(&cluster, &node).await?;
    all_answered(&sites, calls).await?;
    want(&cluster, &node, &json!([])).await?;
    eventually("nothing of it to be left", SOON, async || same(&before, &ways(&node)?)).await
}

/// Both NICs, each at one site, with both families.
fn interfaces(sites: &[Site<'_>; 2]) -> Value {
    let nic = |number: usize| {
        json!({
            "macAddress": NICS[number], "name": format!("multinic{number}"),
            "addresses": sites[number].addresses_of_a_nic(),
            "sourceRouting": { "gateways": sites[number].gateways() },
        })
    };
    let routed = json!([{ "destination": "10.99.0.0/16", "via": sites[0].gateways()[0], "metric": 7 }]);
    let mut interfaces = json!([nic(0), nic(1)]);
    interfaces[0]["routes"] = routed;
    interfaces
}

async fn configured(cluster: &ControlPlane<'_>, node: &Node<'_>) -> Result<()> {
    eventually("both NICs to be configured", SOON, async || {
        let status = status(cluster, node).await?;
        ensure!(status.applied_generation == status.observed_generation, "{:?}", status.interfaces);
        Ok(())
    })
    .await
}

/// Says hello to whoever calls.
fn serve(node: &Node<'_>) -> Result<Process> {
    let script = format!("exec systemd-socket-activate --accept --inetd --listen={PORT} echo hello");
    node.run_beside("server", &script)
}

async fn all_answered(sites: &[Site<'_>; 2], calls: u32) -> Result<()> {
    for site in sites {
        for address in site.addresses_of_a_nic() {
            let address = address.split('/').next().unwrap_or_default().to_owned();
            // The first call waits for the server, and for neighbours to be found.
            eventually("the first answer", SOON, async || site.calls(&address, PORT, 1)).await?;
            site.calls(&address, PORT, calls)?;
        }
    }
    Ok(())
}

/// The rules of NICs, and the routes over them that come with no address, whoever gave them: a host that reads its files
/// again marks them as its own.
fn ours(node: &Node<'_>) -> Result<BTreeSet<String>> {
    let is_ours = |line: &String| {
        let is_route = line.contains("multinic") && !line.contains("proto kernel");
        is_route || ["10.2", "2001:db8:2"].iter().any(|from| line.contains(&format!("from {from}")))
    };
    let unmarked = |line: String| {
        [" proto 153", " proto static", " proto boot"].iter().fold(line, |line, mark| line.replace(mark, ""))
    };
    Ok(ways(node)?.into_iter().filter(is_ours).map(unmarked).collect())
}

async fn back(node: &Node<'_>, wanted: &BTreeSet<String>, what: &str) -> Result<()> {
    eventually(what, SOON, async || same(wanted, &ours(node)?)).await
}
