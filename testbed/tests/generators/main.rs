//! Real programs that make something of the agent's boot files, asked by the agent's own code: netplan's generators of
//! six releases, about our files, about their removal, and about what other people write beside them; and
//! `NetworkManager`'s parser of two releases, about our connections.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod connections;
mod host;
mod release;
mod rows;

use std::{
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use clap::Parser;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use multinic_agent::config::{Cli, Command};
use multinic_agent_core::backend::{netplan::Netplan, network_manager::NetworkManager};
use multinic_testbed::setup::bare_root::BareRoot;

use host::Host;
use release::RELEASES;

fn main() -> ExitCode {
    // The agent runs a program of the host by way of its own binary, which is this one here.
    if std::env::args().nth(1).as_deref() == Some("chroot-exec")
        && let Ok(Command::ChrootExec(child)) = Cli::parse().action()
    {
        eprintln!("{}", child.exec());
        return ExitCode::from(multinic_agent::host::chroot::NOT_RUN);
    }
    let netplans = RELEASES.iter().flat_map(|release| {
        let root = Arc::new(Mutex::new(None));
        rows::ROWS.iter().map(move |(name, row)| {
            let (root, name) = (Arc::clone(&root), format!("netplan {}: {name}", release.version));
            Trial::ignorable_test(name, move || {
                let make = || release.root();
                try_row(release.obstacle(), &root, make, |path| {
                    row(&mut Host::new(&Netplan, release.version, path));
                })
            })
        })
    });
    let parsers = connections::RELEASES.iter().flat_map(|(version, system)| {
        let root = Arc::new(Mutex::new(None));
        connections::ROWS.iter().map(move |(name, row)| {
            let (root, name) = (Arc::clone(&root), format!("NetworkManager {version}: {name}"));
            Trial::ignorable_test(name, move || {
                let make = || connections::root(system);
                try_row(None, &root, make, |path| {
                    row(&mut Host::new(&NetworkManager, version, path));
                })
            })
        })
    });
    libtest_mimic::run(&Arguments::from_args(), netplans.chain(parsers).collect()).exit_code()
}

/// One row at a time in a release's root, which is made by the first.
fn try_row(
    obstacle: Option<String>,
    root: &Mutex<Option<BareRoot>>,
    make: impl FnOnce() -> anyhow::Result<BareRoot>,
    row: impl FnOnce(&Path),
) -> Result<Completion, Failed> {
    if let Some(obstacle) = obstacle.or_else(multinic_testbed::setup::obstacle) {
        eprintln!("skipped: {obstacle}");
        return Ok(Completion::ignored_with(obstacle));
    }
    // A row that failed leaves nothing that the next one sees.
    let mut root = root.lock().unwrap_or_else(PoisonError::into_inner);
    if root.is_none() {
        *root = Some(make().map_err(|error| format!("{error:#}"))?);
    }
    if let Some(root) = root.as_ref() {
        row(root.path());
    }
    Ok(Completion::Completed)
}
