//! netplan's files, against what its generator makes of them and networkd of that.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use multinic_testbed::{Kind, Testbed};

use crate::draw::{Draw, Files, evidence, write};
use crate::networkd::choice;
use crate::{NICS, covered, definitions, plug};

/// The generator's root directory on the node.
const ROOT: &str = "/tmp/generated";
/// Says `taken` where netplan takes the files, and gives networkd what it makes of them.
///
/// A veth has no permanent address, so that what netplan asks for is asked of the one in use.
const GENERATE: &str = r#"
rm -f /run/systemd/network/*.network
for generator in /usr/libexec/netplan/generate /usr/lib/netplan/generate /lib/netplan/generate; do
    [ -x "$generator" ] && break
done
if "$generator" --root-dir "$1" > /dev/null 2>&1; then
    for file in "$1"/run/systemd/network/*.network; do
        [ -e "$file" ] || continue
        sed 's/^PermanentMACAddress=/MACAddress=/' "$file" > "/run/systemd/network/${file##*/}"
    done
    echo taken
fi
"#;

const FILES: [&str; 4] = ["00-installer.yaml", "50-cloud-init.yaml", "60-site.yaml", "90-default.yaml"];
const DIRECTORIES: [&str; 3] = ["/lib/netplan", "/etc/netplan", "/run/netplan"];
const IDS: [&str; 6] = ["eth1", "ens7", "lan", "all-en", "any", "\"ens*\""];
const NAMES: [&str; 10] = [
    "eth1",
    "'eth*'",
    "\"e*\"",
    "ens?",
    "'!ens7'",
    "'!eth1 lan'",
    "'eth1 lan'",
    "'[el]*'",
    "'en*'",
    "nothing",
];
const EXTRAS: [&str; 6] = [
    "dhcp4: true",
    "dhcp4: false",
    "optional: true",
    "mtu: 1400",
    "renderer: networkd",
    "addresses: [10.9.0.1/24]",
];
/// What people and tools leave at the end of a file.
const ENDS: [&str; 8] = [
    "",
    "",
    "",
    "---\n",
    "---\nnetwork: {version: 2, ethernets: {lan: {dhcp4: true}}}\n",
    "---\n\tnonsense: [\n",
    "...\n",
    "# the end",
];

/// Inputs of every kind; what netplan refuses says nothing.
pub(crate) async fn any(bed: &Testbed) -> Result<()> {
    let mut draw = Draw::new("netplan files", 60)?;
    let node = bed.node("worker-1", Kind::Full).await?;
    let links = plug(&node)?;
    let generated = node.host_root()?.join(&ROOT[1..]);
    let (mut accepted, mut taken, mut more) = (0, 0, 0);
    for number in 1..=draw.inputs {
        let files = tree(&mut draw);
        renew(&generated, &files)?;
        if !node.exec(&["sh", "-ec", GENERATE, "generate", ROOT])?.contains("taken") {
            continue;
        }
        accepted += 1;
        let chosen = choice(&node, &links).await?;
        let covered = covered(&definitions(&files)?, &links);
        let by_netplan = chosen.iter().filter(|(_, file)| file.contains("/10-netplan-"));
        for (name, file) in by_netplan {
            ensure!(
                covered.contains(name),
                "networkd takes {name} by {file}, which is not covered; {}",
                evidence(&draw, number, &files)
            );
            taken += 1;
        }
        more += covered.iter().filter(|name| !chosen.contains_key(*name)).count();
    }
    eprintln!("netplan takes {accepted} inputs, networkd {taken} links, and {more} more are covered");
    ensure!(accepted * 6 > draw.inputs && taken > 0, "netplan refuses nearly everything");
    Ok(())
}

fn renew(root: &Path, files: &Files) -> Result<()> {
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    fs::create_dir_all(root)?;
    write(root, files)
}

fn tree(draw: &mut Draw) -> Files {
    let mut files = Files::new();
    for _ in 0..=draw.up_to(1) {
        let path = format!("{}/{}", draw.one(&DIRECTORIES), draw.one(&FILES));
        let text = if draw.once_in(10) { String::new() } else { document(draw) };
        files.push((path, text.into_bytes()));
    }
    files
}

fn document(draw: &mut Draw) -> String {
    let mut text = draw.one(&["", "", "\u{feff}", "# netplan\n", "---\n"]).to_owned();
    text += "network:\n  version: 2\n";
    if draw.once_in(6) {
        text += "  renderer: networkd\n";
    }
    for _ in 0..=draw.up_to(1) {
        text += "  ethernets:\n";
        for _ in 0..=draw.up_to(1) {
            let (id, extra) = (draw.one(&IDS), draw.one(&EXTRAS));
            let body = rule(draw, id);
            text.extend(["    ", id, ":\n", &body, "      ", extra, "\n"]);
            if draw.once_in(5) {
                text.extend(["      ", extra, "\n"]);
            }
        }
    }
    text += draw.one(&ENDS);
    text
}

fn rule(draw: &mut Draw, id: &str) -> String {
    let name = format!("name: {}", draw.one(&NAMES));
    let mac = format!("macaddress: {}", mac(draw));
    let matched = |keys: &[&str]| {
        keys.iter().fold("      match:\n".to_owned(), |text, key| format!("{text}        {key}\n"))
    };
    match draw.up_to(8) {
        0 => String::new(),
        1 => "      match: {}\n".to_owned(),
        2 => matched(&["driver: veth"]),
        3 => matched(&[&name, &format!("name: {}", draw.one(&NAMES))]),
        4 => matched(&[&name, &mac]),
        5 => matched(&[&mac]),
        6 => format!("{}      set-name: {}\n", matched(&[&mac]), id.trim_matches('"').trim_end_matches('*')),
        _ => matched(&[&name]),
    }
}

fn mac(draw: &mut Draw) -> String {
    let mac = draw.one(&NICS.map(|nic| nic.0)).to_owned();
    let mac = if draw.once_in(3) { mac.to_uppercase() } else { mac };
    let quote = draw.one(&["", "'", "\""]);
    format!("{quote}{mac}{quote}")
}
