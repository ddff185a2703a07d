//! ifupdown's files, against its own reader.

use anyhow::{Result, ensure};
use multinic_testbed::{Kind, Testbed};

use crate::draw::{Draw, Files, evidence, remove, write};
use crate::{NICS, Tally, covered, definitions, plug};

/// Names those of its arguments that ifupdown would configure: by a stanza of that name, or by being told to.
const QUERY: &str = r#"
for name in "$@"; do
    if ifquery "$name" > /dev/null 2>&1; then
        echo "$name"
    fi
done
for class in auto hotplug; do
    ifquery --list --allow="$class" 2> /dev/null || true
done
"#;

const MAIN: &str = "/etc/network/interfaces";
const INCLUDED: [&str; 7] = [
    "/etc/network/interfaces.d/50-site",
    "/etc/network/site/a.conf",
    "/etc/network/site/b",
    "/etc/network/site/c.bak",
    "/run/network/interfaces.d/eth1",
    "/run/network/interfaces.d/ens7.bak",
    "/opt/site/interfaces",
];
const INCLUDES: [&str; 14] = [
    "source /etc/network/interfaces.d/*",
    "source\t/etc/network/site/*.conf",
    "source site/*",
    "source /etc/net*/s?te/[ab]*",
    "source-directory /run/network/interfaces.d",
    "source-directory interfaces.d",
    "source-directory /etc/network/s*",
    "source /var/run/network/interfaces.d/*",
    "source /opt/site/*",
    "source $(echo /etc/network/site/b)",
    "source /etc/network/site/{a.conf,b}",
    "source \"/etc/network/site/b\"",
    "  source \\\n/etc/network/site/b",
    "source /etc/network/site/../site/b",
];
const NAMES: [&str; 7] = ["eth1", "ens7", "lan", "multinic0", "eth9", "br0", "lo"];
const STANZAS: [&str; 12] = [
    "iface NAME inet dhcp",
    "iface\tNAME\tinet\tmanual",
    "   iface   NAME   inet   manual",
    "iface \\\n  NAME inet manual",
    "iface NAME \\\n inet \\\n manual",
    "# a comment \\\niface NAME inet manual",
    "iface NAME inet6 auto",
    "iface NAME inet manual\n\tup true\n\tdown true",
    "iface x inet manual\niface NAME inet manual inherits x",
    "auto NAME\niface NAME inet manual",
    "allow-hotplug NAME\niface NAME inet manual",
    "no-auto-down NAME\niface NAME inet manual",
];
const OTHERS: [&str; 8] = [
    "",
    "# nothing",
    "auto /e*=x\niface x inet manual",
    "auto /ens?=x\niface x inet manual",
    "allow-hotplug /*/1=x\niface x inet manual",
    "auto mac/fa:16:3e:00:00:03=x\niface x inet manual",
    "mapping e*\n\tscript /bin/true",
    "auto eth1",
];

/// Inputs of every kind.
pub(crate) async fn any(bed: &Testbed) -> Result<()> {
    let mut draw = Draw::new("ifupdown files", 150)?;
    let node = bed.node("worker-1", Kind::Full).await?;
    node.add_ifquery()?;
    let links = plug(&node)?;
    let root = node.host_root()?;
    let mut query = vec!["sh", "-ec", QUERY, "query"];
    query.extend(NICS.iter().flat_map(|(_, name, _)| [*name]));
    let mut tally = Tally::default();
    for number in 1..=draw.inputs {
        let files = tree(&mut draw);
        write(&root, &files)?;
        let configured = node.exec(&query)?;
        let covered = covered(&definitions(&files)?, &links);
        remove(&root, &files)?;
        let configured = configured.lines().filter(|name| links.iter().any(|link| link.name == *name));
        let configured = configured.map(|name| (name, String::new()));
        tally.count("ifupdown", configured, &covered, || evidence(&draw, number, &files))?;
    }
    let Tally { taken, more } = tally;
    eprintln!("ifupdown takes {taken} links, and {more} more are covered");
    ensure!(taken > 0, "ifupdown takes nothing");
    Ok(())
}

fn tree(draw: &mut Draw) -> Files {
    let mut main = text(draw);
    for line in draw.some(&INCLUDES, 0, 2) {
        main += line;
        main += "\n";
    }
    let mut files = vec![(MAIN.to_owned(), main.into_bytes())];
    for path in draw.some(&INCLUDED, 0, 3) {
        files.push((path.to_owned(), text(draw).into_bytes()));
    }
    files
}

fn text(draw: &mut Draw) -> String {
    let mut text = String::new();
    for stanza in draw.some(&STANZAS, 0, 2) {
        text += &stanza.replace("NAME", draw.one(&NAMES));
        text += draw.one(&["\n", "\n", "\n\n", " \n"]);
    }
    text += draw.one(&OTHERS);
    text += "\n";
    text
}
