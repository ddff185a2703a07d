//! The command line: which command is asked for, under which of the two names that the binary has.
//!
//! As `kubectl-multinic` it is a plugin of kubectl, and has the commands for people alone: `kubectl multinic explain`.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
};

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser, error::ErrorKind};
use clap_complete::Shell;

use crate::config::{Args, CHECK, COMPLETION, CheckArgs, CompletionArgs, EXPLAIN, ExplainArgs};

/// kubectl runs what has such a name as a command of its own.
const PLUGIN: &str = "kubectl-multinic";
const OPERATOR: &str = "multinic-operator";

/// What the command line, and the environment, ask for.
#[derive(Debug)]
pub enum Cli {
    /// Keep the objects true to the table; what is done where nothing is said.
    Run(Box<Args>),
    /// Look once whether everything that this takes is there.
    Check(Box<CheckArgs>),
    /// Say what is wrong on the nodes and what to do about it.
    Explain(Box<ExplainArgs>),
    /// Print what a shell needs to complete the command line.
    Completion(Completion),
}

// By hand, since clap's derive cannot say that the options without a subcommand are those of one.
impl CommandFactory for Cli {
    fn command() -> Command {
        Args::command()
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
            .disable_help_subcommand(true)
            .subcommand(CheckArgs::command())
            .subcommands(commands())
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
        if let Some(cli) = for_people(matches, false)? {
            return Ok(cli);
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

/// What a shell needs to complete the command line of this program.
#[derive(Debug, Clone, Copy)]
pub struct Completion {
    shell: Shell,
    is_plugin: bool,
}

impl Completion {
    /// The text that the shell reads.
    #[must_use]
    pub fn script(self) -> Vec<u8> {
        let (name, mut command) =
            if self.is_plugin { (PLUGIN, plugin()) } else { (OPERATOR, Cli::command()) };
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        script
    }
}

impl Cli {
    /// What the command line of this process asks for. Ends the process where that is help, or cannot be understood.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::of(env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// What `words` ask for, the first of which is how the program was called.
    pub fn of(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let words: Vec<_> = words.into_iter().collect();
        if !is_plugin(words.first().map_or_else(|| OsStr::new(OPERATOR), OsString::as_os_str)) {
            return Self::try_parse_from(words);
        }
        let matches = plugin().try_get_matches_from(words)?;
        for_people(&matches, true)?
            .ok_or_else(|| plugin().error(ErrorKind::MissingSubcommand, "say what to do, such as explain"))
    }
}

fn is_plugin(program: &OsStr) -> bool {
    Path::new(program).file_stem().is_some_and(|name| name == PLUGIN)
}

/// The command line under kubectl's name for it.
fn plugin() -> Command {
    Command::new(PLUGIN)
        .bin_name("kubectl multinic")
        .about("What is wrong with the additional NICs of the nodes, and what to do about it")
        .version(multinic_runtime::VERSION)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands(commands())
}

/// The commands under both names.
fn commands() -> [Command; 2] {
    [ExplainArgs::command(), CompletionArgs::command()]
}

/// What one of these commands asks for, if it is one of them.
fn for_people(matches: &ArgMatches, is_plugin: bool) -> Result<Option<Cli>, clap::Error> {
    Ok(match matches.subcommand() {
        Some((EXPLAIN, matches)) => Some(Cli::Explain(Box::new(ExplainArgs::from_arg_matches(matches)?))),
        Some((COMPLETION, matches)) => {
            let CompletionArgs { help: _, shell } = CompletionArgs::from_arg_matches(matches)?;
            Some(Cli::Completion(Completion { shell, is_plugin }))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Output;

    fn of(words: &[&str]) -> Result<Cli, clap::Error> {
        Cli::of(words.iter().map(OsString::from))
    }

    fn explained(words: &[&str]) -> ExplainArgs {
        match of(words).unwrap() {
            Cli::Explain(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_is_one_command_under_both_names_and_needs_no_database() {
        for program in ["multinic-operator", "/usr/local/bin/kubectl-multinic"] {
            let args =
                explained(&[program, "explain", "a", "b", "-o", "json", "--context", "c", "-l", "r=w"]);
            assert_eq!((args.nodes, args.output), (vec!["a".to_owned(), "b".to_owned()], Output::Json));
            assert_eq!((args.context.as_deref(), args.selector.as_str()), (Some("c"), "r=w"));
            assert_eq!(explained(&[program, "explain"]).output, Output::Text);
        }
    }

    #[test]
    fn the_plugin_has_nothing_but_the_commands_for_people() {
        for words in [
            &["kubectl-multinic"][..],
            &["kubectl-multinic", "check"],
            &["kubectl-multinic", "--db-host", "x"],
        ] {
            assert_eq!(of(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
        let help = of(&["kubectl-multinic", "explain", "--help"]).unwrap_err().to_string();
        assert!(help.contains("Usage: kubectl multinic explain [OPTIONS] [NODE]..."), "{help}");
    }

    #[test]
    fn bash_finds_the_options_of_every_command_that_it_knows() {
        for program in ["kubectl-multinic", "multinic-operator"] {
            let Cli::Completion(asked) = of(&[program, "completion", "bash"]).unwrap() else {
                panic!("{program}")
            };
            let script = String::from_utf8(asked.script()).unwrap();
            let known =
                script.lines().filter_map(|line| line.trim().strip_prefix("cmd=\"")?.strip_suffix('"'));
            let known: Vec<_> = known.filter(|command| !command.is_empty()).collect();
            assert!(known.len() >= 3, "{program}: {known:?}");
            for command in known {
                assert!(
                    script.lines().any(|line| line.trim() == format!("{command})")),
                    "{program}: {command}"
                );
            }
        }
    }

    #[test]
    fn each_shell_is_told_the_commands_of_the_program_that_was_asked() {
        for (program, other) in [("kubectl-multinic", "check"), ("multinic-operator", "kubectl-multinic")] {
            for shell in ["bash", "zsh", "fish"] {
                let Cli::Completion(asked) = of(&[program, "completion", shell]).unwrap() else {
                    panic!("{program}")
                };
                let script = String::from_utf8(asked.script()).unwrap();
                assert!(
                    script.contains(program) && script.contains("context"),
                    "{program} {shell}: {script}"
                );
                assert!(!script.contains(other), "{program} {shell}: {script}");
            }
        }
    }
}
