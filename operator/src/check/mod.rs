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
use crate::{CheckArgs, database::DatabaseSettings};

/// Checks everything, also when something fails, and prints one line for each thing checked.
///
/// Returns whether all is well. Fails only when it cannot print.
pub async fn check(args: CheckArgs, out: &mut impl Write) -> io::Result<bool> {
    let CheckArgs { help: _, database, agent_port, node_selector } = args;
    let settings = DatabaseSettings::from(database);
    let expected =
        Expected { version: multinic_runtime::VERSION, database: settings.name.clone(), agent_port };

    let (cluster, database) = join!(cluster::ask(&node_selector, agent_port), settings.inspect());
    let facts = Facts { cluster, database };
    let lines = judge::judge(&facts, &expected);
    for line in &lines {
        writeln!(out, "{line}")?;
    }
    Ok(lines.iter().all(judge::Line::is_ok))
}
