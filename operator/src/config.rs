//! The command line.
#![allow(clippy::doc_markdown, reason = "the comments are what --help prints")]

use std::{
    env::{self, VarError},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use clap::{
    ArgAction, CommandFactory, Parser,
    builder::{NonEmptyStringValueParser, OsStringValueParser, TypedValueParser},
    error::ErrorKind,
};
use multinic_crds::{MAX_INTERFACES, Mode};
use multinic_operator_core::{pace::Intervals, routing::Networking, status_table::TableName};
use multinic_runtime::{RuntimeArgs, admin::Listen};

pub(crate) use self::explain::{COMPLETION, CompletionArgs, EXPLAIN};
pub use self::explain::{ExplainArgs, Output};
use crate::{
    database::{DatabaseSettings, MAX_HOSTS, Password, SslMode},
    kubernetes::leader::Candidate,
    report::events::OwnPod,
};

mod explain;
mod selector;

const SYNC_INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);
/// While something changes, where nobody says it. A row is then right in the kernel within two seconds.
const BUSY_INTERVAL: Duration = Duration::from_secs(1);
/// Less would be one state of the producer, read twice.
const REMOVAL_GRACES: RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_hours(24);
/// The word on the command line.
pub(crate) const CHECK: &str = "check";
const PASSWORD: &str = "DB_PASSWORD";

/// Carries OpenStack's table of NICs to one NodeNetworkConfig per Kubernetes node
#[derive(Debug, Parser)]
#[command(name = "multinic-operator", version = multinic_runtime::VERSION, disable_help_flag = true)]
#[command(after_help = "DB_PASSWORD may have the password. \
    Kubernetes is found by KUBECONFIG or the pod's service account.")]
pub struct Args {
    /// Print help
    // Not clap's own, whose --help takes three screens.
    #[arg(short, long, action = ArgAction::HelpShort)]
    pub(crate) help: Option<bool>,

    /// What all binaries share.
    #[command(flatten)]
    pub runtime: RuntimeArgs,

    #[command(flatten)]
    pub(crate) database: DatabaseArgs,

    /// Wait between readings, busy..at rest
    #[arg(long, env = "POLL_INTERVAL", default_value = "1s..30s", value_name = "1s..1h", value_parser = intervals)]
    pub(crate) sync_interval: Intervals,

    /// Wait before removals, 30s-24h
    #[arg(long, env = "REMOVAL_GRACE", default_value = "30s", value_name = "DURATION", value_parser = grace)]
    pub(crate) removal_grace: Duration,

    /// Slots of a node, 1 to 20
    #[arg(long, env = "MAX_INTERFACES", default_value = "10", value_name = "COUNT", value_parser = slots)]
    pub(crate) max_interfaces: usize,

    /// spec.mode of new objects
    #[arg(long, env = "INITIAL_MODE", default_value = "Enforce", value_name = "MODE", value_parser = mode)]
    pub(crate) initial_mode: Mode,

    /// Routes; the chart's value of that name
    #[arg(long, env = "NETWORKING", default_value = "", hide_default_value = true, value_name = "JSON")]
    pub(crate) networking: Networking,

    /// Addresses of the dashboard, or off
    #[arg(long, env = "DASHBOARD_LISTEN", default_value = "127.0.0.1:8081", value_name = "ADDR")]
    pub(crate) dashboard_listen: DashboardListen,

    #[command(flatten)]
    pub(crate) leader: LeaderArgs,
}

/// Where the dashboard is, if anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DashboardListen(pub(crate) Option<Listen>);

impl FromStr for DashboardListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" | "off" => Ok(Self(None)),
            _ => text.parse().map(Some).map(Self),
        }
    }
}

/// Look once whether API server, database and every agent are as they must be
#[derive(Debug, Parser)]
#[command(name = CHECK, disable_help_flag = true, after_help = "Exits with 0 if all is well, and with 1 if not.")]
pub struct CheckArgs {
    /// Print help
    #[arg(short, long, action = ArgAction::HelpShort)]
    pub(crate) help: Option<bool>,

    #[command(flatten)]
    pub(crate) database: DatabaseArgs,

    /// Port on which the agents answer
    #[arg(long, env = "AGENT_PORT", default_value = "8080", value_name = "PORT")]
    pub(crate) agent_port: u16,

    /// Labels of the Nodes that should have an agent, such as 'role=worker,zone in (a,b),!edge'; all Nodes without
    #[arg(long, env = "NODE_SELECTOR", default_value = "", hide_default_value = true, value_name = "LABELS")]
    #[arg(value_parser = selector::parse)]
    pub(crate) node_selector: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LeaderArgs {
    /// Act only while holding a lease; needs POD_NAME and POD_NAMESPACE
    #[arg(long, env = "LEADER_ELECTION", value_parser = boolean)]
    leader_election: bool,

    /// Name of this pod, for lease and Events
    // These three are the downward API's to say; nobody types them.
    #[arg(long, env = "POD_NAME", default_value = "", hide = true)]
    pod_name: String,

    /// Namespace of this pod, and of the lease
    #[arg(long, env = "POD_NAMESPACE", default_value = "", hide = true)]
    pod_namespace: String,

    /// Uid of this pod, for Events
    #[arg(long, env = "POD_UID", default_value = "", hide = true)]
    pod_uid: String,
}

impl LeaderArgs {
    pub(crate) fn validate(&self) -> Result<(), clap::Error> {
        // A variable that a template left empty is not set, which clap's own requirement does not know.
        let missing = self.pod_name.is_empty() || self.pod_namespace.is_empty();
        if self.leader_election && missing {
            return Err(Args::command().error(
                ErrorKind::MissingRequiredArgument,
                "--leader-election (or LEADER_ELECTION) needs --pod-name (or POD_NAME) and --pod-namespace (or \
                 POD_NAMESPACE)",
            ));
        }
        Ok(())
    }

    /// Who stands for election; nobody where one operator is alone.
    pub(crate) fn candidate(self) -> Option<Candidate> {
        let Self { leader_election, pod_name: pod, pod_namespace: namespace, pod_uid: _ } = self;
        leader_election.then_some(Candidate { pod, namespace })
    }

    /// The pod that this is, as far as it was said.
    pub(crate) fn own_pod(&self) -> OwnPod {
        let Self { leader_election: _, pod_name, pod_namespace, pod_uid } = self;
        OwnPod { name: pod_name.clone(), namespace: pod_namespace.clone(), uid: pod_uid.clone() }
    }
}

#[derive(Debug, clap::Args)]
#[allow(clippy::struct_field_names, reason = "they are the names of the flags")]
pub(crate) struct DatabaseArgs {
    /// Host of the database, or up to three (a,b)
    #[arg(long, env = "DB_HOST", value_name = "HOST", value_parser = hosts)]
    db_host: Hosts,

    /// Port of the database
    #[arg(long, env = "DB_PORT", default_value = "3306", value_name = "PORT")]
    db_port: u16,

    /// Name of the database
    #[arg(long, env = "DB_NAME", default_value = "multinic", value_name = "NAME")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    db_name: String,

    /// User of the database; its grants: docs/operating.md
    #[arg(long, env = "DB_USER", value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
    db_user: String,

    /// File with the user's password
    #[arg(long, env = "DB_PASSWORD_FILE", value_name = "FILE", value_parser = path())]
    db_password_file: Option<PathBuf>,

    /// How far the connection is secured
    #[arg(long, env = "DB_SSL_MODE", default_value = "preferred", value_name = "MODE", value_enum)]
    db_ssl_mode: SslMode,

    /// Authorities (PEM) to verify the server by
    #[arg(long, env = "DB_SSL_CA", value_name = "FILE", value_parser = path())]
    db_ssl_ca: Option<PathBuf>,

    /// Table to write how each NIC is into
    #[arg(long, env = "DB_STATUS_TABLE", default_value = "", hide_default_value = true, value_name = "NAME")]
    #[arg(value_parser = table)]
    db_status_table: StatusTableName,

    /// Honour deleted_at and status
    #[arg(
        long,
        env = "DB_SOFT_DELETE",
        default_value = "true",
        hide_default_value = true,
        value_name = "BOOL"
    )]
    // Hardly anybody changes it, and the help is to fit a screen.
    #[arg(action = ArgAction::Set, value_parser = boolean, hide_short_help = true)]
    db_soft_delete: bool,
}

/// Of the status table, where there is one.
type StatusTableName = Option<TableName>;

/// One host or several.
#[derive(Debug, Clone)]
struct Hosts(Vec<String>);

impl DatabaseArgs {
    /// What the status table is called, where there is one.
    pub(crate) fn status_table(&self) -> Option<TableName> {
        self.db_status_table.clone()
    }

    pub(crate) fn validate(&self) -> Result<(), clap::Error> {
        let refuse = |why| Err(Args::command().error(ErrorKind::ValueValidation, why));
        if self.db_ssl_mode == SslMode::Disabled && self.db_ssl_ca.as_deref().is_some_and(is_set) {
            return refuse(
                "--db-ssl-ca (or DB_SSL_CA) is never used while --db-ssl-mode (or DB_SSL_MODE) is disabled; leave \
                 out one of them",
            );
        }
        let needs_value = !self.db_password_file.as_deref().is_some_and(is_set);
        if needs_value && matches!(env::var(PASSWORD), Err(VarError::NotUnicode(_))) {
            return refuse(
                "DB_PASSWORD is no text in UTF-8; set a password that is, also for the database user",
            );
        }
        Ok(())
    }
}

/// A variable that a template left empty is not set.
fn is_set(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

impl From<DatabaseArgs> for DatabaseSettings {
    fn from(args: DatabaseArgs) -> Self {
        let DatabaseArgs { db_host, db_port, db_name, db_user, db_password_file, .. } = args;
        let DatabaseArgs { db_ssl_mode, db_ssl_ca, db_soft_delete, .. } = args;
        // Not an argument of clap's, which would make it a flag that every process list shows.
        let file = |path: &PathBuf| is_set(path);
        let from_environment = || env::var(PASSWORD).map_or(Password::None, Password::Value);
        Self {
            hosts: db_host.0,
            port: db_port,
            name: db_name,
            user: db_user,
            password: db_password_file.filter(file).map_or_else(from_environment, Password::File),
            ssl_mode: db_ssl_mode,
            ssl_ca: db_ssl_ca.filter(file),
            soft_delete: db_soft_delete,
        }
    }
}

/// Unlike clap's own, takes an empty path too.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// `2s..30s`; where one is said, it is that at rest.
fn intervals(text: &str) -> Result<Intervals, String> {
    let interval = |text: &str| {
        humantime::parse_duration(text).ok().filter(|interval| SYNC_INTERVALS.contains(interval))
    };
    let said = match text.split_once("..") {
        Some((busy, rest)) => interval(busy).zip(interval(rest)),
        None => interval(text).map(|rest| (BUSY_INTERVAL.min(rest), rest)),
    };
    let said = said.filter(|(busy, rest)| busy <= rest);
    said.map(|(busy, rest)| Intervals { busy, rest }).ok_or_else(|| {
        "write two durations from 1s to 1h, the shorter one first, such as 2s..30s; or the longer one alone".to_owned()
    })
}

/// An empty name is none.
fn table(text: &str) -> Result<StatusTableName, String> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// Hosts, separated by commas.
fn hosts(text: &str) -> Result<Hosts, String> {
    let hosts: Vec<_> = text.split(',').map(|host| host.trim().to_owned()).collect();
    let fits = hosts.len() <= MAX_HOSTS && hosts.iter().all(|host| !host.is_empty());
    fits.then_some(Hosts(hosts)).ok_or_else(|| format!("write up to {MAX_HOSTS} hosts, such as db-1,db-2"))
}

fn grace(text: &str) -> Result<Duration, String> {
    let grace = humantime::parse_duration(text).ok().filter(|grace| REMOVAL_GRACES.contains(grace));
    grace.ok_or_else(|| "write a duration from 30s to 24h, such as 30s or 10m".to_owned())
}

fn slots(text: &str) -> Result<usize, String> {
    let slots = text.parse().ok().filter(|slots| (1..=MAX_INTERFACES).contains(slots));
    slots.ok_or_else(|| format!("write a number from 1 to {MAX_INTERFACES}"))
}

/// The words of the API.
fn mode(text: &str) -> Result<Mode, String> {
    let modes = [Mode::Enforce, Mode::DryRun, Mode::Paused];
    let mode = modes.into_iter().find(|mode| format!("{mode:?}") == text);
    mode.ok_or_else(|| "write Enforce, DryRun or Paused".to_owned())
}

/// As in a template: nothing is no.
fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests;
