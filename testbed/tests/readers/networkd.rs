//! `.network` files, against networkd's own choice.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use multinic_agent_core::observed::link::Link;
use multinic_testbed::{Kind, Node, SOON, Testbed, eventually};

use crate::draw::{Draw, Files, evidence, remove, write};
use crate::{NICS, Tally, covered, definitions, plug};

/// Starts networkd without anything that it remembers.
const RESTART: &str = "
systemctl stop systemd-networkd.socket systemd-networkd.service
rm -f /run/systemd/netif/links/*
systemctl reset-failed systemd-networkd.socket systemd-networkd.service || true
systemctl start systemd-networkd.socket systemd-networkd.service
";

const LASTING: [&str; 3] =
    ["/etc/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network"];
const NAMES: [&str; 4] = ["05-first", "10-netplan-lan", "50-site", "zz-last"];
const WORDS: [&str; 14] = [
    "eth1",
    "ens7",
    "lan",
    "multinic0",
    "eth*",
    "e*",
    "ens?",
    "ens[6-8]",
    "*",
    "l*n",
    "en*",
    "nothing",
    "enp0s*",
    "e**1",
];
const TYPES: [&str; 8] =
    ["ether", "wlan", "!wlan", "!ether", "wlan ether", "!loopback bridge", "e*", "!w* !loopback"];
const NOISE: [&str; 5] = [
    "# Name=nothing",
    "; a comment",
    "",
    "[Network]\nDescription=x\n[Match]",
    "[X-Other]\nName=nothing\n[Match]",
];
const ODD_LINES: [&str; 30] = [
    "Name=\"eth*\"",
    "Name=!\"eth1\"",
    "Name='ens7' lan",
    "Name=e\\x74h1",
    "Name=[[:alpha:]]*",
    "Name=![[:alpha:]]*",
    "Name=[!e]*",
    "Name=all eth1",
    "Name=!all",
    "Name=7",
    "Name=a-name-that-is-much-too-long-for-any-link eth1",
    "Name=eth1:0",
    "Name=!eth1\u{a0}lan",
    "Name=!",
    "name=nothing",
    " Name = nothing ",
    "Type=\"ether\"",
    "Type=!\"ether\"",
    "Type=\"!wlan\"",
    "Kind=veth",
    "Kind=!*",
    "Driver=veth",
    "Driver=!veth",
    "Host=nothing",
    "Virtualization=container",
    "KernelCommandLine=!nothing",
    "PermanentMACAddress=fa:16:3e:00:00:01",
    "MACAddress=fa16.3e00.0001 nonsense",
    "MACAddress=not-one",
    "Unknown=nothing",
];
const ODD_PARTS: [&[u8]; 12] = [
    b"Name=nothing\xff\n",
    b"Name=eth9\n[Oth\xffer]\nName=e*\n[Match]\n",
    b"[Match\n",
    b"[ Match ]\nName=nothing\n[Match]\n",
    b"[Match]]\nName=nothing\n[Match]\n",
    b"Name=lan\rName=eth1\n",
    b"Name=lan\0Name=eth1\n",
    b"Name=lan \\\\\n",
    b"Name=lan \\\n",
    b"[Link]\nUnmanaged=yes\n[Match]\n",
    b"[Link]\nUnmanaged=maybe\n[Match]\n",
    b"[Link]\nUnmanaged=no\n[Match]\n",
];

/// Inputs of which nothing is left open.
pub(crate) async fn plain(bed: &Testbed) -> Result<()> {
    let mut draw = Draw::new("plain .network files", 40)?;
    let (node, links) = node(bed).await?;
    let mut taken = 0;
    for number in 1..=draw.inputs {
        let files = tree(&mut draw, &LASTING, &plain_file);
        let (chosen, covered) = compare(&node, &links, &files).await?;
        let chosen: Vec<_> = chosen.into_keys().collect();
        ensure!(
            covered.iter().eq(&chosen),
            "networkd takes {chosen:?}, and {covered:?} are covered; {}",
            evidence(&draw, number, &files)
        );
        taken += chosen.len();
    }
    ensure!(taken > 0 && taken < draw.inputs * NICS.len(), "networkd takes all or nothing: {taken}");
    Ok(())
}

/// Inputs of every kind.
pub(crate) async fn odd(bed: &Testbed) -> Result<()> {
    let mut draw = Draw::new("odd .network files", 60)?;
    let (node, links) = node(bed).await?;
    let directories: Vec<_> = LASTING.into_iter().chain(["/run/systemd/network"]).collect();
    let mut tally = Tally::default();
    for number in 1..=draw.inputs {
        let files = tree(&mut draw, &directories, &odd_file);
        let (chosen, covered) = compare(&node, &links, &files).await?;
        let taken = chosen.iter().map(|(name, file)| (name.as_str(), format!(" by {file}")));
        tally.count("networkd", taken, &covered, || evidence(&draw, number, &files))?;
    }
    let Tally { taken, more } = tally;
    eprintln!("networkd takes {taken} links, and {more} more are covered");
    ensure!(taken > 0, "networkd takes nothing");
    Ok(())
}

async fn node(bed: &Testbed) -> Result<(Node<'_>, Vec<Link>)> {
    let node = bed.node("worker-1", Kind::Full).await?;
    let links = plug(&node)?;
    Ok((node, links))
}

/// What networkd chooses by link, and what is covered, once `files` are there. They are gone afterwards.
async fn compare(
    node: &Node<'_>,
    links: &[Link],
    files: &Files,
) -> Result<(BTreeMap<String, String>, std::collections::BTreeSet<String>)> {
    let root = node.host_root()?;
    write(&root, files)?;
    let chosen = choice(node, links).await?;
    let covered = covered(&definitions(files)?, links);
    remove(&root, files)?;
    Ok((chosen, covered))
}

/// Which file networkd configures each link by.
pub(crate) async fn choice(node: &Node<'_>, links: &[Link]) -> Result<BTreeMap<String, String>> {
    node.exec(&["sh", "-ec", RESTART])?;
    let directory = node.host_root()?.join("run/systemd/netif/links");
    eventually("networkd to choose", SOON, async || {
        let mut chosen = BTreeMap::new();
        for link in links {
            let state = std::fs::read_to_string(directory.join(link.index.to_string()))?;
            let value = |key: &str| state.lines().find_map(|line| line.strip_prefix(key));
            let decided = value("ADMIN_STATE=").context("no state")?;
            ensure!(!matches!(decided, "pending" | "initialized"), "{} is {decided}", link.name);
            let file = value("NETWORK_FILE=").filter(|_| decided != "unmanaged");
            chosen.extend(file.map(|file| (link.name.clone(), file.to_owned())));
        }
        Ok(chosen)
    })
    .await
}

/// One to three files, some with drop-ins, some masked.
fn tree(draw: &mut Draw, directories: &[&'static str], file: &dyn Fn(&mut Draw) -> Vec<u8>) -> Files {
    let mut files = Files::new();
    for _ in 0..=draw.up_to(2) {
        let (directory, name) = (draw.one(directories), draw.one(&NAMES));
        let path = format!("{directory}/{name}.network");
        let text = if draw.once_in(8) { Vec::new() } else { file(draw) };
        files.push((path, text));
        if draw.once_in(3) {
            let part = draw.one(&["a", "b"]);
            let path = format!("{}/{name}.network.d/{part}.conf", draw.one(directories));
            let text = if draw.once_in(8) { Vec::new() } else { file(draw) };
            files.push((path, text));
        }
    }
    files
}

fn plain_file(draw: &mut Draw) -> Vec<u8> {
    let mut text = "[Match]\n".to_owned();
    for _ in 0..=draw.up_to(2) {
        text += draw.one(&NOISE);
        text += "\n";
        text += &plain_line(draw);
        text += "\n";
    }
    // One without any is ignored by newer releases only.
    text += &names(draw);
    text += "\n\n[Network]\nLinkLocalAddressing=no\n";
    if draw.once_in(4) {
        text = text.replace('\n', "\r\n");
    }
    if draw.once_in(4) {
        text.insert(0, '\u{feff}');
    }
    text.into_bytes()
}

fn plain_line(draw: &mut Draw) -> String {
    match draw.up_to(7) {
        0 => format!("Type={}", draw.one(&TYPES)),
        1 => "Name=".to_owned(),
        2 => "MACAddress=".to_owned(),
        3 => {
            let macs = draw.some(&NICS.map(|nic| nic.0), 1, 3).join(" ");
            format!("MACAddress={}", if draw.once_in(2) { macs.to_uppercase() } else { macs })
        }
        _ => names(draw),
    }
}

fn names(draw: &mut Draw) -> String {
    let words = draw.some(&WORDS, 1, 3);
    let between = draw.one(&[" ", "  ", "\t", " \\\n", " \\\n# a comment\n", "\\\n   "]);
    let inverted = draw.one(&["", "", "", "!", "! "]);
    let spaces = draw.one(&["", "", " ", "\t"]);
    let exception = if draw.once_in(6) { " !eth1" } else { "" };
    format!("{spaces}Name{spaces}={spaces}{inverted}{}{exception}{spaces}", words.join(between))
}

fn odd_file(draw: &mut Draw) -> Vec<u8> {
    let mut bytes = b"[Match]\n".to_vec();
    for _ in 0..=draw.up_to(2) {
        match draw.up_to(3) {
            0 => bytes.extend(draw.one(&ODD_PARTS)),
            1 => bytes.extend(plain_line(draw).bytes()),
            _ => bytes.extend(draw.one(&ODD_LINES).bytes()),
        }
        bytes.push(b'\n');
    }
    if draw.once_in(2) {
        bytes.extend(names(draw).bytes());
    }
    bytes.extend(b"\n[Network]\nLinkLocalAddressing=no\n");
    bytes
}
