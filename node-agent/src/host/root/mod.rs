//! The host's root directory, as this process sees it.
//!
//! It is opened once, and everything below it is reached from that descriptor: no path that was found in the host's root
//! is ever looked up in our own. Paths are resolved as the host itself would: an absolute symbolic link leads into the
//! host's root, not into that of this container.

mod content;
mod entry;
mod reopen;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{CStr, OsStr},
    fs::{File, Permissions},
    io::{self, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{
            ffi::OsStrExt,
            fs::{MetadataExt, PermissionsExt},
        },
    },
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use pathrs::{Handle, Root, flags::OpenFlags};
use rustix::{
    fs::{Access, AtFlags, Dir, FileType, Mode, OFlags, accessat, openat, readlinkat, renameat, unlinkat},
    io::Errno,
};

use entry::{create, temporary, unlink};
use reopen::{from_pathrs, reopen};

pub use content::{Content, MOST, Unread};
pub use entry::TEMPORARY;

/// What masks a file. Of the host's devices a container may see none.
const NULL: &str = "/dev/null";
/// How many bytes of one directory's files are read.
const MOST_OF_A_DIRECTORY: usize = 4 * MOST;

/// What a file that was written must outlive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of this process, however it comes.
    Crash,
    /// That of the node as well.
    PowerCut,
}

/// The host's root directory.
#[derive(Debug, Clone)]
pub struct HostRoot {
    path: PathBuf,
    /// Kept from the first use on: what `path` names may become another machine's root, as `/proc/PID/root` does.
    opened: Arc<OnceLock<Root>>,
}

impl HostRoot {
    /// The host's root at `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, opened: Arc::default() }
    }

    /// The host's root, which is open already and lies at `path`.
    #[must_use]
    pub fn of(descriptor: OwnedFd, path: PathBuf) -> Self {
        Self { path, opened: Arc::new(OnceLock::from(Root::from_fd(descriptor))) }
    }

    /// Where the host's root is, for people.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The host's root directory itself, open.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        self.root()?.as_fd().try_clone_to_owned()
    }

    /// Whether `path` is a file on the host, links followed.
    #[must_use]
    pub fn is_file(&self, path: &str) -> bool {
        self.is(path, FileType::RegularFile)
    }

    /// Whether `path` is a directory on the host, links followed.
    #[must_use]
    pub fn is_directory(&self, path: &str) -> bool {
        self.is(path, FileType::Directory)
    }

    /// Whether `path` is a socket on the host, links followed.
    #[must_use]
    pub fn is_socket(&self, path: &str) -> bool {
        self.is(path, FileType::Socket)
    }

    /// What is in the file at `path`; none where there is nothing of that name.
    pub fn read(&self, path: &str) -> io::Result<Option<Content>> {
        let root = self.root()?;
        Ok(match resolve(root, path.as_ref()) {
            Ok(handle) => Some(content::of(&handle)),
            Err(error) if is_absent(&error) || is_loop(&error) => self.lost_link(path.as_ref()),
            Err(error) => Some(Err(error.into())),
        })
    }

    /// The text of the file at `path`; none where there is nothing of that name.
    pub fn text(&self, path: &str) -> io::Result<Option<String>> {
        let read = self.read(path)?.transpose().map_err(io::Error::other)?;
        read.map(|bytes| String::from_utf8(bytes).map_err(|_| io::Error::other(Unread::NotText))).transpose()
    }

    /// What is in `directory` under names that end in `suffix`, by name; nothing where there is no such directory.
    /// Directories in there are called unreadable, which not every tool takes them for.
    ///
    /// Everything that is no link is read in the directory that was listed, whatever takes its place meanwhile.
    pub fn list(&self, directory: &str, suffix: &str) -> io::Result<BTreeMap<String, Content>> {
        let mut files = BTreeMap::new();
        let Some(opened) = self.directory_if_any(directory)? else { return Ok(files) };
        let mut total = 0;
        for name in entries(&opened)? {
            let shown = show(&name);
            if !shown.ends_with(suffix) || shown.starts_with('.') {
                continue;
            }
            let Some(mut content) = self.entry(&opened, directory, OsStr::from_bytes(name.to_bytes())) else {
                continue;
            };
            total += content.as_ref().map_or(0, Vec::len);
            if total > MOST_OF_A_DIRECTORY {
                content = Err(Unread::TooLarge);
            }
            files.insert(shown, content);
        }
        Ok(files)
    }

    /// Whether `path` is a link that leads nowhere, as far as can be seen from here: the host may see more.
    #[must_use]
    pub fn leads_out(&self, path: &str) -> bool {
        matches!(self.read(path), Ok(Some(Err(Unread::OutOfSight))))
    }

    /// The names of everything in `directory`, in order; none where there is no such directory.
    pub fn names(&self, directory: &str) -> io::Result<BTreeSet<String>> {
        let Some(opened) = self.directory_if_any(directory)? else { return Ok(BTreeSet::new()) };
        Ok(entries(&opened)?.iter().map(|name| show(name)).collect())
    }

    /// Every regular file below `directory`, by its path from there. No link is followed: it is the text `-> target`.
    pub fn tree(&self, directory: &str) -> io::Result<BTreeMap<String, Vec<u8>>> {
        let mut files = BTreeMap::new();
        if let Some(opened) = self.directory_if_any(directory)? {
            collect(&opened, "", &mut files)?;
        }
        Ok(files)
    }

    /// Puts `text` at `path`: the file is there whole, or as it was, also after a power cut.
    pub fn replace(&self, path: &str, text: &str, mode: u32) -> io::Result<()> {
        self.replace_for(path, text, mode, Durability::PowerCut)
    }

    /// The same, for as long as that.
    pub fn replace_for(&self, path: &str, text: &str, mode: u32, until: Durability) -> io::Result<()> {
        let (directory, name) = self.place(path)?;
        let temporary = temporary(name);
        // An agent that was killed may have left one.
        unlink(&directory, &temporary)?;
        let written = create(&directory, &temporary, text.as_bytes(), mode)
            .and_then(|file| if until == Durability::PowerCut { file.sync_all() } else { Ok(()) })
            .and_then(|()| Ok(renameat(&directory, &*temporary, &directory, name)?));
        if written.is_err() {
            // The first error is the one to report.
            let _ = unlink(&directory, &temporary);
        }
        written?;
        if until == Durability::PowerCut { directory.sync_all() } else { Ok(()) }
    }

    /// Puts a file at `path` where there is none, for a while: it is not kept over a power cut.
    pub fn put(&self, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
        let (directory, name) = self.place(path)?;
        create(&directory, name, bytes, mode)?;
        Ok(())
    }

    /// Writes `text` into the file at `path`, which is there, as one writes into a sysctl.
    pub fn set(&self, path: &str, text: &str) -> io::Result<()> {
        let handle = resolve(self.root()?, path.as_ref())?;
        reopen(&handle, OpenFlags::O_WRONLY | OpenFlags::O_NONBLOCK)?.write_all(text.as_bytes())
    }

    /// The file at `path`, open for writing; an empty one is made where there is none.
    pub fn open_or_create(&self, path: &str) -> io::Result<File> {
        let (directory, name) = self.place(path)?;
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(openat(&directory, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Makes a directory at `path`, and those above it, unless they are there.
    pub fn make_directory(&self, path: &str) -> io::Result<()> {
        self.root()?.mkdir_all(path, &Permissions::from_mode(0o755)).map_err(from_pathrs)?;
        Ok(())
    }

    /// Whether [`Self::replace`] and [`Self::remove`] could work for `path`, as far as that can be
    /// told without doing it.
    pub fn may_write(&self, path: &str) -> io::Result<()> {
        let (directory, _) = self.place(path)?;
        Ok(accessat(&directory, ".", Access::WRITE_OK, AtFlags::empty())?)
    }

    /// Takes the file at `path` away, if there is one, and what is left of one that was not written to its end.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        let (directory, name) = match self.place(path) {
            Err(error) if is_absent(&error) => return Ok(()),
            place => place?,
        };
        let names = [name, &temporary(name)];
        let removed =
            names.map(|name| unlink(&directory, name)).into_iter().collect::<io::Result<Vec<_>>>()?;
        if removed.contains(&true) { directory.sync_all() } else { Ok(()) }
    }

    /// Takes `path` away with everything below it, if it is there. No link is followed.
    pub fn remove_all(&self, path: &str) -> io::Result<()> {
        match self.root()?.remove_all(path).map_err(from_pathrs) {
            Err(error) if !is_absent(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes the directory at `path` away, if it is there. An error where anything is in it.
    pub fn remove_directory(&self, path: &str) -> io::Result<()> {
        let (directory, name) = match self.place(path) {
            Err(error) if is_absent(&error) => return Ok(()),
            place => place?,
        };
        match unlinkat(&directory, name, AtFlags::REMOVEDIR) {
            Err(error) if error != Errno::NOENT => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn is(&self, path: &str, kind: FileType) -> bool {
        let handle = self.root().and_then(|root| resolve(root, path.as_ref()));
        handle.is_ok_and(|handle| content::kind(&handle).is_ok_and(|found| found == kind))
    }

    /// One entry of `opened`, which is `directory`; none where it is gone by now.
    fn entry(&self, opened: &File, directory: &str, name: &OsStr) -> Option<Content> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = match openat(opened, name, flags, Mode::empty()) {
            Ok(entry) => Handle::from_fd(entry),
            Err(Errno::NOENT) => return None,
            Err(error) => return Some(Err(io::Error::from(error).into())),
        };
        if content::kind(&handle).is_ok_and(|kind| kind == FileType::Symlink) {
            // Where it leads is the root's to say, also for one that is relative.
            let path = Path::new(directory).join(name);
            return match resolve(self.root().ok()?, &path) {
                Ok(handle) => Some(content::of(&handle)),
                Err(error) if is_absent(&error) || is_loop(&error) => {
                    Some(masked_or_lost(opened, name).unwrap_or(Err(Unread::OutOfSight)))
                }
                Err(error) => Some(Err(error.into())),
            };
        }
        Some(content::of(&handle))
    }

    /// What a link that leads nowhere stands for; none where `path` is no link.
    fn lost_link(&self, path: &Path) -> Option<Content> {
        let (directory, name) = (path.parent()?, path.file_name()?);
        masked_or_lost(&self.directory(directory).ok()?, name)
    }

    /// The directory that `path` is in, links followed, and the name in there.
    fn place<'a>(&self, path: &'a str) -> io::Result<(File, &'a str)> {
        let (directory, name) = path.rsplit_once('/').ok_or(io::ErrorKind::InvalidInput)?;
        Ok((self.directory(if directory.is_empty() { "/" } else { directory }.as_ref())?, name))
    }

    /// The directory at `path`, which is there.
    ///
    /// ESTALE where it was removed on the host: a container goes on seeing what was mounted into it.
    fn directory(&self, path: &Path) -> io::Result<File> {
        let flags = OpenFlags::O_DIRECTORY | OpenFlags::O_RDONLY;
        let opened = self.root()?.open_subpath(path, flags).map_err(from_pathrs)?;
        if opened.metadata()?.nlink() == 0 { Err(Errno::STALE.into()) } else { Ok(opened) }
    }

    pub(super) fn directory_if_any(&self, path: &str) -> io::Result<Option<File>> {
        match self.directory(path.as_ref()) {
            Err(error) if is_absent(&error) => Ok(None),
            opened => opened.map(Some),
        }
    }

    fn root(&self) -> io::Result<&Root> {
        if let Some(root) = self.opened.get() {
            return Ok(root);
        }
        // Where there is no root, nobody knows what is absent.
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&self.path, flags, Mode::empty())
            .map_err(|error| io::Error::other(format!("{}: {error}", self.path.display())))?;
        Ok(self.opened.get_or_init(|| Root::from_fd(opened)))
    }

    /// Where a test finds the host's `path`.
    #[cfg(test)]
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.path.join(path.trim_start_matches('/'))
    }
}

fn resolve(root: &Root, path: &Path) -> io::Result<Handle> {
    root.resolve(path).map_err(from_pathrs)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A link that leads to itself leads nowhere.
fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

/// What the link `name` stands for, which leads to nothing that is here; none where it is no link.
fn masked_or_lost(directory: &File, name: &OsStr) -> Option<Content> {
    let to = readlinkat(directory, name, Vec::new()).ok()?;
    Some(if to.as_bytes() == NULL.as_bytes() { Ok(Vec::new()) } else { Err(Unread::OutOfSight) })
}

/// The names in a directory, but for itself and the one above it.
fn entries(directory: &File) -> io::Result<BTreeSet<std::ffi::CString>> {
    let mut names = BTreeSet::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_owned();
        if name.as_bytes() != b"." && name.as_bytes() != b".." {
            names.insert(name);
        }
    }
    Ok(names)
}

/// A name as text. Bytes that are none are written out, so that no two names look the same.
fn show(name: &CStr) -> String {
    name.to_str().map_or_else(|_| name.to_bytes().escape_ascii().to_string(), str::to_owned)
}

fn collect(directory: &File, path: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for name in entries(directory)? {
        let path = format!("{path}{}", show(&name));
        let handle =
            openat(directory, &*name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let handle = Handle::from_fd(handle);
        match content::kind(&handle)? {
            FileType::Directory => {
                let below = reopen(&handle, OpenFlags::O_DIRECTORY | OpenFlags::O_RDONLY)?;
                collect(&below, &format!("{path}/"), files)?;
            }
            FileType::RegularFile => {
                files.insert(path, content::of(&handle).map_err(io::Error::other)?);
            }
            FileType::Symlink => {
                let target = readlinkat(directory, &*name, Vec::new())?;
                files.insert(path, [b"-> ", target.as_bytes()].concat());
            }
            _ => {}
        }
    }
    Ok(())
}
