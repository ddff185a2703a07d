//! One look at everything that this takes, for people: what is there, what is not, and the remedy.
//!
//! ```text
//!  cluster   API server, objects, Nodes ─┐
//!  agents    GET / on every Node ────────┼─▶ Facts ──judge──▶ lines
//!  inventory::inspect      database ─────┘             pure
//! ```
//!
//! It changes nothing, and needs no right that the operator does not have.

mod agents;
mod cluster;
mod facts;
mod judge;

use std::io::{self, Write};

use tokio::join;

use self::{facts::Facts, judge::Expected};
use crate::{
    CheckArgs,
    database::{DatabaseSettings, StatusTable},
};

/// Checks everything, also when something fails, and prints one line for each thing checked.
///
/// Returns whether all is well. Fails only when it cannot print.
pub async fn check(args: CheckArgs, out: &mut impl Write) -> io::Result<bool> {
    let CheckArgs { help: _, database, agent_port, node_selector } = args;
    let status_table = database.status_table();
    let settings = DatabaseSettings::from(database);
    let status_table = status_table.map(|name| StatusTable::new(settings.clone(), name));
    let expected =
        Expected { version: multinic_runtime::VERSION, database: settings.name.clone(), agent_port };

    let (cluster, database) = join!(cluster::ask(&node_selector, agent_port), settings.inspect());
    let status_table = match status_table {
        Some(table) => Some((table.name().to_string(), table.inspect().await)),
        None => None,
    };
    let facts = Facts { cluster, database, status_table };
    let lines = judge::judge(&facts, &expected);
    for line in &lines {
        writeln!(out, "{line}")?;
    }
    Ok(lines.iter().all(judge::Line::is_ok))
}
