//! The operator's page, as a person sees it in a browser.
//!
//! With `MULTINIC_PICTURES` set to a directory, pictures of it are left there.

use std::env;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use multinic_crds::{InterfaceState, NodeNetworkConfig};
use multinic_testbed::{
    Kind, Needs, OPERATOR_PAGE, OpenstackConfig, Page, Port, Schema, Screen, Suite, Testbed, World,
};
use serde_json::json;

use cluster::{DRY, name, said_by_agents, wanted};

const DESK: Screen = Screen { width: 1280, height: 800, dark: false };
const NIGHT: Screen = Screen { dark: true, ..DESK };
const PHONE: Screen = Screen { width: 390, height: 800, dark: false };

const NIC: &str = "fa:16:3e:00:00:01";
/// How many there are of what a list shows.
const COUNT: &str = "document.querySelector('.filters .count')?.textContent";
const LIVE: &str = "document.getElementById('live-state').textContent";

mod cluster;
mod large;

pub(crate) fn tell(suite: Suite) -> Suite {
    suite
        .tell("a_nic_that_fails_is_seen_in_the_page_without_loading_it_again", Needs::Browser, live)
        .tell("the_page_leads_to_the_nics_that_are_not_right_and_says_why", Needs::Browser, trouble)
        .tell("an_empty_fleet_is_told_as_such", Needs::Browser, empty)
        .tell("a_page_of_five_thousand_nodes_is_searched_and_scrolled", Needs::Browser, large::large)
}

async fn live(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let node = bed.node("worker-1", Kind::Light).await?;
    node.plug(NIC)?;
    node.join(&world.cluster).await?;
    let storage = OpenstackConfig::new("storage", "10.20.0.0/24")
        .with(Port::new(NIC, "worker-1").address("10.20.0.11"));
    world.database.producer().sync(&storage).await?;
    world.configured(&node, NIC).await?;

    let mut browser = bed.browser()?;
    let mut page = browser.open(&format!("{OPERATOR_PAGE}/#/nics?q=10.20.0.11"), DESK)?;
    let state = "document.querySelector('.list .state')?.textContent";
    page.shows("the NIC", state, json!("Configured")).await?;
    page.shows("that it is live", LIVE, json!("Live")).await?;
    page.eval("window.loaded = 'once'")?;

    node.unplug(NIC)?;
    page.shows("that the NIC is gone", state, json!("DeviceMissing")).await?;
    page.eval("location.hash = '#/changes'")?;
    let change = "document.querySelector('ol.changes li')?.textContent.replace(/^.*Z/, '')";
    let gone = "worker-1 multinic0 Configured → DeviceMissing";
    page.shows("the change", change, json!(gone)).await?;

    page.eval("location.hash = '#/node/worker-1'")?;
    let text = "document.getElementById('main').textContent.includes('no such link')";
    page.shows("what is wanted and what there is", text, json!(true)).await?;
    node.plug(NIC)?;
    world.settled(&node, NIC, InterfaceState::Configured).await?;
    let observed = "document.getElementById('main').textContent.includes('no such link')";
    page.shows("that it is back", observed, json!(false)).await?;

    world.operator.stop().await?;
    page.shows("that it is cut off", LIVE, json!("Not live; reconnecting")).await?;
    node.unplug(NIC)?;
    world.operator.resume()?;
    page.eval("location.hash = '#/nics'")?;
    page.shows("that it is live again", LIVE, json!("Live")).await?;
    page.shows("what changed meanwhile", state, json!("DeviceMissing")).await?;
    assert_eq!(page.eval("window.loaded")?, "once", "the page was loaded again");
    browser.is_content()
}

/// Whether the page has this text.
fn text(words: &str) -> String {
    format!("document.getElementById('main').textContent.includes({})", json!(words))
}

async fn empty(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    world.syncs(1).await?;
    let mut browser = bed.browser()?;
    let mut page = browser.open(OPERATOR_PAGE, PHONE)?;
    let told = "document.getElementById('main').textContent.includes('There are no Nodes yet.')";
    page.shows("that there is nothing", told, json!(true)).await?;
    for (view, none) in [("nics", "No NIC is like this."), ("nodes", "No Node is like this.")] {
        page.eval(&format!("location.hash = '#/{view}'"))?;
        page.shows(view, "document.querySelector('.list .none')?.textContent", json!(none)).await?;
    }
    browser.is_content()
}

async fn trouble(bed: &Testbed) -> Result<()> {
    let world = bed.world(Schema::ProducerWithAddressing).await?;
    let (mut browser, configs) = (bed.browser()?, Api::all(world.cluster.client()));
    wanted(&world).await?;
    let mut page = browser.open(OPERATOR_PAGE, DESK)?;
    unreported(&mut page).await?;
    said_by_agents(&configs).await?;
    let cards = "Object.fromEntries([...document.querySelectorAll('.card')].map((card) => [card.children[0].textContent, card.children[1].textContent]))";
    let told = format!(
        "(({{Nodes, NICs, Failed, Refused, Rows}}) => [Nodes, NICs, Failed, Refused, Rows])({cards})"
    );
    page.shows("the fleet", &told, json!(["12", "36", "1", "1", "38"])).await?;
    take(&mut page, "overview").await?;

    filtered(&mut page).await?;
    explained(&mut page).await?;
    on_other_screens(&mut page).await?;
    by_keyboard(&mut page).await?;
    moderate(&mut page, &configs).await?;
    doubted(&mut page, &world, &configs).await?;
    browser.is_content()
}

/// Nobody has said anything of a NIC yet, so none is well.
async fn unreported(page: &mut Page<'_>) -> Result<()> {
    page.shows("why no NIC is well", &text("36 × NeverReported"), json!(true)).await?;
    let well = text("No NIC has a reason to be looked at.");
    page.shows("that not all is well", &well, json!(false)).await?;
    page.go(&format!("{OPERATOR_PAGE}/#/nics?q=NeverReported"))?;
    page.shows("all of them", COUNT, json!("36 NICs")).await?;
    page.go(&format!("{OPERATOR_PAGE}/#/nodes?problem=1"))?;
    page.shows("their Nodes", COUNT, json!("12 Nodes")).await?;
    page.go(&format!("{OPERATOR_PAGE}/#/"))
}

/// A Node that has no row, and so nothing that could differ, is not asked for with each update of others.
async fn moderate(page: &mut Page<'_>, configs: &Api<NodeNetworkConfig>) -> Result<()> {
    const UPDATES: u32 = 6;
    page.eval("window.asked = 0; window.real = fetch; window.fetch = (path, ...more) => { asked += path.startsWith('/api/nodes/'); return real(path, ...more); }; location.hash = '#/node/nobody'")?;
    page.shows("that it is not there", &text("there is no NodeNetworkConfig of this name"), json!(true))
        .await?;
    for number in 0..UPDATES {
        let heard = "import('/fleet.js').then(({ fleet }) => fleet.nodes.get('worker-10').mode)";
        let mode = if number % 2 == 0 { "Paused" } else { "Enforce" };
        let patch = Patch::Merge(json!({ "spec": { "mode": mode } }));
        configs.patch(&name(10), &PatchParams::default(), &patch).await?;
        page.shows("the mode", heard, json!(mode)).await?;
        page.eval("new Promise((drawn) => setTimeout(drawn, 300))")?;
    }
    let asked = page.eval("asked")?.as_u64().context("not counted")?;
    // Now and then it is asked for again.
    ensure!((1..u64::from(UPDATES) / 2).contains(&asked), "asked {asked} times in {UPDATES} updates");
    page.eval("window.fetch = window.real").map(drop)
}

/// What an agent said earlier is not shown as well where it may hold no more, and what keeps one from looking is not hidden.
async fn doubted(page: &mut Page<'_>, world: &World<'_>, configs: &Api<NodeNetworkConfig>) -> Result<()> {
    let state = "document.querySelector('.list .badge.warn')?.textContent";
    page.go(&format!("{OPERATOR_PAGE}/#/nics?q=worker-10+multinic0"))?;
    page.shows("a NIC of an outdated report", state, json!("Configured")).await?;
    let ready = "document.querySelectorAll('.list .viewport .row .badge')[0]?.textContent";
    page.go(&format!("{OPERATOR_PAGE}/#/nodes?q=worker-10"))?;
    page.shows("its Node", ready, json!("ReportOutdated")).await?;

    let down = json!({ "status": { "conditions": [{ "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown" }] } });
    let nodes = Api::<KubeNode>::all(world.cluster.client());
    nodes.patch_status(&name(11), &PatchParams::default(), &Patch::Strategic(&down)).await?;
    page.go(&format!("{OPERATOR_PAGE}/#/nodes?q=worker-11"))?;
    page.shows("a Node that is down", ready, json!("NodeNotReady")).await?;
    page.go(&format!("{OPERATOR_PAGE}/#/nics?q=worker-11+multinic0"))?;
    page.shows("a NIC of it", state, json!("Configured")).await?;

    let stuck = json!({ "status": { "conditions": [{
        "type": "Ready", "status": "False", "reason": "HostFilesUnreadable", "message": "/etc is gone",
        "lastTransitionTime": "2026-11-28T10:00:00Z",
    }] } });
    configs.patch_status(&name(10), &PatchParams::default(), &Patch::Merge(&stuck)).await?;
    page.go(&format!("{OPERATOR_PAGE}/#/nodes?q=worker-10"))?;
    page.shows("what keeps its agent", ready, json!("HostFilesUnreadable")).await
}

async fn filtered(page: &mut Page<'_>) -> Result<()> {
    for (address, count) in [
        ("nics", "36 NICs"),
        ("nics?state=Failed", "1 of 36 NICs"),
        ("nics?reason=NoCarrier", "1 of 36 NICs"),
        ("nics?q=worker-05+multinic1", "1 of 36 NICs"),
        ("nics?q=fa:16:3e:00:09", "3 of 36 NICs"),
        ("nics?q=10.20.7.11", "1 of 36 NICs"),
        ("nodes?problem=1", "4 of 12 Nodes"),
        ("nodes?agent=0.0.9", "1 of 12 Nodes"),
    ] {
        page.go(&format!("{OPERATOR_PAGE}/#/{address}"))?;
        page.shows(address, COUNT, json!(count)).await?;
    }
    // Who types, and chooses, has the address of what is seen.
    page.go(&format!("{OPERATOR_PAGE}/#/nics?sort=-state"))?;
    page.shows(
        "what sorts last",
        "document.querySelector('.list .viewport .row .state')?.textContent",
        json!("Refused"),
    )
    .await?;
    page.eval("document.querySelector('input[type=search]').focus()")?;
    page.type_text("worker-07")?;
    page.shows("what was typed", COUNT, json!("3 of 36 NICs")).await?;
    assert_eq!(page.eval("location.hash")?, "#/nics?q=worker-07&sort=-state");
    page.go(&format!("{OPERATOR_PAGE}/#/nics?sort=-state"))?;
    page.shows("all again", COUNT, json!("36 NICs")).await
}

async fn explained(page: &mut Page<'_>) -> Result<()> {
    for (address, words) in [
        ("node/worker-05", "/etc/netplan/50-site.yaml configures this NIC"),
        ("node/worker-05", "exclude it in that file"),
        ("node/worker-03", "What would be done"),
        ("node/worker-03", DRY.2),
        ("node/nobody", "there is no NodeNetworkConfig of this name"),
        (
            "reasons?word=ForeignConfiguration",
            "exclude it in that file without removing what the uplink lives by",
        ),
        ("rows", "InvalidAddress"),
        ("rows", "elsewhere-1"),
        ("changes", "Row rejected (InvalidAddress)"),
    ] {
        page.go(&format!("{OPERATOR_PAGE}/#/{address}"))?;
        page.shows(address, &text(words), json!(true)).await?;
    }
    page.go(&format!("{OPERATOR_PAGE}/#/node/worker-05"))?;
    page.shows("the node", &text("no longer"), json!(false)).await?;
    page.shows("its NICs", "document.querySelectorAll('tbody').length", json!(2)).await?;
    take(page, "node").await
}

/// Nothing is wider than the screen, and every text can be read.
async fn on_other_screens(page: &mut Page<'_>) -> Result<()> {
    for (screen, picture) in [(NIGHT, "dark"), (PHONE, "phone"), (DESK, "light")] {
        page.look_at(screen)?;
        for view in ["", "nics", "nodes", "node/worker-05", "rows", "changes", "reasons"] {
            page.go(&format!("{OPERATOR_PAGE}/#/{view}"))?;
            page.shows(view, "document.querySelector('h1') !== null && document.querySelector('main').childElementCount > 1", json!(true)).await?;
            let wide = "document.documentElement.scrollWidth > innerWidth || document.querySelector('main').scrollWidth > document.querySelector('main').clientWidth";
            page.shows(&format!("{view} to fit"), wide, json!(false)).await?;
            page.shows(&format!("{view} to be legible, {picture}"), PALE, json!([])).await?;
        }
        page.go(&format!("{OPERATOR_PAGE}/#/nics?sort=-state"))?;
        page.shows("the NICs", COUNT, json!("36 NICs")).await?;
        take(page, &format!("nics-{picture}")).await?;
    }
    Ok(())
}

/// The texts whose contrast is below 4.5 to 1, which WCAG asks for at its level AA.
const PALE: &str = r"
(() => {
  const parts = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const pale = new Set();
  for (const element of document.querySelectorAll('body *')) {
    const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!says || !element.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) pale.add(`${element.className} ${element.textContent}`.slice(0, 80));
  }
  return [...pale];
})()
";

async fn by_keyboard(page: &mut Page<'_>) -> Result<()> {
    page.go(&format!("{OPERATOR_PAGE}/#/nodes?q=worker-05"))?;
    page.shows("one node", COUNT, json!("1 of 12 Nodes")).await?;
    page.eval("document.querySelector('.skip').focus()")?;
    page.press("Enter")?;
    page.shows("the content", "document.activeElement.id", json!("main")).await?;
    assert_eq!(
        page.eval("location.hash")?,
        "#/nodes?q=worker-05",
        "who skips to the content leaves the view"
    );
    page.shows("one node still", COUNT, json!("1 of 12 Nodes")).await?;
    page.eval("document.activeElement.blur()")?;
    let focus = "document.activeElement.textContent";
    let ring = "getComputedStyle(document.activeElement).outlineStyle";
    for _ in 0..40 {
        page.press("Tab")?;
        assert_eq!(page.eval(ring)?, "solid", "what has the focus does not show it: {}", page.eval(focus)?);
        if page.eval(focus)? == "worker-05" {
            page.press("Enter")?;
            return page
                .shows("its page", "document.querySelector('h1').textContent", json!("Node worker-05"))
                .await;
        }
    }
    anyhow::bail!("no way to the node by keyboard")
}

/// Leaves a picture, where somebody wants one.
async fn take(page: &mut Page<'_>, name: &str) -> Result<()> {
    let Some(directory) = env::var_os("MULTINIC_PICTURES").filter(|value| !value.is_empty()) else {
        return Ok(());
    };
    page.shows("that it is live", LIVE, json!("Live")).await?;
    fs::write(Path::new(&directory).join(format!("page-{name}.png")), page.picture()?)?;
    Ok(())
}
