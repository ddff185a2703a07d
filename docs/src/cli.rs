//! What `--help` prints.

use clap::{Command, CommandFactory};

/// The help of both binaries and of all their commands.
pub(crate) fn help() -> String {
    let commands =
        [multinic_operator::Cli::command(), multinic_agent::config::Cli::command()].map(hide_environment);
    let section = |(invocation, text): (String, String)| {
        format!("### `{invocation}`\n\n```text\n{}\n```\n\n", text.trim_end())
    };
    commands.iter().flat_map(texts).map(section).collect()
}

/// Without the values that the environment happens to have now.
fn hide_environment(command: Command) -> Command {
    command
        .mut_args(|arg| arg.hide_env_values(true))
        .mut_subcommands(|subcommand| subcommand.mut_args(|arg| arg.hide_env_values(true)))
}

/// What `command --help` prints, and `command SUBCOMMAND --help` for each that is shown.
fn texts(command: &Command) -> Vec<(String, String)> {
    let own = command.get_name();
    // `run` is what is done without a word.
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "run");
    let further = shown.map(|sub| format!("{own} {}", sub.get_name()));
    let invocations = [own.to_owned()].into_iter().chain(further);
    invocations.map(|invocation| (invocation.clone(), printed(command.clone(), &invocation))).collect()
}

fn printed(command: Command, invocation: &str) -> String {
    match command.try_get_matches_from(invocation.split(' ').chain(["--help"])) {
        Err(help) => help.to_string(),
        Ok(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn commands_are_listed_with_their_own_options_and_hidden_ones_are_not() {
        let cleanup = Command::new("cleanup").arg(Arg::new("stay").long("stay"));
        let hidden = Command::new("internal").hide(true);
        let command = Command::new("agent").subcommands([cleanup, hidden, Command::new("run")]);
        let texts = texts(&command);
        let invocations: Vec<_> = texts.iter().map(|(invocation, _)| invocation).collect();
        assert_eq!(invocations, ["agent", "agent cleanup"]);
        assert!(texts[1].1.contains("--stay"), "{}", texts[1].1);
    }
}
