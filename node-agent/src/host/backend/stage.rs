//! A staging root below the host's, in which the host's own programs are asked about files that are not there yet.

use std::{
    collections::BTreeMap,
    io,
    process::{ExitStatus, Output},
    time::Duration,
};

use crate::host::{
    chroot::{self, CommandError},
    reading::FileError,
    root::HostRoot,
};

pub(crate) const STAGE: &str = "/run/multinic/stage";
const LIMIT: Duration = Duration::from_secs(20);

/// Staging that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The program did not run.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The program fails whatever the files are.
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

/// A staging root, until it is dropped: it holds copies of private files.
pub(super) struct Stage<'a>(&'a HostRoot);

impl<'a> Stage<'a> {
    /// A staging root with these `directories` and `files`, by their paths on the host.
    pub(super) fn new<'f>(
        root: &'a HostRoot,
        directories: impl IntoIterator<Item = &'f str>,
        files: &BTreeMap<String, String>,
    ) -> io::Result<Self> {
        root.remove_all(STAGE)?;
        let stage = Self(root);
        for directory in directories {
            root.make_directory(&format!("{STAGE}{directory}"))?;
        }
        for (path, text) in files {
            root.put(&format!("{STAGE}{path}"), text.as_bytes(), 0o600)?;
        }
        Ok(stage)
    }

    /// Runs a program of the host, to its end.
    pub(super) async fn run(&self, program: &str, args: &[&str]) -> Result<Output, CommandError> {
        chroot::run(self.0, program, args, &[], LIMIT).await
    }

    /// Runs a program of the host, to its end, which reads the staged file of the host's `path`.
    pub(super) async fn feed(
        &self,
        path: &str,
        program: &str,
        args: &[&str],
    ) -> Result<Output, CommandError> {
        chroot::feed(self.0, Some(&format!("{STAGE}{path}")), program, args, &[], LIMIT).await
    }

    /// Every file below `directory`, by its path in there.
    pub(super) fn tree(&self, directory: &str) -> io::Result<BTreeMap<String, Vec<u8>>> {
        self.0.tree(&format!("{STAGE}{directory}"))
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.remove_all(STAGE) {
            tracing::warn!("failed to remove {STAGE}: {error}");
        }
    }
}
