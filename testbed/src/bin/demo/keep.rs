//! Leaves the demo running, with a few commands to play with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use multinic_testbed::{Node, World};

use crate::narrator::Narrator;
use crate::story;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.demo");

/// A row as OpenStack's controller would write it, from a node's name, an address and a MAC.
const INSERT: &str = "INSERT INTO multi_interface (port_id, subnet_id, macaddress, attached_node_name, \
    attached_node_id, cr_namespace, cr_name, address) \
    VALUES (UUID(), 'subnet-storage', '$3', '$1', 'vm-$1', 'default', 'storage', '$2')";

const USAGE: &str = "[ $# = 3 ] || { echo \"usage: $0 NODE ADDRESS MAC\" >&2; exit 2; }";

/// Writes the commands, says what they do, and waits for Ctrl-C or the command `stop`.
pub(crate) async fn until_stopped(narrator: &Narrator, world: &World<'_>, nodes: &[&Node<'_>]) -> Result<()> {
    let directory = Path::new(DIRECTORY);
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir(directory).with_context(|| format!("cannot create {DIRECTORY}"))?;
    let _commands = Commands(directory);
    write(directory, "kubectl", &format!("exec {} \"$@\"", world.cluster.kubectl_command()))?;
    write(directory, "sql", &format!("exec {} \"$@\"", world.database.sql_command()))?;
    for node in nodes {
        write(directory, node.name(), &format!("exec {} \"$@\"", node.enter_command()?))?;
    }
    write(directory, "insert", &format!("{USAGE}\nexec {} -e \"{INSERT}\"", world.database.sql_command()))?;
    write(directory, "stop", &format!("exec kill -INT {}", std::process::id()))?;

    narrator.tell("The demo stays up until Ctrl-C or .demo/stop. From another terminal, for example:")?;
    narrator.show("watch .demo/kubectl get nnc", "the objects, as they change")?;
    narrator.show(".demo/worker-1 ip -br addr", "any command on a node")?;
    narrator.show(
        &format!(".demo/insert {} 10.20.0.11 {}", nodes[0].name(), story::STORAGE),
        "a row for the NIC that has lost its own",
    )?;
    narrator.show(
        ".demo/sql -e \"DELETE FROM multi_interface WHERE address = '10.20.0.12'\"",
        "a row, and with it a NIC, goes",
    )?;
    // Whoever waits for this story also waits for Ctrl-C.
    std::future::pending().await
}

/// The commands, as long as there is something to command.
struct Commands(&'static Path);

impl Drop for Commands {
    fn drop(&mut self) {
        // Left behind, they say themselves that their processes are gone.
        let _ = fs::remove_dir_all(self.0);
    }
}

fn write(directory: &Path, name: &str, command: &str) -> Result<()> {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{command}\n"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
