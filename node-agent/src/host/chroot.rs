//! Running one of the host's own programs in the host's root.
//!
//! The program is run by a child of ours that changes its root and then becomes
//! the program: this process never leaves its own root, and no code runs between
//! fork and exec. Needs `CAP_SYS_CHROOT`, nothing else.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::{fs::chroot, process::CommandExt},
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use rustix::{
    process::{Pid, Signal, fchdir, kill_process_group},
    stdio::{dup2_stdin, stdin},
};
use tokio::process::Command;

use crate::host::root::HostRoot;

/// The arguments of the child: `multinic-agent chroot-exec PROGRAM [ARG]…`, where standard input is the directory
/// that becomes `/`.
#[derive(Debug, Clone, clap::Args)]
pub struct ChrootExec {
    /// What the program has as its standard input, by its path in there; nothing otherwise.
    #[arg(long)]
    input: Option<PathBuf>,
    /// An absolute path in there.
    program: PathBuf,
    /// Its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

impl ChrootExec {
    /// Becomes the program; returns only what kept it from that.
    #[must_use]
    pub fn exec(self) -> io::Error {
        // A host's root may be without it, as in a container.
        let enter = || {
            let null = File::open("/dev/null")?;
            fchdir(stdin())?;
            chroot(".")?;
            let input = self.input.as_ref().map_or(Ok(null), File::open)?;
            Ok(dup2_stdin(input)?)
        };
        match enter() {
            Ok(()) => std::process::Command::new(self.program).args(self.args).exec(),
            Err(error) => error,
        }
    }
}

/// What the child ends with where it could not become the program, as shells do.
pub const NOT_RUN: u8 = 127;

/// A host program that did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("failed to run {program} in the host's root: {source}")]
    Spawn {
        /// The path on the host.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long and was killed, with all its children.
    #[error("{program} did not finish within {} s and was killed", .limit.as_secs())]
    TimedOut {
        /// The path on the host.
        program: String,
        /// How long it had.
        limit: Duration,
    },
}

/// A program and its children, which do not outlive whoever waits for them.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended this very moment.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs `program` of the host to its end, in no environment but `env`, for at most `limit`.
pub async fn run(
    root: &HostRoot,
    program: &str,
    args: &[&str],
    env: &[(&str, &str)],
    limit: Duration,
) -> Result<Output, CommandError> {
    feed(root, None, program, args, env, limit).await
}

/// The same with the file at `input` in the host's root to read from.
pub async fn feed(
    root: &HostRoot,
    input: Option<&str>,
    program: &str,
    args: &[&str],
    env: &[(&str, &str)],
    limit: Duration,
) -> Result<Output, CommandError> {
    let failed = |source| CommandError::Spawn { program: program.to_owned(), source };
    let child = Command::new("/proc/self/exe")
        .arg("chroot-exec")
        .args(input.map(|path| format!("--input={path}")))
        .arg(program)
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .stdin(root.descriptor().map_err(failed)?)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that killing reaches its children too.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let Ok(output) = tokio::time::timeout(limit, child.wait_with_output()).await else {
        return Err(CommandError::TimedOut { program: program.to_owned(), limit });
    };
    group.0 = None;
    let output = output.map_err(failed)?;
    if output.status.code() == Some(NOT_RUN.into()) {
        return Err(failed(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())));
    }
    Ok(output)
}
