//! What is in a file of the host, whatever kind of file it turns out to be.

use std::{
    fs::File,
    io::{self, Read},
};

use pathrs::{Handle, flags::OpenFlags};
use rustix::fs::{FileType, Stat, fstat, major, minor};

use super::reopen::reopen;

/// How many bytes of a file are read: the longest configuration is far below it, and the agent's memory not far above.
pub const MOST: usize = 1 << 20;

/// What is in a file, or why that is not known.
pub type Content = Result<Vec<u8>, Unread>;

/// Why nobody knows what is in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// A link of which only the host may see where it leads.
    #[error("a link out of the agent's sight")]
    OutOfSight,
    /// Reading from a device or a FIFO may wait for ever, or do something.
    #[error("not a regular file")]
    NotAFile,
    /// Nor is a directory a file, where a tool takes every name for one.
    #[error("a directory")]
    Directory,
    /// It is no configuration.
    #[error("larger than 1 MiB, or than 4 MiB with the other files of its directory")]
    TooLarge,
    /// What a tool makes of such bytes is its own affair.
    #[error("not UTF-8")]
    NotText,
    /// The file's permissions; the agent's root passes over none.
    #[error("permission denied; have root own the file, or make it readable to all")]
    Denied,
    /// What the kernel said.
    #[error("{0}")]
    Failed(String),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// What kind of file it is.
pub(super) fn kind(handle: &Handle) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(fstat(handle)?.st_mode))
}

/// What is in the file. It is opened only once it is known to be a regular one.
pub(super) fn of(handle: &Handle) -> Content {
    let found = fstat(handle).map_err(io::Error::from)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Unread::Directory),
        FileType::CharacterDevice if is_null(&found) => return Ok(Vec::new()),
        _ => return Err(Unread::NotAFile),
    }
    let file = reopen(handle, OpenFlags::O_RDONLY | OpenFlags::O_NONBLOCK)?;
    read(&file)
}

fn read(file: &File) -> Content {
    let mut bytes = Vec::new();
    file.take(MOST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MOST { Err(Unread::TooLarge) } else { Ok(bytes) }
}

/// `/dev/null`, by whatever name.
fn is_null(found: &Stat) -> bool {
    (major(found.st_rdev), minor(found.st_rdev)) == (1, 3)
}
