//! `multinic-agent`: see the library for what it does.

use std::process::ExitCode;

use clap::Parser;
use multinic_agent::{
    cleanup,
    config::{CleanupArgs, Cli, Command, RunArgs},
    host::chroot::NOT_RUN,
    restore::{self, Restore},
    run,
};
use multinic_runtime::{shutdown, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match Cli::parse().action() {
        Err(error) => error.exit(),
        Ok(Command::Run(args)) => run(args).await,
        Ok(Command::Cleanup(args)) => clean_up(args).await,
        Ok(Command::Restore(args)) => stand_by(args).await,
        Ok(Command::ChrootExec(child)) => {
            // The agent that started this one reads it.
            eprintln!("{}", child.exec());
            return ExitCode::from(NOT_RUN);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn clean_up(args: CleanupArgs) -> anyhow::Result<()> {
    telemetry::init(args.runtime.log_format, &args.runtime.log_level);
    Box::pin(cleanup::run(args, shutdown::requested()?)).await
}

async fn run(args: RunArgs) -> anyhow::Result<()> {
    telemetry::init(args.runtime.log_format, &args.runtime.log_level);
    Box::pin(run::run(args, shutdown::requested()?)).await
}

async fn stand_by(args: Restore) -> anyhow::Result<()> {
    telemetry::init(args.runtime.log_format, &args.runtime.log_level);
    Box::pin(restore::run(args)).await
}
