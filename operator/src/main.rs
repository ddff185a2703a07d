//! Parse the command line, start the logs, run until asked to stop.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use multinic_operator::{Args, Cli, check, explain, run};
use multinic_runtime::{
    shutdown,
    telemetry::{self, Filter, Format},
};

// One thread: every decision is a few milliseconds of pure code between remote calls.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Cli::of_this_process() {
        Cli::Run(args) => ended(start(*args).await.map(|()| true)),
        Cli::Check(args) => {
            telemetry::init(Format::Text, &Filter::default());
            ended(Box::pin(check(*args, &mut io::stdout())).await.context("failed to print"))
        }
        Cli::Explain(args) => Box::pin(explain(*args, &mut io::stdout(), &mut io::stderr())).await.into(),
        Cli::Completion(asked) => {
            ended(io::stdout().write_all(&asked.script()).map(|()| true).context("failed to print"))
        }
    }
}

fn ended(done: anyhow::Result<bool>) -> ExitCode {
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
