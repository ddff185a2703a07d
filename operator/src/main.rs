//! Parse the command line, start the logs, run until asked to stop.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use multinic_operator::{Args, run};
use multinic_runtime::{shutdown, telemetry};

// One thread: every decision is a few milliseconds of pure code between remote calls.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    telemetry::init(args.runtime.log_format, &args.runtime.log_level);
    match start(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn start(args: Args) -> anyhow::Result<()> {
    let shutdown = shutdown::requested().context("failed to listen for signals")?;
    run(args, shutdown).await
}
