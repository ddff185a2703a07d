//! One entry of a directory that is open.

use std::{
    fs::{File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, openat, unlinkat},
    io::Errno,
};

/// How the name ends of a file that is not whole yet.
pub const TEMPORARY: &str = ".multinic-tmp";

/// A new file, which nobody else made and no link leads to.
pub(super) fn create(directory: &File, name: &str, bytes: &[u8], mode: u32) -> io::Result<File> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(directory, name, flags, Mode::RUSR | Mode::WUSR)?);
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    Ok(file)
}

/// A name that no tool takes for configuration, in the same directory.
pub(super) fn temporary(name: &str) -> String {
    format!(".{name}{TEMPORARY}")
}

/// Takes one name away; whether it was there.
pub(super) fn unlink(directory: &File, name: &str) -> io::Result<bool> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(false),
        unlinked => Ok(unlinked.map(|()| true)?),
    }
}
