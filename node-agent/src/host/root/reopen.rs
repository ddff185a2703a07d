//! Descriptors of what was found, opened for use.

use std::{fs::File, io};

use pathrs::{
    Handle,
    error::{Error, ErrorKind},
    flags::OpenFlags,
};

pub(super) fn reopen(handle: &Handle, flags: OpenFlags) -> io::Result<File> {
    handle.reopen(flags).map_err(from_pathrs)
}

pub(super) fn from_pathrs(error: Error) -> io::Error {
    match error.kind() {
        ErrorKind::OsError(Some(code)) => io::Error::from_raw_os_error(code),
        _ => io::Error::other(error),
    }
}
