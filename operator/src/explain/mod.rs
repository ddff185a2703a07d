//! What is wrong on the nodes and what to do about it, for people and scripts.
//!
//! ```text
//!  kubeconfig ─▶ list: Nodes, objects ─▶ Fleet ──multinic_operator_core::explain──▶ Report ─▶ text or JSON, exit code
//! ```
//!
//! It changes nothing, and needs to list Nodes and objects only.

mod ask;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use k8s_openapi::jiff::Timestamp;
use multinic_operator_core::explain::{Report, report};

use crate::{ExplainArgs, Output};

/// What a script is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    AllWell,
    /// Something is wrong.
    Wrong,
    /// It could not be found out, or not all of it.
    Unknown,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::AllWell => Self::SUCCESS,
            Verdict::Wrong => Self::FAILURE,
            Verdict::Unknown => Self::from(2),
        }
    }
}

/// Says to `out` what is wrong, and to `complaints` why it could not be found out.
pub async fn explain(args: ExplainArgs, out: &mut impl Write, complaints: &mut impl Write) -> Verdict {
    let ExplainArgs { help: _, nodes, output, selector, kubeconfig, context } = args;
    // Who names nodes means these, whatever their labels.
    let selector = if nodes.is_empty() { selector } else { String::new() };
    let found = async {
        let fleet = ask::ask(kubeconfig, context, &selector).await?;
        report(&fleet, &nodes, multinic_runtime::VERSION).map_err(|nothing| nothing.to_string())
    };
    let said = match found.await {
        Ok(report) => print(&report, output, out).map(|()| verdict(&report)),
        Err(why) => writeln!(complaints, "{why}").map(|()| Verdict::Unknown),
    };
    said.unwrap_or(Verdict::Unknown)
}

const fn verdict(report: &Report) -> Verdict {
    if report.is_all_well() {
        Verdict::AllWell
    } else if report.nodes_wrong > 0 {
        Verdict::Wrong
    } else {
        Verdict::Unknown
    }
}

fn print(report: &Report, output: Output, out: &mut impl Write) -> io::Result<()> {
    match output {
        Output::Text => write!(out, "{}", report.text(Timestamp::now())),
        Output::Json => writeln!(out, "{}", serde_json::to_string_pretty(report)?),
    }
}
