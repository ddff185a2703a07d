//! The host's configuration files, as text or as what keeps us from it.

use std::io;

use multinic_agent_core::{
    backend::Place,
    parse::foreign::{Definition, SourceFile},
};

use crate::host::root::{Content, HostRoot, Unread};

/// What we did before.
pub(super) const LEDGER: &str = "/var/lib/multinic/ledger.json";

/// What is under way.
pub(super) const JOURNAL: &str = "/var/lib/multinic/journal.json";

/// A file of the host that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading, or listing a directory.
    #[error("failed to read {path}: {source}")]
    Read {
        /// The path on the host.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Writing, or removing.
    #[error("failed to write {path}: {source}")]
    Write {
        /// The path on the host.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A directory that the agent's container goes on seeing after it was removed or replaced on the host.
    #[error("{path} was removed or replaced on the node, and the agent still sees the old one")]
    Replaced {
        /// The path on the host.
        path: String,
    },
    /// Somebody changed a file that was about to be changed.
    #[error("somebody else changed {path} at the same time, so it is left as it is")]
    Edited {
        /// The path on the host.
        path: String,
    },
    /// Our own record of what we did is not one.
    #[error("{LEDGER} cannot be read as a ledger: {0}")]
    Ledger(#[source] serde_json::Error),
    /// Nor our record of what was under way.
    #[error("{JOURNAL} cannot be read as a journal: {0}")]
    Journal(#[source] serde_json::Error),
}

/// The path of a file, and its text, or why nobody knows it.
pub(super) type Found = (String, Result<String, Unread>);

impl FileError {
    /// What kept us from reading `path`.
    pub(super) fn of(path: &str, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StaleNetworkFileHandle => Self::Replaced { path },
            _ => Self::Read { path, source },
        }
    }
}

/// Every boot file in these places, hidden ones included, as it is.
pub(super) fn in_places<'a>(
    root: &HostRoot,
    places: impl IntoIterator<Item = &'a Place>,
) -> Result<Vec<(String, Content)>, FileError> {
    let lists: Result<Vec<_>, _> =
        places.into_iter().map(|place| contents(root, place.directory, place.ending)).collect();
    Ok(lists?.concat())
}

/// The file at `path`, if there is one.
pub(super) fn read(root: &HostRoot, path: &str) -> Result<Option<Result<String, Unread>>, FileError> {
    Ok(root.read(path).map_err(|source| FileError::of(path, source))?.map(text))
}

/// The text of a file. Comments may be in any encoding.
pub(super) fn text(content: Content) -> Result<String, Unread> {
    let is_comment = |line: &[u8]| matches!(line.trim_ascii_start().first(), Some(b'#' | b';'));
    String::from_utf8(content?).or_else(|error| {
        let bytes = error.as_bytes();
        let mut lines = bytes.split(|byte| *byte == b'\n');
        if lines.all(|line| is_comment(line) || str::from_utf8(line).is_ok()) {
            Ok(String::from_utf8_lossy(bytes).into_owned())
        } else {
            Err(Unread::NotText)
        }
    })
}

/// The files in `directory` whose names end in `suffix`, with their paths; the directory itself, where that is a link
/// that leads nowhere. Directories in there are no files for most tools; netplan fails at one.
pub(super) fn list(root: &HostRoot, directory: &str, suffix: &str) -> Result<Vec<Found>, FileError> {
    let is_file = |content: &Content| content.as_ref().err() != Some(&Unread::Directory);
    let files = contents(root, directory, suffix)?.into_iter().filter(|(_, content)| is_file(content));
    Ok(files.map(|(path, content)| (path, text(content))).collect())
}

/// Everything in `directory` whose name ends in `suffix`, with its path, as it is.
pub(super) fn contents(
    root: &HostRoot,
    directory: &str,
    suffix: &str,
) -> Result<Vec<(String, Content)>, FileError> {
    // As /etc/sysconfig/network is in the Red Hat family.
    if root.is_file(directory) {
        return Ok(Vec::new());
    }
    let files = root.list(directory, suffix).map_err(|source| FileError::of(directory, source))?;
    if files.is_empty() && root.leads_out(directory) {
        return Ok(vec![(directory.to_owned(), Err(Unread::OutOfSight))]);
    }
    Ok(files.into_iter().map(|(name, content)| (format!("{directory}/{name}"), content)).collect())
}

/// What a file defines, read by `definitions`.
pub(super) fn read_as<Definitions: IntoIterator<Item = Definition>>(
    (path, text): &Found,
    definitions: impl Fn(&SourceFile) -> Definitions,
) -> Vec<Definition> {
    match text {
        Ok(text) => definitions(&SourceFile { path: path.clone(), text: text.clone() }).into_iter().collect(),
        Err(unread) => vec![unreadable(path, unread)],
    }
}

/// A file of which nobody knows what is in it.
pub(super) fn unreadable(path: &str, unread: &Unread) -> Definition {
    Definition::unreadable(path, &unread.to_string())
}
