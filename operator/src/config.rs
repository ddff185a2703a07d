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
    ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches, Parser,
    builder::{NonEmptyStringValueParser, OsStringValueParser, TypedValueParser},
    error::ErrorKind,
};
use multinic_crds::MAX_INTERFACES;
use multinic_operator_core::routing::Networking;
use multinic_runtime::{RuntimeArgs, admin::Listen};

use crate::{
    database::{DatabaseSettings, Password, SslMode},
    kubernetes::leader::Candidate,
};

const SYNC_INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);
/// Less would be one state of the producer, read twice.
const REMOVAL_GRACES: RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_hours(24);
const CHECK: &str = "check";
const PASSWORD: &str = "DB_PASSWORD";

/// What the command line, and the environment, ask for.
#[derive(Debug)]
pub enum Cli {
    /// Keep the objects true to the table; what is done where nothing is said.
    Run(Box<Args>),
    /// Look once whether everything that this takes is there.
    Check(Box<CheckArgs>),
}

// By hand, since clap's derive cannot say that the options without a subcommand are those of one.
impl CommandFactory for Cli {
    fn command() -> Command {
        Args::command()
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
            .disable_help_subcommand(true)
            .subcommand(CheckArgs::command())
    }

    fn command_for_update() -> Command {
        Self::command()
    }
}

impl FromArgMatches for Cli {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        if let Some((CHECK, matches)) = matches.subcommand() {
            let args = CheckArgs::from_arg_matches(matches)?;
            args.database.validate()?;
            return Ok(Self::Check(Box::new(args)));
        }
        let args = Args::from_arg_matches(matches)?;
        args.leader.validate()?;
        args.database.validate()?;
        Ok(Self::Run(Box::new(args)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Parser for Cli {}

/// Carries OpenStack's table of NICs to one NodeNetworkConfig per Kubernetes node
#[derive(Debug, Parser)]
#[command(name = "multinic-operator", version = multinic_runtime::VERSION, disable_help_flag = true)]
#[command(after_help = "The password may be in the environment as DB_PASSWORD instead of in a file. \
    Kubernetes is found by KUBECONFIG, or as a pod's service account.")]
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

    /// Time between two readings of the table, such as 30s or 1m; 1s to 1h
    #[arg(long, env = "POLL_INTERVAL", default_value = "30s", value_name = "DURATION", value_parser = interval)]
    pub(crate) sync_interval: Duration,

    /// Wait before removals, 30s-24h
    #[arg(long, env = "REMOVAL_GRACE", default_value = "30s", value_name = "DURATION", value_parser = grace)]
    pub(crate) removal_grace: Duration,

    /// Slots of a node, 1 to 20
    #[arg(long, env = "MAX_INTERFACES", default_value = "10", value_name = "COUNT", value_parser = slots)]
    pub(crate) max_interfaces: usize,

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

/// Look once whether API server, database and every agent are as they must be; exit 1 if not
#[derive(Debug, Parser)]
#[command(name = CHECK, disable_help_flag = true)]
pub struct CheckArgs {
    /// Print help
    #[arg(short, long, action = ArgAction::HelpShort)]
    pub(crate) help: Option<bool>,

    #[command(flatten)]
    pub(crate) database: DatabaseArgs,

    /// Port on which the agents answer
    #[arg(long, env = "AGENT_PORT", default_value = "8080", value_name = "PORT")]
    pub(crate) agent_port: u16,

    /// Labels of the Nodes that should have an agent, such as role=worker,zone=a; all Nodes without
    #[arg(long, env = "NODE_SELECTOR", default_value = "", hide_default_value = true, value_name = "LABELS")]
    #[arg(value_parser = labels)]
    pub(crate) node_selector: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LeaderArgs {
    /// Act only while holding a lease; for more than one replica
    #[arg(long, env = "LEADER_ELECTION", value_parser = boolean)]
    leader_election: bool,

    /// Name of this pod, for the lease
    #[arg(long, env = "POD_NAME", default_value = "", hide_default_value = true, value_name = "NAME")]
    pod_name: String,

    /// Namespace of this pod, and of the lease
    #[arg(long, env = "POD_NAMESPACE", default_value = "", hide_default_value = true, value_name = "NAME")]
    pod_namespace: String,
}

impl LeaderArgs {
    fn validate(&self) -> Result<(), clap::Error> {
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
        let Self { leader_election, pod_name: pod, pod_namespace: namespace } = self;
        leader_election.then_some(Candidate { pod, namespace })
    }
}

#[derive(Debug, clap::Args)]
#[allow(clippy::struct_field_names, reason = "they are the names of the flags")]
pub(crate) struct DatabaseArgs {
    /// Host of the database
    #[arg(long, env = "DB_HOST", value_name = "HOST", value_parser = NonEmptyStringValueParser::new())]
    db_host: String,

    /// Port of the database
    #[arg(long, env = "DB_PORT", default_value = "3306", value_name = "PORT")]
    db_port: u16,

    /// Name of the database
    #[arg(long, env = "DB_NAME", default_value = "multinic", value_name = "NAME")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    db_name: String,

    /// User who may SELECT, and UPDATE netplan_success and modified_at
    #[arg(long, env = "DB_USER", value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
    db_user: String,

    /// File with the user's password
    #[arg(long, env = "DB_PASSWORD_FILE", value_name = "FILE", value_parser = path())]
    db_password_file: Option<PathBuf>,

    /// How far the connection is secured
    #[arg(long, env = "DB_SSL_MODE", default_value = "preferred", value_name = "MODE", value_enum)]
    db_ssl_mode: SslMode,

    /// File with the certificates of the authorities to trust (PEM); the server is then verified, as by verify-ca
    #[arg(long, env = "DB_SSL_CA", value_name = "FILE", value_parser = path())]
    db_ssl_ca: Option<PathBuf>,
}

impl DatabaseArgs {
    fn validate(&self) -> Result<(), clap::Error> {
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
        let DatabaseArgs { db_host, db_port, db_name, db_user, db_password_file, db_ssl_mode, db_ssl_ca } =
            args;
        // Not an argument of clap's, which would make it a flag that every process list shows.
        let file = |path: &PathBuf| is_set(path);
        let from_environment = || env::var(PASSWORD).map_or(Password::None, Password::Value);
        Self {
            host: db_host,
            port: db_port,
            name: db_name,
            user: db_user,
            password: db_password_file.filter(file).map_or_else(from_environment, Password::File),
            ssl_mode: db_ssl_mode,
            ssl_ca: db_ssl_ca.filter(file),
        }
    }
}

/// Unlike clap's own, takes an empty path too.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).ok().filter(|interval| SYNC_INTERVALS.contains(interval));
    interval.ok_or_else(|| "write a duration from 1s to 1h, such as 30s or 1m".to_owned())
}

fn grace(text: &str) -> Result<Duration, String> {
    let grace = humantime::parse_duration(text).ok().filter(|grace| REMOVAL_GRACES.contains(grace));
    grace.ok_or_else(|| "write a duration from 30s to 24h, such as 30s or 10m".to_owned())
}

fn slots(text: &str) -> Result<usize, String> {
    let slots = text.parse().ok().filter(|slots| (1..=MAX_INTERFACES).contains(slots));
    slots.ok_or_else(|| format!("write a number from 1 to {MAX_INTERFACES}"))
}

/// As in a template: nothing is no.
fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

fn labels(text: &str) -> Result<String, String> {
    let complete = |label: &str| label.split_once('=').is_some_and(|(key, value)| is_label(key, value));
    let well_formed = text.is_empty() || text.split(',').all(complete);
    well_formed.then(|| text.to_owned()).ok_or_else(|| "write key=value, or key=value,key=value".to_owned())
}

/// Whether the API server could take it; whatever else its query language has is not ours to pass on.
fn is_label(key: &str, value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !key.is_empty() && key.chars().all(|c| plain(c) || c == '/') && value.chars().all(plain)
}

#[cfg(test)]
mod tests;
