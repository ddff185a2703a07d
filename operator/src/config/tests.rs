use super::*;
use crate::Cli;

const REQUIRED: [&str; 4] = ["--db-host", "db", "--db-user", "multinic"];

fn parse(extra: &[&str]) -> Result<Args, clap::Error> {
    match Cli::try_parse_from(["multinic-operator"].iter().chain(&REQUIRED).chain(extra))? {
        Cli::Run(args) => Ok(*args),
        other => panic!("not asked for: {other:?}"),
    }
}

fn parse_check(extra: &[&str]) -> Result<CheckArgs, clap::Error> {
    match Cli::try_parse_from(["multinic-operator", "check"].iter().chain(&REQUIRED).chain(extra))? {
        Cli::Check(args) => Ok(*args),
        other => panic!("not asked for: {other:?}"),
    }
}

#[test]
fn defaults_are_those_of_the_design() {
    let args = parse(&[]).unwrap();
    assert_eq!((args.sync_interval, args.max_interfaces), (between(1, 30), 10));
    assert_eq!(args.removal_grace, Duration::from_secs(30));
    assert_eq!((args.database.db_port, args.database.db_name.as_str()), (3306, "multinic"));
    assert_eq!(args.database.db_ssl_mode, SslMode::Preferred);
}

fn between(busy: u64, rest: u64) -> Intervals {
    Intervals { busy: Duration::from_secs(busy), rest: Duration::from_secs(rest) }
}

#[test]
fn the_interval_at_rest_may_stand_alone_and_is_never_the_shorter_one() {
    for (text, said) in [
        ("30s", between(1, 30)),
        ("1s", between(1, 1)),
        ("2s..30s", between(2, 30)),
        ("1m..1m", between(60, 60)),
        ("1s..1h", between(1, 3600)),
    ] {
        assert_eq!(parse(&["--sync-interval", text]).unwrap().sync_interval, said, "{text}");
    }
}

#[test]
fn what_is_malformed_is_refused_and_the_setting_named() {
    for (flag, value) in [
        ("--sync-interval", "30"),
        ("--sync-interval", "999ms"),
        ("--sync-interval", "61m"),
        ("--sync-interval", "31s..30s"),
        ("--sync-interval", "500ms..30s"),
        ("--sync-interval", "2s.."),
        ("--removal-grace", "29s"),
        ("--removal-grace", "25h"),
        ("--max-interfaces", "0"),
        ("--max-interfaces", "21"),
        ("--networking", "{"),
        ("--networking", r#"{"subnets": {"net-1": {"gateway": "here"}}}"#),
        ("--db-port", "70000"),
        ("--db-ssl-mode", "maybe"),
        ("--db-name", ""),
        ("--db-soft-delete", "maybe"),
    ] {
        let error = parse(&[flag, value]).unwrap_err();
        assert!(error.to_string().contains(flag), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn several_hosts_have_commas_between_them() {
    let parse =
        |hosts: &str| Cli::try_parse_from(["multinic-operator", "--db-user", "multinic", "--db-host", hosts]);
    let hosts = |hosts: &str| match parse(hosts) {
        Ok(Cli::Run(args)) => DatabaseSettings::from(args.database).hosts,
        other => panic!("{hosts}: {other:?}"),
    };
    assert_eq!(hosts("db"), ["db"]);
    assert_eq!(hosts("db-1, 10.0.0.5,::1"), ["db-1", "10.0.0.5", "::1"]);
    for malformed in ["", ",", "db-1,", "a,b,c,d"] {
        let error = parse(malformed).unwrap_err().to_string();
        assert!(error.contains("--db-host") && error.contains("up to 3 hosts"), "{error}");
    }
}

#[test]
fn what_is_wrong_within_a_setting_is_named_by_its_path() {
    let text = r#"{"subnets": {"net-1": {"routes": [{"destination": "10.30.0.1/16"}]}}}"#;
    let error = parse(&["--networking", text]).unwrap_err().to_string();
    assert!(
        error.contains("networking.subnets.net-1.routes[0].destination: \"10.30.0.1/16\" is not"),
        "{error}"
    );
    let error = parse(&["--networking", r#"{"addressing": "static"}"#]).unwrap_err().to_string();
    assert!(error.contains("networking.addressing: static addresses come from the table"), "{error}");
    assert_eq!(parse(&["--networking", ""]).unwrap().networking, parse(&[]).unwrap().networking);
}

#[test]
fn an_empty_path_is_none() {
    let args = parse(&["--db-password-file", "", "--db-ssl-ca", "", "--sync-interval", "1h"]).unwrap();
    let settings = DatabaseSettings::from(args.database);
    assert!(!matches!(settings.password, Password::File(_)));
    assert_eq!(settings.ssl_ca, None);
}

#[test]
fn certificates_to_trust_need_tls() {
    for parsed in [
        parse(&["--db-ssl-ca", "ca.crt", "--db-ssl-mode", "disabled"]).map(drop),
        parse_check(&["--db-ssl-ca", "ca.crt", "--db-ssl-mode", "disabled"]).map(drop),
    ] {
        let error = parsed.unwrap_err();
        assert!(error.to_string().contains("--db-ssl-ca"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
    assert!(parse(&["--db-ssl-ca", "", "--db-ssl-mode", "disabled"]).is_ok());
    assert!(parse(&["--db-ssl-ca", "ca.crt"]).is_ok());
}

#[test]
fn the_password_is_no_flag() {
    assert_eq!(parse(&["--db-password", "x"]).unwrap_err().kind(), ErrorKind::UnknownArgument);
}

#[test]
fn without_a_lease_there_is_no_candidate_and_with_one_it_has_a_name() {
    let pod = ["--pod-name", "pod-1", "--pod-namespace", "multinic-system"];
    assert_eq!(parse(&pod).unwrap().leader.candidate(), None);
    let candidate = Candidate { pod: "pod-1".to_owned(), namespace: "multinic-system".to_owned() };
    let leader = [&pod[..], &["--leader-election"]].concat();
    assert_eq!(parse(&leader).unwrap().leader.candidate(), Some(candidate));

    for incomplete in [&["--leader-election"][..], &["--leader-election", "--pod-name", "pod-1"]] {
        let error = parse(incomplete).unwrap_err();
        assert!(error.to_string().contains("POD_NAMESPACE"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn a_switch_in_the_environment_is_true_or_false_or_left_empty() {
    let taken = ["true", "false", ""].map(boolean);
    assert_eq!(taken, [Ok(true), Ok(false), Ok(false)]);
    assert!(boolean("1").is_err() && boolean("maybe").is_err());
}

#[test]
fn a_check_has_the_settings_of_a_run_and_its_own() {
    let args = parse_check(&["--node-selector", "role=worker,example.org/zone="]).unwrap();
    assert_eq!((args.agent_port, args.node_selector.as_str()), (8080, "role=worker,example.org/zone="));
    assert_eq!(args.database.db_host.0, ["db"]);
    for (flag, value) in [("--node-selector", "a>1"), ("--node-selector", "a=b,"), ("--agent-port", "x")] {
        let error = parse_check(&[flag, value]).unwrap_err();
        assert!(error.to_string().contains(flag), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn help_fits_a_screen() {
    for words in [
        &["multinic-operator", "--help"][..],
        &["multinic-operator", "check", "--help"],
        &["multinic-operator", "explain", "--help"],
    ] {
        let help = Cli::try_parse_from(words).unwrap_err();
        assert_eq!(help.kind(), ErrorKind::DisplayHelp);
        let help = help.to_string();
        let rows: usize = help.lines().map(|line| line.len().div_ceil(100).max(1)).sum();
        assert!(rows <= 40, "{rows}:\n{help}");
    }
}
