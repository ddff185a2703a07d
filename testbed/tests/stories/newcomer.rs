//! The ten commonest troubles, made for real: who has only the page, only kubectl or only the alert finds cause and remedy.
//!
//! The table in docs/troubleshooting.md is what is found here, word for word.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use multinic_crds::{InterfaceState, Reason};
use multinic_testbed::{
    Kind, More, Needs, Node, OPERATOR_PAGE, OpenstackConfig, Port, Process, Prometheus, SOON, Schema, Screen,
    Suite, Testbed, World, eventually, setup,
};
use serde_json::{Value, json};

use crate::metrics::{ALERTS, at_once};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/troubleshooting.md");
const DESK: Screen = Screen { width: 1280, height: 800, dark: false };
const NODES: u8 = 9;

pub(crate) fn tell(suite: Suite) -> Suite {
    suite.tell(
        "a_newcomer_finds_cause_and_remedy_by_page_by_kubectl_and_by_alert",
        Needs::More(More { obstacle: setup::browser_obstacle, ensure }),
        newcomer,
    )
}

fn ensure() -> Result<()> {
    setup::prometheus::ensure()?;
    setup::unpacked::CHROMIUM.ensure().map(drop)
}

/// One trouble, and where it shows.
struct Trouble {
    what: &'static str,
    node: u8,
    /// The view of the page; `NODE` stands for the name of the node.
    view: &'static str,
    /// The word that both page and kubectl say, with its remedy.
    reason: Reason,
    /// Another word that kubectl says instead.
    by_kubectl: Option<Reason>,
    alert: &'static str,
    /// Whether the alert has the node as its label.
    of_node: bool,
}

const NODE_VIEW: &str = "node/NODE";

fn troubles() -> Vec<Trouble> {
    let of_nic = |what, node, reason| Trouble {
        what,
        node,
        view: NODE_VIEW,
        reason,
        by_kubectl: None,
        alert: "MultinicInterfacesNotConfigured",
        of_node: true,
    };
    let of_node = |what, node, reason, alert| Trouble { alert, ..of_nic(what, node, reason) };
    vec![
        of_nic("the port is not attached to the VM", 1, Reason::DeviceMissing),
        of_nic("cloud-init, or somebody else, has a file for the NIC", 2, Reason::ForeignConfiguration),
        of_nic("the row has the MAC address of the node's own uplink", 3, Reason::ProtectedInterface),
        Trouble {
            view: "rows",
            by_kubectl: Some(Reason::InvalidRows),
            of_node: false,
            ..of_node("a row has an MTU that is none", 4, Reason::InvalidMtu, "MultinicRowsRejected")
        },
        of_node("no agent runs on the node", 5, Reason::NeverReported, "MultinicNodeUnreported"),
        of_node("the agent has stopped", 6, Reason::ReportOutdated, "MultinicAgentDown"),
        of_node(
            "the cluster looks for the node at the address of a NIC",
            7,
            Reason::NicAddressOnNode,
            "MultinicNodeAddressLeaked",
        ),
        of_node(
            "a program on the node keeps changing a NIC",
            8,
            Reason::Contended,
            "MultinicInterfacesContended",
        ),
        Trouble {
            of_node: false,
            ..of_node(
                "the rows of most NICs of a node are gone",
                9,
                Reason::ShrinkGuard,
                "MultinicRemovalsHeld",
            )
        },
        Trouble {
            of_node: false,
            ..of_node("the database is away", 1, Reason::DatabaseUnavailable, "MultinicTableNotRead")
        },
    ]
}

async fn newcomer(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let mut nodes = Vec::new();
    for number in 1..=NODES {
        nodes.push(bed.node(&name(number), Kind::Light).await?);
    }
    let scraped: Vec<_> = nodes.iter().collect();
    let prometheus = bed.prometheus(&scraped, &at_once(ALERTS)).await?;
    let _meddler = make_trouble(&world, &nodes, &prometheus).await?;
    let mut browser = bed.browser()?;
    let mut page = browser.open(OPERATOR_PAGE, DESK)?;

    let troubles = troubles();
    for trouble in &troubles {
        if trouble.reason == Reason::DatabaseUnavailable {
            world.database.stop().await?;
        }
        by_kubectl(&world, trouble).await?;
        by_alert(&prometheus, trouble).await?;
        let view = trouble.view.replace("NODE", &name(trouble.node));
        page.go(&format!("{OPERATOR_PAGE}/#/{view}"))?;
        let told = [trouble.reason.as_str().to_owned(), plain(trouble.reason.remedy())];
        let all = format!(
            "{}.every((text) => document.getElementById('main').textContent.includes(text))",
            json!(told)
        );
        page.shows(&format!("{} in {view}", trouble.what), &all, json!(true)).await?;
    }
    browser.is_content()?;
    documented(&troubles)
}

fn name(node: u8) -> String {
    format!("worker-{node}")
}

fn mac(node: u8, nic: u8) -> String {
    format!("fa:16:3e:00:{node:02x}:{nic:02x}")
}

fn port(node: u8, nic: u8) -> Port {
    Port::new(&mac(node, nic), &name(node)).address(&format!("10.20.{node}.{nic}"))
}

/// Everything but what comes last, since nothing is read after it. Returns what must go on meanwhile.
async fn make_trouble(world: &World<'_>, nodes: &[Node<'_>], prometheus: &Prometheus) -> Result<Process> {
    let node = |number: u8| &nodes[usize::from(number) - 1];
    let storage = OpenstackConfig::new("storage", "10.20.0.0/16");
    let mut all =
        (1..=8).filter(|number| *number != 3).fold(storage, |all, number| all.with(port(number, 1)));
    all = all.with(Port::new(&node(3).uplink_mac(), &name(3)).address("10.20.3.1"));
    let held =
        (1..=3).fold(OpenstackConfig::new("held", "10.20.0.0/16"), |held, nic| held.with(port(9, nic)));
    let bad = OpenstackConfig::new("bad", "10.30.0.0/24")
        .with(Port { id: "bad-mtu".to_owned(), ..Port::new(&mac(4, 9), &name(4)).mtu(70_000) });

    for number in [2, 4, 6, 7, 8] {
        node(number).plug(&mac(number, 1))?;
    }
    for nic in 1..=3 {
        node(9).plug(&mac(9, nic))?;
    }
    let site =
        format!("network: {{version: 2, ethernets: {{site: {{match: {{macaddress: '{}'}}}}}}}}\n", mac(2, 1));
    std::fs::write(node(2).host_root()?.join("etc/netplan/50-cloud-init.yaml"), site)?;
    for number in [1, 2, 3, 4, 6, 7, 8, 9] {
        node(number).join(&world.cluster).await?;
    }
    world.cluster.create_node(&node(5).as_kubernetes_node()).await?;
    for object in [&all, &held, &bad] {
        world.database.producer().sync(object).await?;
    }
    for (number, nic) in [(4, 1), (6, 1), (7, 1), (8, 1), (9, 1), (9, 2), (9, 3)] {
        world.configured(node(number), &mac(number, nic)).await?;
    }
    world.settled(node(1), &mac(1, 1), InterfaceState::DeviceMissing).await?;

    node(7).stop_agent().await?;
    node(7).start_agent_told(&world.cluster, "10.20.7.1").await?;
    node(6).stop_agent().await?;
    world.set_mode(node(6), "Paused")?;
    world.database.producer().delete(&held).await?;
    // An increase is seen from a first value on.
    prometheus.finds(r#"multinic_agent_repairs_total{node="worker-8"}"#).await?;
    node(8).run_beside("meddler", "while :; do ip address flush dev multinic0; sleep 0.2; done")
}

async fn by_kubectl(world: &World<'_>, trouble: &Trouble) -> Result<()> {
    let node = name(trouble.node);
    let reason = trouble.by_kubectl.unwrap_or(trouble.reason);
    eventually(&format!("kubectl multinic explain {node} to say {reason}"), SOON, async || {
        let output = world.operator.explain("kubectl-multinic", &[&node], &[])?;
        let said = String::from_utf8(output.stdout)?;
        ensure!(output.status.code() == Some(1), "{:?}: {said}", output.status);
        ensure!(said.contains(reason.as_str()) && said.contains(reason.remedy()), "{said}");
        Ok(())
    })
    .await
}

async fn by_alert(prometheus: &Prometheus, trouble: &Trouble) -> Result<()> {
    let node = if trouble.of_node { json!(name(trouble.node)) } else { Value::Null };
    eventually(&format!("{} of {node} to fire", trouble.alert), SOON, async || {
        let labels =
            |alert: &Value| (alert["labels"]["alertname"].to_string(), alert["labels"]["node"].to_string());
        let firing: BTreeSet<_> = prometheus.alerts().await?.iter().map(labels).collect();
        ensure!(firing.contains(&(json!(trouble.alert).to_string(), node.to_string())), "{firing:?}");
        Ok(())
    })
    .await
}

/// As the page shows it, without the marks of code.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// Fails unless the table in the page has exactly these rows.
fn documented(troubles: &[Trouble]) -> Result<()> {
    let row = |trouble: &Trouble| {
        let Trouble { what, view, reason, by_kubectl, alert, .. } = trouble;
        let by_kubectl = by_kubectl.unwrap_or(*reason);
        let section = alert.to_lowercase();
        format!("| {what} | `#/{view}`: `{reason}` | `{by_kubectl}` | [{alert}](alerts.md#{section}) |")
    };
    let found: Vec<_> = troubles.iter().map(row).collect();
    let page = std::fs::read_to_string(PAGE)?;
    let (_, table) = page.split_once("<!-- tested: newcomer -->").context("no table")?;
    let (table, _) = table.split_once("<!-- end -->").context("the table has no end")?;
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    ensure!(rows == found, "{PAGE} does not say what was found, which is:\n{}", found.join("\n"));
    Ok(())
}
