//! What is wrong with one NIC, or in its way, is said with its reason; nothing is changed that is not ours to change, and all
//! is well once it is mended.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Result, ensure};
use multinic_testbed::{
    Kind, Needs, Node, SOON, Suite, Testbed, UPLINK, eventually, setup::system::WICKED, skip,
};
use serde_json::{Value, json};

use crate::endings::{FIRST, Scene, State, one};

const BOOT_FILE: &str = "etc/netplan/60-multinic-multinic0.yaml";
const GENERATOR: &str = "usr/libexec/netplan/generate";

pub(crate) fn tell(suite: Suite) -> Suite {
    let suite = suite
        .tell("a_mac_address_of_two_links_is_refused_until_there_is_one", Needs::Testbed, twins)
        .tell("a_nic_without_a_carrier_keeps_what_it_has_and_says_so", Needs::Testbed, dark)
        .tell("a_file_that_an_administrator_edited_is_kept_until_it_is_gone", Needs::Testbed, edited)
        .tell("nothing_is_written_while_somebody_tries_netplan", Needs::Testbed, netplan_try)
        .tell("a_table_of_ours_in_which_others_have_a_route_is_left_to_them", Needs::Testbed, table_taken)
        .tell("a_nic_is_not_changed_while_wickedd_cannot_be_told", Needs::FullNodes, wickedd_down)
        .tell("an_address_that_is_probed_for_too_long_is_taken_back", Needs::Testbed, probed)
        .tell("a_generator_that_hangs_is_ended_and_nothing_is_changed_without_it", Needs::Testbed, hangs);
    let meddlers = [
        ("address", "ip address del 10.20.0.5/24 dev multinic0"),
        ("name", "ip link set multinic0 down && ip link set multinic0 name mine"),
        ("mtu", "[ \"$(cat /sys/class/net/multinic0/mtu)\" = 1300 ] || ip link set multinic0 mtu 1300"),
    ];
    meddlers.into_iter().fold(suite, |suite, (what, meddles)| {
        let name = format!("a_nic_whose_{what}_somebody_changes_again_and_again_is_left_to_them");
        suite.tell(&name, Needs::Testbed, async move |bed: &Testbed| contended(bed, meddles).await)
    })
}

async fn twins(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    node.exec(&["ip", "link", "add", "twin", "address", FIRST, "type", "veth", "peer", "name", "other"])?;
    let before = node.links()?;
    let generation = scene.ask(&one("10.20.0.5/24", 1400)).await?;
    let refused = scene.says(generation, "AmbiguousMac").await?;
    ensure!(refused.message.contains("twin"), "{refused:?}");
    assert_eq!(node.links()?, before);
    node.exec(&["ip", "link", "delete", "twin"])?;
    becomes_right(&scene, generation).await
}

async fn dark(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    node.set_carrier(FIRST, false)?;
    let generation = scene.ask(&one("10.20.0.5/24", 1400)).await?;
    let told = scene.says(generation, "NoCarrier").await?;
    ensure!(told.state == multinic_crds::InterfaceState::Configured, "{told:?}");
    let before = State::of(node)?;
    ensure!(before.links[0].is_up_as("multinic0", 1400, "10.20.0.5/24"), "{before:?}");
    for (is_there, reason) in [(true, "Configured"), (false, "NoCarrier"), (true, "Configured")] {
        node.set_carrier(FIRST, is_there)?;
        scene.says(generation, reason).await?;
        assert_eq!(State::of(node)?, before);
    }
    Ok(())
}

async fn edited(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    let before = scene.becomes(&one("10.20.0.5/24", 1400)).await?;
    let path = node.host_root()?.join(BOOT_FILE);
    let text = fs::read_to_string(&path)?.replace("10.20.0.5/24", "10.20.0.77/24");
    fs::write(&path, &text)?;
    for wanted in [one("10.20.0.6/24", 1400), json!([])] {
        let generation = scene.ask(&wanted).await?;
        let refused = scene.says(generation, "EditedByHand").await?;
        ensure!(refused.message.contains(BOOT_FILE), "{refused:?}");
        assert_eq!(fs::read_to_string(&path)?, text);
        assert_eq!(State::of(node)?.links, before.links);
    }
    fs::remove_file(&path)?;
    scene.becomes(&json!([])).await?;
    assert_eq!(node.link(FIRST)?.name, "eth1");
    Ok(())
}

/// As netplan leaves it while it waits for somebody to confirm.
async fn netplan_try(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    let before = scene.becomes(&json!([])).await?;
    let directory = node.host_root()?.join("run/netplan");
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("netplan-try.ready"), "")?;
    let generation = scene.ask(&one("10.20.0.5/24", 1400)).await?;
    scene.says(generation, "NetplanTry").await?;
    assert_eq!(State::of(node)?, before);
    fs::remove_file(directory.join("netplan-try.ready"))?;
    becomes_right(&scene, generation).await
}

async fn table_taken(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    let before = scene.becomes(&json!([])).await?;
    let theirs = ["203.0.113.0/24", "dev", UPLINK, "table", "5300"];
    node.exec(&[&["ip", "route", "add"], &theirs[..]].concat())?;
    let mut wanted = one("10.20.0.5/24", 1400);
    wanted[0]["sourceRouting"] = json!({ "gateways": ["10.20.0.1"] });
    let generation = scene.ask(&wanted).await?;
    let refused = scene.says(generation, "RoutingConflict").await?;
    ensure!(refused.message.contains("5300"), "{refused:?}");
    let table = node.exec(&["ip", "route", "show", "table", "5300"])?;
    ensure!(table.lines().count() == 1 && table.contains("203.0.113.0/24"), "{table}");
    assert_eq!(State::of(node)?, before);
    node.exec(&[&["ip", "route", "delete"], &theirs[..]].concat())?;
    becomes_right(&scene, generation).await
}

async fn wickedd_down(bed: &Testbed) -> Result<()> {
    if let Some(obstacle) = WICKED.obstacle() {
        return Err(skip(obstacle));
    }
    let scene = Scene::on(bed, Kind::Of(&WICKED)).await?;
    let node = &scene.node;
    let generation = scene.ask(&one("10.20.0.5/24", 1400)).await?;
    becomes_right(&scene, generation).await?;
    let before = node.link(FIRST)?;
    node.exec(&["systemctl", "stop", "wickedd-nanny", "wickedd"])?;
    let generation = scene.ask(&one("10.20.0.6/24", 1450)).await?;
    scene.says(generation, "ManagerUnreachable").await?;
    assert_eq!(node.link(FIRST)?, before);
    node.exec(&["systemctl", "start", "wickedd", "wickedd-nanny"])?;
    eventually("the change", SOON, async || {
        scene.says_ready(generation).await?;
        ensure!(node.link(FIRST)?.is_up_as("multinic0", 1450, "10.20.0.6/24"), "{:?}", node.links()?);
        Ok(())
    })
    .await
}

/// The kernel is set to probe each address for minutes.
async fn probed(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    let before = scene.becomes(&json!([])).await?;
    let transmits = |count: u8| {
        let script = format!("echo {count} > /proc/sys/net/ipv6/conf/\"$1\"/dad_transmits");
        node.exec(&["sh", "-ec", &script, "probe", &node.link(FIRST)?.name])
    };
    transmits(200)?;
    let generation = scene.ask(&one("2001:db8:20::5/64", 1400)).await?;
    let told = scene.says(generation, "AddressTentative").await?;
    ensure!(told.message.contains("dad_transmits"), "{told:?}");
    eventually("the NIC to be as it was", SOON, async || {
        let now = State::of(node)?;
        ensure!(now == before, "{now:?} instead of {before:?}");
        Ok(())
    })
    .await?;
    // It may have another name in the next attempt.
    eventually("the kernel to be set to probe once", SOON, async || transmits(1).map(drop)).await?;
    scene.becomes(&one("2001:db8:20::6/64", 1400)).await.map(drop)
}

async fn hangs(bed: &Testbed) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    let before = scene.becomes(&json!([])).await?;
    let program = node.host_root()?.join(GENERATOR);
    let aside = program.with_extension("aside");
    fs::rename(&program, &aside)?;
    fs::write(&program, "#!/bin/sh\nsleep 1000\n")?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let generation = scene.ask(&one("10.20.0.5/24", 1400)).await?;
    scene.says(generation, "ValidationUnavailable").await?;
    assert_eq!(State::of(node)?, before);
    fs::rename(&aside, &program)?;
    becomes_right(&scene, generation).await
}

/// Somebody changes the NIC whenever it is as wanted.
async fn contended(bed: &Testbed, change: &str) -> Result<()> {
    let scene = Scene::new(bed).await?;
    let node = &scene.node;
    scene.becomes(&one("10.20.0.5/24", 1400)).await?;
    let script = format!("exec 2>/dev/null; while sleep 0.05; do {change}; done");
    let meddler = node.run_beside("meddler", &script)?;
    let told = scene.says(scene.generation().await?, "Contended").await?;
    ensure!(told.message.contains("find out what does that"), "{told:?}");
    drop(meddler);
    let left: Vec<_> = node.links()?;
    // To look again and again changes nothing.
    let paused: Value = one("10.20.0.5/24", 1400);
    ensure!(!is_right(node)?, "it was not left to them: {left:?}");
    let generation = scene.ask_to("DryRun", &paused).await?;
    eventually("the agent to have looked", SOON, async || scene.has_seen(generation).await).await?;
    assert_eq!(node.links()?, left);
    scene.becomes(&one("10.20.0.5/24", 1400)).await?;
    ensure!(is_right(node)?, "{:?}", node.links()?);
    Ok(())
}

fn is_right(node: &Node<'_>) -> Result<bool> {
    Ok(node.link(FIRST)?.is_up_as("multinic0", 1400, "10.20.0.5/24"))
}

async fn becomes_right(scene: &Scene<'_>, generation: Option<i64>) -> Result<()> {
    eventually("the NIC to be right", SOON, async || {
        scene.says_ready(generation).await?;
        ensure!(is_right(&scene.node)?, "{:?}", scene.node.links()?);
        Ok(())
    })
    .await
}
