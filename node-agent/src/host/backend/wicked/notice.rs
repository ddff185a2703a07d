//! Telling the running wicked of a name. It reads no file by itself, and remembers what it once read.

use std::time::Duration;

use multinic_agent_core::plan::Notice;

use super::check::PROGRAM;
use crate::host::{
    chroot::{self, CommandError},
    root::HostRoot,
};

/// Longer than wicked is given by its own option.
const LIMIT: Duration = Duration::from_secs(20);
const TIMEOUT: [&str; 2] = ["--timeout", "5"];
/// Not every build of its library looks here by itself.
const BUS: (&str, &str) = ("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket");
/// How it ends where its daemon does not answer. Whatever else it ends with says nothing of how the link is.
const FAILED: i32 = 1;

/// A wicked that was not told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoticeError {
    /// It did not run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Its daemon does not answer.
    #[error("wicked {verb}: {words}")]
    Failed {
        /// What it was asked to do.
        verb: String,
        /// The end of what it printed.
        words: String,
    },
}

/// Tells the host's wicked.
///
/// A link that is there is forgotten by `ifdown`, and one that is away by taking away the policy of its name. Both do
/// nothing in the other case.
pub(crate) async fn tell(root: &HostRoot, notice: Notice) -> Result<(), NoticeError> {
    match notice {
        Notice::Forget(name) => {
            let name = name.to_string();
            run(root, &["ifdown", TIMEOUT[0], TIMEOUT[1], &name]).await?;
            run(root, &["nanny", "delpolicy", &format!("policy__{name}")]).await
        }
        Notice::Adopt(name) => run(root, &["ifup", TIMEOUT[0], TIMEOUT[1], &name.to_string()]).await,
    }
}

async fn run(root: &HostRoot, args: &[&str]) -> Result<(), NoticeError> {
    let output = chroot::run(root, PROGRAM, args, &[BUS], LIMIT).await?;
    if output.status.code() != Some(FAILED) {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let words = words.lines().last().unwrap_or_default().trim().to_owned();
    Err(NoticeError::Failed { verb: args[0].to_owned(), words })
}
