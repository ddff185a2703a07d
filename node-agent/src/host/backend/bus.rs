//! Asking a running daemon of the host for something, through its own program and the host's bus.

use std::time::Duration;

use crate::host::{
    chroot::{self, CommandError},
    root::HostRoot,
};

/// Longer than a program is given by an option of its own.
const LIMIT: Duration = Duration::from_secs(20);
/// Not every build of a program's library looks here by itself.
const BUS: (&str, &str) = ("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket");

/// A host that was not told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoticeError {
    /// The program did not run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Its daemon does not answer, or refuses.
    #[error("{program} {verb}: {words}")]
    Failed {
        /// The path on the host.
        program: &'static str,
        /// What it was asked to do.
        verb: String,
        /// The end of what it printed.
        words: String,
    },
}

/// Runs `program` of the host, which is well where its exit code `is_well`.
pub(super) async fn ask(
    root: &HostRoot,
    program: &'static str,
    args: &[&str],
    is_well: impl Fn(i32) -> bool,
) -> Result<(), NoticeError> {
    let output = chroot::run(root, program, args, &[BUS], LIMIT).await?;
    if output.status.code().is_some_and(is_well) {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = words.lines().last().unwrap_or_default().trim().to_owned();
    Err(NoticeError::Failed { program, verb: args[..2].join(" "), words })
}
