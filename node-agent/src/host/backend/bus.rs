//! Asking a running daemon of the host for something, through its own program and the host's bus.

use std::time::Duration;

use crate::host::{
    chroot::{self, CommandError},
    root::HostRoot,
};

/// Longer than a program is given by an option of its own.
const LIMIT: Duration = Duration::from_secs(20);
/// Where the host's bus is.
pub(super) const BUS: &str = "/run/dbus/system_bus_socket";

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
        /// The beginning of what it printed.
        words: String,
    },
    /// It still remembers a name.
    #[error("wicked was told to forget a name, and {policy} is still there")]
    Remembered {
        /// Where it keeps that.
        policy: String,
    },
}

/// How a program ended, and the beginning of what it printed as errors.
pub(super) struct Answer {
    pub(super) code: i32,
    pub(super) words: String,
}

/// Runs `program` of the host, and fails unless its answer `is_well`.
pub(super) async fn ask(
    root: &HostRoot,
    program: &'static str,
    args: &[&str],
    is_well: impl Fn(&Answer) -> bool,
) -> Result<(), NoticeError> {
    // Not every build of a program's library looks there by itself.
    let address = format!("unix:path={BUS}");
    let env = [("DBUS_SYSTEM_BUS_ADDRESS", address.as_str())];
    let output = chroot::run(root, program, args, &env, LIMIT).await?;
    let words = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = words.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
    // One that was killed has no code.
    let answer = Answer { code: output.status.code().unwrap_or(-1), words: lines.join("; ") };
    if is_well(&answer) {
        return Ok(());
    }
    Err(NoticeError::Failed { program, verb: args[..2].join(" "), words: answer.words })
}
