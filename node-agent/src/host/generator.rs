//! Running the host's own netplan generator, in a staging root.
//!
//! The live root is never generated into: that makes networkd reconfigure the node's own uplink.

use std::{
    collections::BTreeMap,
    io,
    process::{ExitStatus, Output},
    time::Duration,
};

use multinic_agent_core::backend::netplan::next_boot::{Answer, Boot, Complaint, Files, Generator, Outputs};

use crate::host::{
    chroot::{self, CommandError},
    reading::{FileError, NETPLAN, netplan_files},
    root::{HostRoot, Unread},
};

pub(super) const STAGE: &str = "/run/multinic/stage";
const LIMIT: Duration = Duration::from_secs(20);
/// There while `netplan try` waits for its answer.
const TRYING: &str = "/run/netplan/netplan-try.ready";
/// What has the boot wait is enabled in here.
const BOOT_WANTS: &str = "/etc/systemd/system/network-online.target.wants";
const WAIT_ONLINE: &str = "systemd-networkd-wait-online.service";

/// Staging that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The generator did not run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The generator fails whatever the files are.
    #[error("{program} does not work on this node ({status}): {words}")]
    Broken {
        /// The path on the host.
        program: String,
        /// How it ended without any file.
        status: ExitStatus,
        /// The beginning of what it printed then.
        words: String,
    },
    /// The host's files could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The staging root could not be made.
    #[error("failed to prepare {STAGE}: {0}")]
    Io(#[from] io::Error),
}

/// What decides what netplan does at this host's next boot.
pub fn boot(root: &HostRoot) -> Result<Boot, FileError> {
    let mut boot = Boot {
        trying: root.is_file(TRYING),
        waits_online: root.names(BOOT_WANTS).is_ok_and(|names| names.contains(WAIT_ONLINE)),
        ..Boot::default()
    };
    for (path, content) in netplan_files(root)? {
        // netplan takes UTF-8 only, in comments too.
        let text = content.and_then(|bytes| String::from_utf8(bytes).map_err(|_| Unread::NotText));
        match text {
            Ok(text) => {
                boot.files.insert(path, text);
            }
            Err(unread) => boot.unread.push((path, unread.to_string())),
        }
    }
    Ok(boot)
}

/// The generator of one host.
#[derive(Debug, Clone, Copy)]
pub struct HostGenerator<'a> {
    root: &'a HostRoot,
    /// The path on the host.
    program: &'a str,
}

impl<'a> HostGenerator<'a> {
    /// The generator at `program`.
    #[must_use]
    pub const fn new(root: &'a HostRoot, program: &'a str) -> Self {
        Self { root, program }
    }

    async fn run(&self, files: &Files) -> Result<(Output, Outputs), StageError> {
        self.root.remove_all(STAGE)?;
        let _cleared = Cleared(self.root);
        for directory in NETPLAN {
            self.root.make_directory(&format!("{STAGE}{directory}"))?;
        }
        for (path, text) in files {
            self.root.put(&format!("{STAGE}{path}"), text.as_bytes(), 0o600)?;
        }
        let output = chroot::run(self.root, self.program, &["--root-dir", STAGE], LIMIT).await?;
        let made = self.root.tree(&format!("{STAGE}/run"))?;
        let text = |(path, bytes): (String, Vec<u8>)| {
            (format!("run/{path}"), String::from_utf8_lossy(&bytes).into_owned())
        };
        let mut outputs: BTreeMap<_, _> = made.into_iter().map(text).collect();
        // What was put there is no output.
        outputs.retain(|path, _| !files.contains_key(&format!("/{path}")));
        Ok((output, Outputs(outputs)))
    }
}

impl Generator for HostGenerator<'_> {
    type Error = StageError;

    async fn ask(&mut self, files: &Files) -> Result<Answer, StageError> {
        let (Output { status, stderr, .. }, outputs) = self.run(files).await?;
        if status.success() {
            return Ok(Answer::Makes(outputs));
        }
        // One that fails without any file says nothing about files.
        let (Output { status, stderr: words, .. }, _) = self.run(&Files::new()).await?;
        if status.success() {
            return Ok(Answer::Refuses(Complaint::parse(&String::from_utf8_lossy(&stderr), STAGE)));
        }
        let words = String::from_utf8_lossy(&words);
        let words = words.lines().next().unwrap_or_default().trim().to_owned();
        Err(StageError::Broken { program: self.program.to_owned(), status, words })
    }
}

/// Takes the staging root away however its use ends: it holds copies of private files.
struct Cleared<'a>(&'a HostRoot);

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.remove_all(STAGE) {
            tracing::warn!("failed to remove {STAGE}: {error}");
        }
    }
}
