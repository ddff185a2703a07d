//! `multinic-agent`: see the library for what it does.

use std::process::ExitCode;

use clap::Parser;
use multinic_agent::{
    cleanup,
    config::{Cli, Command},
    controller,
    host::chroot::NOT_RUN,
};
use multinic_runtime::{
    shutdown,
    telemetry::{self, Filter, Format},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = match Cli::parse().action() {
        Ok(Command::ChrootExec(child)) => {
            // The agent that started this one reads it.
            eprintln!("{}", child.exec());
            return ExitCode::from(NOT_RUN);
        }
        Ok(command) => command,
        Err(error) => error.exit(),
    };
    match run(command).await {
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
            Box::pin(controller::run(args, shutdown::requested()?)).await
        }
        Command::Cleanup(args) => {
            telemetry::init(Format::Text, &Filter::default());
            cleanup::run(args).await
        }
        Command::ChrootExec(child) => Err(child.exec().into()),
    }
}
