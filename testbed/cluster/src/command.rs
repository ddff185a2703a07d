//! Programs of this host, run as a person who administers the cluster would run them.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use multinic_testbed::{Process, Testbed};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::input::text_file;

/// ssh looks for a person's files where the user database says, whatever `HOME` is.
const SSH: &str = "#!/bin/sh\nexec /usr/bin/ssh -F \"$HOME/.ssh/config\" \"$@\"\n";

/// After this a program that hangs is killed. The longest compiles both images.
const LIMIT: Duration = Duration::from_mins(15);

/// The home of the cluster's administrator: nothing of this host's users is seen or changed.
pub(crate) struct Home {
    directory: PathBuf,
    path: OsString,
    kubeconfig: PathBuf,
    /// The authority that the testbed's own servers have their certificates from.
    trusted: PathBuf,
}

impl Home {
    /// Makes one, with the programs of `binaries` before all others.
    pub(crate) fn furnish(
        bed: &Testbed,
        kubeconfig: &Path,
        binaries: &[&Path],
        trusted: &str,
    ) -> Result<Self> {
        let directory = bed.part("home")?;
        for name in ["bin", ".ssh"] {
            fs::create_dir(directory.join(name))?;
        }
        let ssh = directory.join("bin/ssh");
        fs::write(&ssh, SSH)?;
        fs::set_permissions(&ssh, Permissions::from_mode(0o755))?;
        fs::set_permissions(directory.join(".ssh"), Permissions::from_mode(0o700))?;
        let home = directory.display();
        fs::write(
            directory.join(".ssh/config"),
            format!("UserKnownHostsFile {home}/.ssh/known_hosts\nIdentityFile {home}/.ssh/id_ed25519\n"),
        )?;
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let first = [directory.join("bin")].into_iter().chain(binaries.iter().map(|path| path.to_path_buf()));
        let path = std::env::join_paths(first.chain(std::env::split_paths(&inherited)))?;
        let authority = directory.join("trusted.crt");
        fs::write(&authority, trusted)?;
        Ok(Self { directory, path, kubeconfig: kubeconfig.to_owned(), trusted: authority })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.directory)
            .env("HOME", &self.directory)
            .env("PATH", &self.path)
            .env("KUBECONFIG", &self.kubeconfig)
            // What programs in Go look at.
            .env("SSL_CERT_FILE", &self.trusted)
            // buildah needs neither file systems nor namespaces that may not be there.
            .env("STORAGE_DRIVER", "vfs")
            .env("BUILDAH_ISOLATION", "chroot")
            .env_remove("SSH_AUTH_SOCK");
        // Rust's tools are found by the real home, unless something says where they are.
        for (variable, below_home) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if let (None, Some(home)) = (std::env::var_os(variable), std::env::home_dir()) {
                command.env(variable, home.join(below_home));
            }
        }
        command
    }
}

/// A program of this host that is about to run in the testbed, built up like a [`std::process::Command`].
///
/// It has a home of its own, `KUBECONFIG` with all rights, and kubectl, helm and helm4 in its `PATH`.
pub struct HostCommand<'bed> {
    bed: &'bed Testbed,
    command: Command,
    input: Option<String>,
}

/// What came of a [`HostCommand`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The exit status; none when a signal ended it.
    pub code: Option<i32>,
    /// Everything it wrote to standard output.
    pub stdout: String,
    /// Everything it wrote to standard error.
    pub stderr: String,
}

/// Waits for the leader of a process group.
fn within_limit(child: Child) -> Result<Output> {
    let group = Pid::from_raw(i32::try_from(child.id())?);
    let (sender, finished) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    if let Ok(output) = finished.recv_timeout(LIMIT) {
        return Ok(output?);
    }
    killpg(group, Signal::SIGKILL)?;
    Ok(finished.recv()??)
}

impl<'bed> HostCommand<'bed> {
    pub(crate) fn new(bed: &'bed Testbed, home: &Home, program: &OsStr) -> Self {
        Self { bed, command: home.command(program), input: None }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it in a directory other than its home.
    #[must_use]
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// What it reads from standard input; nothing otherwise.
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// Runs it to its end, whatever that is.
    pub fn output(mut self) -> Result<Finished> {
        self.command.stdin(match self.input {
            None => Stdio::null(),
            Some(text) => text_file(&text)?.into(),
        });
        // A group of its own, so that killing reaches its children too.
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let output = within_limit(self.bed.spawner()?.spawn(self.command)?)?;
        Ok(Finished {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it to its end and returns what it printed; fails, with what it complained about, when it does.
    pub fn run(self) -> Result<String> {
        let words: Vec<_> = [self.command.get_program()]
            .into_iter()
            .chain(self.command.get_args())
            .map(OsStr::to_string_lossy)
            .collect();
        let line = words.join(" ");
        let finished = self.output().with_context(|| format!("cannot run {line}"))?;
        ensure!(
            finished.code == Some(0),
            "`{line}` ended with {:?}: {}",
            finished.code,
            finished.stderr.trim()
        );
        Ok(finished.stdout)
    }

    /// Starts it and lets it run, with nothing to read; all it says is in the log `name`.
    pub fn start(self, name: &str) -> Result<Process> {
        self.bed.start(name, self.command)
    }
}
