//! Parse the command line, start the logs, run until asked to stop.

use std::{io, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use multinic_operator::{Args, Cli, check, run};
use multinic_runtime::{
    shutdown,
    telemetry::{self, Filter, Format},
};

// One thread: every decision is a few milliseconds of pure code between remote calls.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Cli::parse() {
        Cli::Run(args) => start(*args).await.map(|()| true),
        Cli::Check(args) => {
            telemetry::init(Format::Text, &Filter::default());
            Box::pin(check(*args, &mut io::stdout())).await.context("failed to print")
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn start(args: Args) -> anyhow::Result<()> {
    telemetry::init(args.runtime.log_format, &args.runtime.log_level);
    let shutdown = shutdown::requested().context("failed to listen for signals")?;
    run(args, shutdown).await
}
