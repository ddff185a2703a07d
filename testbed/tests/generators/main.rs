//! Real netplan generators of five releases, asked by the agent's own code about the agent's own files, about their
//! removal, and about what other people write beside them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod host;
mod release;
mod rows;

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use clap::Parser;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use multinic_agent::config::{Cli, Command};

use host::Host;
use release::{RELEASES, Release, Root};

fn main() -> ExitCode {
    // The agent runs a program of the host by way of its own binary, which is this one here.
    if std::env::args().nth(1).as_deref() == Some("chroot-exec")
        && let Ok(Command::ChrootExec(child)) = Cli::parse().action()
    {
        eprintln!("{}", child.exec());
        return ExitCode::from(multinic_agent::host::chroot::NOT_RUN);
    }
    let trials = RELEASES.iter().flat_map(|release| {
        let root = Arc::new(Mutex::new(None));
        rows::ROWS.iter().map(move |(name, row)| {
            let root = Arc::clone(&root);
            let name = format!("netplan {}: {name}", release.version);
            Trial::ignorable_test(name, move || try_row(release, &root, *row))
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// One row at a time in a release's root, which is made by the first.
fn try_row(
    release: &'static Release,
    root: &Mutex<Option<Root>>,
    row: fn(&mut Host),
) -> Result<Completion, Failed> {
    if let Some(obstacle) = release.obstacle().or_else(multinic_testbed::setup::obstacle) {
        eprintln!("skipped: netplan {}: {obstacle}", release.version);
        return Ok(Completion::ignored_with(obstacle));
    }
    // A row that failed leaves nothing that the next one sees.
    let mut root = root.lock().unwrap_or_else(PoisonError::into_inner);
    if root.is_none() {
        *root = Some(release.root().map_err(|error| format!("{error:#}"))?);
    }
    if let Some(root) = root.as_ref() {
        row(&mut Host::new(release.version, root.path()));
    }
    Ok(Completion::Completed)
}
