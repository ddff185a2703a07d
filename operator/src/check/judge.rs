//! From what was found to what is said: one line for each thing checked.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use multinic_operator_core::table::Shape;

use super::facts::{Agent, Facts, Node, Object};
use crate::{
    database::{Cause, Inspection, Refusal},
    kubernetes::Unanswered,
};

/// Nodes that one line names; the rest is only counted.
const MAX_NAMES: usize = 10;
const SELECT: &str = "SELECT";
/// On the status table, which is ours alone.
const STATUS_RIGHTS: &str = "SELECT, INSERT, DELETE";
const FORBIDDEN: u16 = 403;
const NOT_FOUND: u16 = 404;

/// What the facts are held against.
pub(super) struct Expected {
    /// The version of this binary, and of every agent.
    pub(super) version: &'static str,
    /// The name of the database.
    pub(super) database: String,
    pub(super) agent_port: u16,
}

/// What is said of one thing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    what: &'static str,
    /// What is right about it, or what is wrong and the remedy.
    said: Result<String, String>,
}

impl Line {
    pub(super) const fn is_ok(&self) -> bool {
        self.said.is_ok()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, said } = self;
        match said {
            Ok(detail) => write!(f, "ok   {what}: {detail}"),
            Err(failure) => write!(f, "FAILED {what}: {failure}"),
        }
    }
}

/// One line for each thing that could be looked at.
pub(super) fn judge(facts: &Facts, expected: &Expected) -> Vec<Line> {
    let Facts { cluster, database, status_table } = facts;
    let mut lines = Vec::new();
    let mut say = |what, said| lines.push(Line { what, said });

    say("API server", cluster.version.clone().map_err(|unanswered| api_failure(&unanswered)));
    say("definition", definition(cluster.objects.as_ref()));
    match database {
        Ok(database) => {
            say("database", connected(database));
            say("table", table(database, &expected.database));
            if let Some(reading) = &database.reading {
                say("reading", rights(database, [(SELECT.to_owned(), reading)], &expected.database));
            }
            if !database.writing.is_empty() {
                let writing =
                    database.writing.iter().map(|(column, asked)| (format!("UPDATE ({column})"), asked));
                say("writing", rights(database, writing, &expected.database));
            }
            if let Some((name, asked)) = status_table {
                let name = format!("{}.{name}", expected.database);
                say("status table", kept(asked.as_ref(), &name, &database.account));
            }
        }
        Err(refusal) => say("database", Err(no_connection(refusal))),
    }
    match &cluster.nodes {
        Ok(nodes) if nodes.is_empty() => {
            say("Nodes", Err("there are none with these labels; correct NODE_SELECTOR".to_owned()));
        }
        Ok(nodes) => {
            if let Ok(objects) = &cluster.objects {
                say("objects", each_has_an_object(nodes, objects));
                say("reports", each_is_reported_on(nodes, objects));
                say("addresses", none_is_of_a_nic(nodes, objects));
            }
            say("agents", each_agent_answers(nodes, expected));
        }
        Err(unanswered) => say("Nodes", Err(api_failure(unanswered))),
    }
    lines
}

fn api_failure(Unanswered { code, why }: &Unanswered) -> String {
    let remedy = match code {
        Some(FORBIDDEN) => "bind the role that the chart ships to the operator's service account",
        Some(_) => "look at the API server",
        None => {
            "set KUBECONFIG or run this in a pod with the operator's service account, and let it reach the API server"
        }
    };
    format!("{why}; {remedy}")
}

fn definition(objects: Result<&BTreeMap<String, Object>, &Unanswered>) -> Result<String, String> {
    match objects {
        Ok(objects) => Ok(format!("NodeNetworkConfigs are served, and there are {}", objects.len())),
        Err(Unanswered { code: Some(NOT_FOUND), why }) => {
            Err(format!("{why}; install the definition of NodeNetworkConfig that the chart ships"))
        }
        Err(unanswered) => Err(api_failure(unanswered)),
    }
}

/// A replica takes no writes, and tells what was: rows that are not there yet would look deleted.
fn connected(database: &Inspection) -> Result<String, String> {
    if database.read_only {
        return Err(
            "the server is read-only, and what a replica tells may be old; set DB_HOST to the server that takes writes"
                .to_owned(),
        );
    }
    Ok(format!("connected as {}", database.account))
}

fn no_connection(Refusal { cause, why }: &Refusal) -> String {
    match cause.remedy() {
        Some(remedy) => format!("{why}; {remedy}"),
        None => why.clone(),
    }
}

fn table(database: &Inspection, name: &str) -> Result<String, String> {
    let grant = |table: &str| grant(SELECT, &format!("{name}.{table}"), &database.account);
    match &database.shape {
        Ok(shape @ Shape::AddressesWithoutSubnets) => {
            Err(format!("{shape}; create multi_subnet, or {}", grant("multi_subnet")))
        }
        Ok(shape) => Ok(match database.index {
            Some(index) => format!("{shape}; writing is faster with an index on port_id: {index}"),
            None => shape.to_string(),
        }),
        Err(Refusal { cause: Cause::Told, why }) => Err(format!("{why}: {}", grant("multi_interface"))),
        Err(refusal) => Err(no_connection(refusal)),
    }
}

/// Whether the status table is there with all columns, and may be written.
fn kept(asked: Result<&(), &Refusal>, table: &str, account: &str) -> Result<String, String> {
    asked.map(|()| format!("{table} can be written")).map_err(|refusal| match refusal.cause {
        Cause::Forbidden => format!("{}; {}", refusal.why, grant(STATUS_RIGHTS, table, account)),
        Cause::Other => format!("{}; make the table as docs/status-table.md says", refusal.why),
        _ => no_connection(refusal),
    })
}

/// Whether all that was asked for is allowed, and if not, the grants that are missing.
fn rights<'a>(
    database: &Inspection,
    asked: impl IntoIterator<Item = (String, &'a Result<(), Refusal>)>,
    name: &str,
) -> Result<String, String> {
    let (mut allowed, mut missing, mut reasons, mut others) = (vec![], vec![], vec![], vec![]);
    for (right, answer) in asked {
        match answer {
            Ok(()) => allowed.push(right),
            Err(Refusal { cause, why }) => {
                reasons.push(why.as_str());
                if *cause == Cause::Forbidden {
                    missing.push(right);
                } else {
                    others.extend(cause.remedy());
                }
            }
        }
    }
    if reasons.is_empty() {
        return Ok(format!("{} is allowed", allowed.join(" and ")));
    }
    reasons.dedup();
    others.dedup();
    let grants = missing.iter().flat_map(|right| {
        let tables = if right == SELECT { database.tables } else { &["multi_interface"] };
        tables.iter().map(|table| grant(right, &format!("{name}.{table}"), &database.account))
    });
    let remedies: Vec<_> = grants.chain(others.into_iter().map(str::to_owned)).collect();
    Err(format!("{}; {}", reasons.join(", "), remedies.join("; ")))
}

/// The statement to give to the administrator of the database.
fn grant(right: &str, table: &str, account: &str) -> String {
    let (user, host) = account.rsplit_once('@').unwrap_or((account, "%"));
    format!("GRANT {right} ON {table} TO '{user}'@'{host}'")
}

fn each_has_an_object(nodes: &[Node], objects: &BTreeMap<String, Object>) -> Result<String, String> {
    let without = nodes.iter().filter(|node| !objects.contains_key(&node.name)).map(|node| node.name.clone());
    none(nodes, without).map(|()| format!("each of {} Nodes has one", nodes.len())).map_err(|names| {
        format!("none for {names}; the operator writes them, look at its log and at GET / of it")
    })
}

fn each_is_reported_on(nodes: &[Node], objects: &BTreeMap<String, Object>) -> Result<String, String> {
    let unreported =
        |node: &&Node| objects.get(&node.name).is_none_or(|object| object.agent_version.is_empty());
    let unreported = nodes.iter().filter(unreported).map(|node| node.name.clone());
    none(nodes, unreported).map(|()| "the agent of each Node has reported".to_owned()).map_err(|names| {
        format!("no agent has reported on {names}; look at the DaemonSet's pod there, and at its log")
    })
}

/// Whether the cluster looks for no Node at an address that is only for a NIC's own network.
fn none_is_of_a_nic(nodes: &[Node], objects: &BTreeMap<String, Object>) -> Result<String, String> {
    let leaked = |node: &Node| {
        let addresses = &objects.get(&node.name)?.addresses;
        let of_nic = |ip: &IpAddr| addresses.get(ip).map(|nic| format!("{ip} of {nic}"));
        let named: Vec<_> = node.internal_ips.iter().filter_map(of_nic).collect();
        (!named.is_empty()).then(|| format!("{} ({})", node.name, named.join(", ")))
    };
    none(nodes, nodes.iter().filter_map(leaked))
        .map(|()| "no InternalIP of a Node is that of a NIC of multinic".to_owned())
        .map_err(|names| {
            format!(
                "NICs' addresses are InternalIPs of {names}; in the [Networking] section of cloud.conf of \
                 openstack-cloud-controller-manager set internal-network-name to the network of the uplink, or set \
                 --node-ip of the kubelet where that tells the address"
            )
        })
}

fn each_agent_answers(nodes: &[Node], expected: &Expected) -> Result<String, String> {
    let wrong = |node: &Node| {
        let problem = match &node.agent {
            Ok(agent) => problem(agent, node, expected)?,
            Err(why) => why.clone(),
        };
        Some(format!("{} ({problem})", node.name))
    };
    none(nodes, nodes.iter().filter_map(wrong))
        .map(|()| format!("each of {} answers with version {}", nodes.len(), expected.version))
        .map_err(|names| {
            format!(
                "not as they should be: {names}; look at the DaemonSet's pod there, at its log, and whether \
                 something keeps this pod from port {} of the Node; a version changes when the roll-out has ended",
                expected.agent_port
            )
        })
}

/// What is wrong with an agent that answers.
fn problem(agent: &Agent, node: &Node, expected: &Expected) -> Option<String> {
    if agent.node != node.name {
        Some(format!("the agent of {} answers", agent.node))
    } else if agent.version != expected.version {
        Some(format!("version {}, but this is {}", agent.version, expected.version))
    } else if agent.status == "unhealthy" {
        Some("unhealthy".to_owned())
    } else {
        None
    }
}

/// `Ok` if there are none of these, else their names, and how many of all `nodes` they are.
fn none(nodes: &[Node], names: impl Iterator<Item = String>) -> Result<(), String> {
    let names: Vec<_> = names.collect();
    if names.is_empty() {
        return Ok(());
    }
    let more = names.len().saturating_sub(MAX_NAMES);
    let first = names[..names.len() - more].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(format!("{first}{more} ({} of {})", names.len(), nodes.len()))
}

#[cfg(test)]
mod tests;
