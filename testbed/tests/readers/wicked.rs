//! wicked's files, against what wicked shows of them.

use std::collections::BTreeSet;
use std::fs;
use std::process::Output;

use anyhow::{Result, ensure};
use multinic_agent_core::backend::{Backend, wicked::Wicked};
use multinic_agent_core::observed::link::Link;
use multinic_crds::Interface;
use multinic_testbed::setup::{self, bare_root::BareRoot, system};
use multinic_testbed::{Testbed, skip};

use crate::draw::{Draw, Files, evidence, write};
use crate::{NICS, Tally, covered, definitions};

const PROGRAM: &str = "/usr/sbin/wicked";
/// Where wicked finds the files, in its own root.
const STAGE: &str = "/stage";
const DIRECTORY: &str = "/etc/sysconfig/network";
/// Its link has a file of ours in the second story.
const OURS: &str = "multinic0";

const LINKS: [&str; 8] = ["eth1", "ens7", "lan", "multinic0", "eth0", "ens9", "'eth1", "nothing"];
/// What files are called after: links, and what makes others of them.
const NAMES: [&str; 16] = [
    "eth1",
    "eth1",
    "ens7",
    "lan",
    "multinic0",
    "br0",
    "bond0",
    "team0",
    "vlan5",
    "eth1.5",
    "ib0",
    "ib0.8001",
    "mv0",
    "dsl0",
    "t0",
    "lo",
];
/// Endings by which editors and packages keep other versions of a file.
const ENDINGS: [&str; 12] = [
    "~",
    ".old",
    ".bak",
    ".orig",
    ".scpmbackup",
    ".rpmnew",
    ".rpmsave",
    ".rpmorig",
    ".swp",
    ".BAK",
    ".tmp",
    ":0",
];
/// What makes something of other links, named by `LINK` and `MORE`, in wicked's ifcfg(5) and its kin.
const MADE: [&str; 24] = [
    "ETHERDEVICE=LINK\nVLAN_ID=5",
    "VLAN=yes\nETHERDEVICE=LINK",
    "BRIDGE=yes\nBRIDGE_PORTS=LISTED",
    "BRIDGE_STP=off\nBRIDGE_PORTS=LISTED\nBRIDGE=yes",
    "BONDING_MASTER=yes\nBONDING_SLAVE_0=LINK\nBONDING_SLAVE_1=MORE\nBONDING_MODULE_OPTS='mode=active-backup miimon=100'",
    "BONDING_MASTER=yes\nBONDING_SLAVE=LINK\nBONDING_SLAVE_x=MORE\nBONDING_MODULE_OPTS='mode=4 miimon=100'",
    "BONDING_MASTER=yes\nBONDING_SLAVE0=nothing\nBONDING_MODULE_OPTS='mode=1 miimon=100 primary=eth1'",
    "TEAM_RUNNER=activebackup\nTEAM_PORT_DEVICE_0=LINK\nTEAM_PORT_DEVICEb=MORE",
    "MACVLAN_DEVICE=LINK\nMACVLAN_MODE=vepa",
    "MACVTAP_DEVICE=LINK\nMACVTAP_MODE=bridge",
    "IPVLAN=yes\nIPVLAN_DEVICE=LINK",
    "IPVTAP=yes\nIPVTAP_DEVICE=LINK",
    "VXLAN=yes\nVXLAN_ID=4\nVXLAN_DEVICE=LINK",
    "TUNNEL=gre\nTUNNEL_DEVICE=LINK\nTUNNEL_LOCAL_IPADDR=10.0.0.1\nTUNNEL_REMOTE_IPADDR=10.0.0.2",
    "TUNNEL=sit\nTUNNEL_DEVICE=LINK\nTUNNEL_LOCAL_IPADDR=10.0.0.1\nTUNNEL_REMOTE_IPADDR=10.0.0.2",
    "OVS_BRIDGE=yes\nOVS_BRIDGE_PORT_DEVICE_1=LINK\nOVS_BRIDGE_PORT_DEVICE=MORE",
    "OVS_BRIDGE=yes\nOVS_BRIDGE_VLAN_PARENT=LINK\nOVS_BRIDGE_VLAN_TAG=3",
    "PPPMODE=pppoe\nDEVICE=LINK\nPROVIDER=site",
    "IPOIB_MODE=connected",
    "IPOIB=yes\nIPOIB_DEVICE=LINK\nIPOIB_PKEY=0x8001",
    "DUMMY=yes",
    "TUNNEL=tap\nTUNNEL_SET_OWNER=root",
    "WIRELESS=yes\nWIRELESS_ESSID=x",
    "MASTER=LINK\nSLAVE=yes",
];
/// What else is in such files, and what is none of wicked's.
const LINES: [&str; 24] = [
    "STARTMODE=auto",
    "STARTMODE='off'",
    "STARTMODE=\"manual\"",
    "STARTMODE=hotplug",
    "BOOTPROTO='dhcp'",
    "BOOTPROTO=none",
    "IPADDR='10.0.0.5/24'",
    "IPADDR_1=nonsense",
    "MTU=9000",
    "LLADDR=fa:16:3e:00:00:02",
    "DEVICE=eth0",
    "HWADDR=fa:16:3e:00:00:09",
    "NAME='a card''s name'",
    "ETHTOOL_OPTIONS='-K eth0 tso off'",
    "# BRIDGE_PORTS='lan'",
    "; a comment",
    "",
    ". /etc/site",
    "if true; then",
    "export ETHERDEVICE=lan",
    "ETHERDEVICE = lan",
    "BRIDGE_PORTS='lan",
    "BRIDGE_PORTS=lan \\",
    "POST_UP_SCRIPT=\"systemd:x.service\"",
];

/// Inputs of every kind.
pub(crate) async fn any(_: &Testbed) -> Result<()> {
    soak("wicked's files", &[])
}

/// The same where the agent configures a NIC.
pub(crate) async fn beside_ours(_: &Testbed) -> Result<()> {
    let nic = Interface {
        addresses: vec!["10.10.0.5/24".parse()?],
        ..Interface::new(NICS[3].0.parse()?, OURS.parse()?)
    };
    let rendered = Wicked.render(&nic).map_err(|error| anyhow::anyhow!(error.message.to_string()))?;
    let ours: Files = rendered.into_iter().map(|file| (file.path, file.text.into_bytes())).collect();
    ensure!(covered(&definitions(&ours)?, &links()).is_empty(), "our own files are taken for foreign");
    soak("wicked's files beside ours", &ours)
}

/// Whatever wicked makes of the files of others must be covered where `ours` are there as well.
fn soak(story: &str, ours: &[(String, Vec<u8>)]) -> Result<()> {
    if let Some(obstacle) = system::WICKED.obstacle() {
        return Err(skip(obstacle));
    }
    let mut draw = Draw::new(story, 400)?;
    let root = BareRoot::of_program(&setup::ensure_system(&system::WICKED)?, PROGRAM)?;
    let links = links();
    let mut tally = Tally::default();
    for number in 1..=draw.inputs {
        let mut files = tree(&mut draw);
        if !ours.is_empty() {
            files.retain(|(path, _)| !path.ends_with("/ifcfg-multinic0"));
        }
        let shown = shown(&root, &files)?;
        let all: Files = [files.as_slice(), ours].concat();
        let covered = covered(&definitions(&all)?, &links);
        let shown = links.iter().map(|link| link.name.as_str()).filter(|name| shown.contains(*name));
        let shown = shown.map(|name| (name, String::new()));
        tally.count("wicked", shown, &covered, || evidence(&draw, number, &all))?;
    }
    let Tally { taken, more } = tally;
    eprintln!("wicked takes {taken} links, and {more} more are covered");
    // One of which everything is covered would find nothing.
    ensure!(
        taken > draw.inputs / 4 && taken + more < draw.inputs * 3,
        "wicked takes {taken}, and {more} more are covered"
    );
    Ok(())
}

/// Every name that wicked says anything of, once these are its files.
fn shown(root: &BareRoot, files: &Files) -> Result<BTreeSet<String>> {
    let stage = root.path().join(STAGE.trim_start_matches('/'));
    if stage.exists() {
        fs::remove_dir_all(&stage)?;
    }
    write(&stage, files)?;
    let Output { status, stdout, stderr } =
        root.command(PROGRAM).args(["--root-dir", STAGE, "show-config", "compat:"]).output()?;
    let words = String::from_utf8_lossy(&stderr);
    ensure!(status.success(), "wicked show-config ({status}): {words}");
    let xml = String::from_utf8_lossy(&stdout);
    Ok(xml.split(['<', '>']).map(|text| text.trim().to_owned()).collect())
}

/// The NICs of a host, of which wicked need not know anything.
fn links() -> Vec<Link> {
    let link = |(index, (mac, name, _)): (u32, (&str, &str, &str))| {
        Some(Link::physical(index, name, mac.parse().ok()?))
    };
    (3..).zip(NICS).filter_map(link).collect()
}

fn tree(draw: &mut Draw) -> Files {
    let mut files: Files = ["config", "dhcp", "providers/site"].map(|name| (at(name), Vec::new())).into();
    files[2].1 = b"USERNAME=a\nPASSWORD=b\n".to_vec();
    for _ in 0..=draw.up_to(1) {
        let ending = if draw.once_in(6) { draw.one(&ENDINGS) } else { "" };
        let path = at(&format!("ifcfg-{}{ending}", draw.one(&NAMES)));
        let text = if draw.once_in(12) { String::new() } else { text(draw) };
        files.push((path, text.into_bytes()));
    }
    if draw.once_in(6) {
        files
            .push((at(&format!("ifroute-{}", draw.one(&NAMES))), b"10.20.0.0/16 10.10.0.1 - lan\n".to_vec()));
    }
    files
}

fn at(name: &str) -> String {
    format!("{DIRECTORY}/{name}")
}

fn text(draw: &mut Draw) -> String {
    let mut lines: Vec<String> = draw.some(&LINES, 0, 2).into_iter().map(str::to_owned).collect();
    for made in draw.some(&MADE, 0, 2) {
        let (link, more, listed) = (link(draw), link(draw), list(draw));
        let made = made.replace("LISTED", &listed).replace("LINK", &link).replace("MORE", &more);
        let place = draw.up_to(lines.len());
        lines.insert(place, made);
    }
    let blank = draw.one(&["", "", "", " ", "\t"]);
    let mut text = lines.iter().fold(String::new(), |text, line| text + blank + line + "\n");
    if draw.once_in(5) {
        text = text.replace('\n', "\r\n");
    }
    if draw.once_in(10) {
        text.truncate(text.trim_end().len());
    }
    text
}

fn link(draw: &mut Draw) -> String {
    let link = draw.one(&LINKS);
    quoted(draw, link)
}

fn list(draw: &mut Draw) -> String {
    let words = draw.some(&["eth1", "ens7", "lan", "multinic0", "eth0", "!eth1", "e*", ""], 1, 3);
    let between = draw.one(&[" ", "  ", "\t", "\n", ",", "\\ "]);
    quoted(draw, &words.join(between))
}

fn quoted(draw: &mut Draw, text: &str) -> String {
    match draw.up_to(7) {
        0 | 1 => format!("'{text}'"),
        2 | 3 => format!("\"{text}\""),
        4 => format!("'{text}' # eth0"),
        5 => format!("\"\\{text}\""),
        _ => text.to_owned(),
    }
}
