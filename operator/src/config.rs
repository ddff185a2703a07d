//! The command line.
#![allow(clippy::doc_markdown, reason = "the comments are what --help prints")]

use std::{env, ops::RangeInclusive, path::PathBuf, time::Duration};

use clap::{
    ArgAction, Parser,
    builder::{NonEmptyStringValueParser, OsStringValueParser, TypedValueParser},
};
use multinic_crds::MAX_INTERFACES;
use multinic_runtime::RuntimeArgs;

use crate::inventory::{DatabaseSettings, Password, SslMode};

const SYNC_INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

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

    /// Slots of a node, 1 to 20; NICs beyond are reported and left alone
    #[arg(long, env = "MAX_INTERFACES", default_value = "10", value_name = "COUNT", value_parser = slots)]
    pub(crate) max_interfaces: usize,
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

    /// File with the certificates of the authorities to trust (PEM)
    #[arg(long, env = "DB_SSL_CA", value_name = "FILE", value_parser = path())]
    db_ssl_ca: Option<PathBuf>,
}

impl From<DatabaseArgs> for DatabaseSettings {
    fn from(args: DatabaseArgs) -> Self {
        let DatabaseArgs { db_host, db_port, db_name, db_user, db_password_file, db_ssl_mode, db_ssl_ca } =
            args;
        // Not an argument of clap's, which would make it a flag that every process list shows.
        let from_environment = || env::var("DB_PASSWORD").map_or(Password::None, Password::Value);
        // A variable that a template left empty is not set.
        let file = |path: &PathBuf| !path.as_os_str().is_empty();
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

fn slots(text: &str) -> Result<usize, String> {
    let slots = text.parse().ok().filter(|slots| (1..=MAX_INTERFACES).contains(slots));
    slots.ok_or_else(|| format!("write a number from 1 to {MAX_INTERFACES}"))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn parse(extra: &[&str]) -> Result<Args, clap::Error> {
        let required = ["multinic-operator", "--db-host", "db", "--db-user", "multinic"];
        Args::try_parse_from(required.iter().chain(extra))
    }

    #[test]
    fn defaults_are_those_of_the_design() {
        let args = parse(&[]).unwrap();
        assert_eq!((args.sync_interval, args.max_interfaces), (Duration::from_secs(30), 10));
        assert_eq!((args.database.db_port, args.database.db_name.as_str()), (3306, "multinic"));
        assert_eq!(args.database.db_ssl_mode, SslMode::Preferred);
    }

    #[test]
    fn what_is_malformed_is_refused_and_the_setting_named() {
        for (flag, value) in [
            ("--sync-interval", "30"),
            ("--sync-interval", "999ms"),
            ("--sync-interval", "61m"),
            ("--max-interfaces", "0"),
            ("--max-interfaces", "21"),
            ("--db-port", "70000"),
            ("--db-ssl-mode", "maybe"),
            ("--db-name", ""),
        ] {
            let error = parse(&[flag, value]).unwrap_err();
            assert!(error.to_string().contains(flag), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn an_empty_path_is_none() {
        let args = parse(&["--db-password-file", "", "--db-ssl-ca", "", "--sync-interval", "1h"]).unwrap();
        let settings = DatabaseSettings::from(args.database);
        assert!(!matches!(settings.password, Password::File(_)));
        assert_eq!(settings.ssl_ca, None);
    }

    #[test]
    fn the_password_is_no_flag() {
        assert_eq!(parse(&["--db-password", "x"]).unwrap_err().kind(), ErrorKind::UnknownArgument);
    }

    #[test]
    fn help_fits_a_screen() {
        let help = Args::command().render_help().to_string();
        let rows: usize = help.lines().map(|line| line.len().div_ceil(100).max(1)).sum();
        assert!(rows <= 40, "{rows}:\n{help}");
    }
}
