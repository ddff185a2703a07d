//! The settings of the commands for people.
#![allow(clippy::doc_markdown, reason = "the comments are what --help prints")]

use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};
use clap_complete::Shell;

use super::selector;

/// The words on the command line.
pub(crate) const EXPLAIN: &str = "explain";
pub(crate) const COMPLETION: &str = "completion";

/// Say what is wrong on the nodes and what to do about it
#[derive(Debug, Parser)]
#[command(name = EXPLAIN, disable_help_flag = true)]
#[command(
    after_help = "Exits with 0 if nothing is wrong, with 1 if something is, and with 2 if that could not be found out."
)]
pub struct ExplainArgs {
    /// Print help
    #[arg(short, long, action = ArgAction::HelpShort)]
    pub(crate) help: Option<bool>,

    /// Only these nodes; all nodes without
    #[arg(value_name = "NODE")]
    pub(crate) nodes: Vec<String>,

    /// For people, or for scripts
    #[arg(short, long, default_value = "text", value_name = "FORMAT", value_enum)]
    pub(crate) output: Output,

    /// Labels of the Nodes that should have an agent, such as 'role=worker,zone in (a,b),!edge'; all Nodes without
    #[arg(short = 'l', long, env = "NODE_SELECTOR", default_value = "", hide_default_value = true)]
    #[arg(value_name = "LABELS", value_parser = selector::parse)]
    pub(crate) selector: String,

    /// The kubeconfig; without, as kubectl finds it, or a pod's service account
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// The context in it; without, the current one
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

/// How it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Lines for people
    Text,
    /// One object for scripts
    Json,
}

/// Print what a shell needs to complete the command line
#[derive(Debug, Parser)]
#[command(name = COMPLETION, disable_help_flag = true)]
pub(crate) struct CompletionArgs {
    /// Print help
    #[arg(short, long, action = ArgAction::HelpShort)]
    pub(crate) help: Option<bool>,

    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
