//! `multinic-agent`: see the library for what it does.

use std::process::ExitCode;

use clap::Parser;
use multinic_agent::{
    cleanup,
    config::{Cli, Command},
    controller,
};
use multinic_runtime::{
    shutdown,
    telemetry::{self, Filter, Format},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Cli::parse().action().unwrap_or_else(|error| error.exit());
    match Box::pin(run(command)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run(args) => {
            telemetry::init(args.runtime.log_format, &args.runtime.log_level);
            controller::run(args, shutdown::requested()?).await
        }
        Command::Cleanup(args) => {
            telemetry::init(Format::Text, &Filter::default());
            cleanup::run(args).await
        }
        Command::ChrootExec(child) => {
            telemetry::init(Format::Text, &Filter::default());
            Err(child.exec().into())
        }
    }
}
