//! The host's root directory, as this process sees it.
//!
//! Paths are resolved as the host itself would: an absolute symbolic link leads into
//! the host's root, not into that of this container.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirEntry, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
};

use pathrs::{Root, error::ErrorKind, flags::OpenFlags};
use rustix::fs::{Access, Mode, OFlags, access, open};

/// How the name ends of a file that is not whole yet.
pub const TEMPORARY: &str = ".multinic-tmp";

/// The host's root directory.
#[derive(Debug, Clone)]
pub struct HostRoot(PathBuf);

impl HostRoot {
    /// The host's root at `path`.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where the host's root is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where this process finds the host's `path`, which must have no links in it.
    #[must_use]
    pub fn at(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    /// Whether `path` is a file on the host, links followed.
    #[must_use]
    pub fn is_file(&self, path: &str) -> bool {
        self.open(path, OpenFlags::O_PATH)
            .is_ok_and(|file| file.metadata().is_ok_and(|found| found.is_file()))
    }

    /// The text of the file at `path`, if there is one. Bytes that are no text are replaced.
    pub fn read(&self, path: &str) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        match self.open(path, OpenFlags::O_RDONLY) {
            Err(error) if is_absent(&error) => return Ok(None),
            opened => opened?.read_to_end(&mut bytes)?,
        };
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The files in `directory` whose names end in `suffix`, by name; none where there is no such directory.
    /// A link that leads nowhere has no text; one to `/dev/null`, which masks a file, an empty one.
    pub fn list(&self, directory: &str, suffix: &str) -> io::Result<BTreeMap<String, Option<String>>> {
        let resolved = match self.resolve(directory) {
            Err(error) if is_absent(&error) => return Ok(BTreeMap::new()),
            resolved => resolved?,
        };
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(resolved)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let hidden = name.starts_with('.');
            if name.ends_with(suffix) && !hidden && !entry.file_type()?.is_dir() {
                let text = self.read(&format!("{directory}/{name}"))?;
                // Of the host's devices a container may see none.
                let masked = || fs::read_link(entry.path()).is_ok_and(|link| link == Path::new("/dev/null"));
                files.insert(name, text.or_else(|| masked().then(String::new)));
            }
        }
        Ok(files)
    }

    /// Whether `path` is a link that leads nowhere, as far as can be seen from here: the host may see more.
    #[must_use]
    pub fn leads_out(&self, path: &str) -> bool {
        let link = self.place(path).and_then(|(directory, name)| fs::read_link(directory.join(name)));
        link.is_ok_and(|to| to != Path::new("/dev/null"))
            && self.open(path, OpenFlags::O_PATH).is_err_and(|error| is_absent(&error))
    }

    /// The names of everything in `directory`, in order; none where there is no such directory.
    pub fn names(&self, directory: &str) -> io::Result<BTreeSet<String>> {
        let resolved = match self.resolve(directory) {
            Err(error) if is_absent(&error) => return Ok(BTreeSet::new()),
            resolved => resolved?,
        };
        let name = |entry: io::Result<DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        fs::read_dir(resolved)?.map(name).collect()
    }

    /// Puts `text` at `path`: the file is there whole, or as it was, also after a power cut.
    pub fn replace(&self, path: &str, text: &str, mode: u32) -> io::Result<()> {
        let (directory, name) = self.place(path)?;
        // A name that no tool takes for configuration, in the same file system.
        let temporary = directory.join(format!(".{name}{TEMPORARY}"));
        let written =
            write_new(&temporary, text, mode).and_then(|()| fs::rename(&temporary, directory.join(name)));
        if written.is_err() {
            // The first error is the one to report.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        File::open(directory)?.sync_all()
    }

    /// Whether [`Self::replace`] and [`Self::remove`] could work for `path`, as far as that can be
    /// told without doing it.
    pub fn may_write(&self, path: &str) -> io::Result<()> {
        let (directory, _) = self.place(path)?;
        Ok(access(directory, Access::WRITE_OK)?)
    }

    /// Takes the file at `path` away, if there is one.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        let (directory, name) = match self.place(path) {
            Err(error) if is_absent(&error) => return Ok(()),
            place => place?,
        };
        match fs::remove_file(directory.join(name)) {
            Err(error) if is_absent(&error) => Ok(()),
            removed => removed.and_then(|()| File::open(directory)?.sync_all()),
        }
    }

    /// The directory that `path` is in, links followed, and the name in there.
    fn place<'a>(&self, path: &'a str) -> io::Result<(PathBuf, &'a str)> {
        let (directory, name) = path.rsplit_once('/').ok_or(io::ErrorKind::InvalidInput)?;
        Ok((self.resolve(directory)?, name))
    }

    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        let place = self.open(path, OpenFlags::O_PATH)?;
        fs::read_link(format!("/proc/self/fd/{}", place.as_raw_fd()))
    }

    fn open(&self, path: &str, flags: OpenFlags) -> io::Result<File> {
        // Where there is no root, nobody knows what is absent.
        let root = open(&self.0, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| io::Error::other(format!("{}: {error}", self.0.display())))?;
        Root::from_fd(root).open_subpath(path, flags).map_err(|error| match error.kind() {
            ErrorKind::OsError(Some(code)) => io::Error::from_raw_os_error(code),
            _ => io::Error::other(error),
        })
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn root() -> (tempfile::TempDir, HostRoot) {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path().to_owned());
        fs::create_dir_all(root.at("/etc/netplan")).unwrap();
        (directory, root)
    }

    #[test]
    fn a_file_is_replaced_whole_and_private_and_leaves_nothing_beside_it() {
        let (_directory, root) = root();
        let path = "/etc/netplan/60-multinic-multinic0.yaml";
        for text in ["first", "second, longer", "3"] {
            root.replace(path, text, 0o600).unwrap();
            assert_eq!(root.read(path).unwrap().unwrap(), text);
        }
        assert_eq!(fs::metadata(root.at(path)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(root.at("/etc/netplan")).unwrap().count(), 1);

        root.remove(path).unwrap();
        root.remove(path).unwrap();
        assert_eq!(root.read(path).unwrap(), None);
    }

    #[test]
    fn links_are_followed_within_the_hosts_root() {
        let (_directory, root) = root();
        fs::create_dir_all(root.at("/opt/site")).unwrap();
        fs::write(root.at("/opt/site/n.yaml"), "theirs").unwrap();
        symlink("/opt/site/n.yaml", root.at("/etc/netplan/40-site.yaml")).unwrap();
        symlink("/nowhere", root.at("/etc/netplan/50-gone.yaml")).unwrap();
        symlink("/dev/null", root.at("/etc/netplan/51-masked.yaml")).unwrap();
        symlink("/etc/netplan", root.at("/etc/linked")).unwrap();

        let listed = root.list("/etc/linked", ".yaml").unwrap();
        let expected =
            [("40-site.yaml", Some("theirs")), ("50-gone.yaml", None), ("51-masked.yaml", Some(""))];
        assert_eq!(listed, expected.map(|(name, text)| (name.to_owned(), text.map(str::to_owned))).into());
        root.replace("/etc/linked/60.yaml", "ours", 0o600).unwrap();
        assert_eq!(root.read("/etc/netplan/60.yaml").unwrap().as_deref(), Some("ours"));
    }

    #[test]
    fn the_root_may_be_a_link_and_without_one_nothing_is_called_absent() {
        let (directory, root) = root();
        root.replace("/etc/netplan/60.yaml", "ours", 0o600).unwrap();
        let (link, gone) = (directory.path().join("link"), directory.path().join("gone"));
        symlink(directory.path(), &link).unwrap();
        assert_eq!(HostRoot::new(link).read("/etc/netplan/60.yaml").unwrap().as_deref(), Some("ours"));
        HostRoot::new(gone).read("/etc/netplan/60.yaml").unwrap_err();
    }

    #[test]
    fn only_a_link_to_what_is_not_here_leads_out() {
        let (_directory, root) = root();
        fs::write(root.at("/etc/file"), "").unwrap();
        for (name, to) in [("out", "/opt/site"), ("masked", "/dev/null"), ("within", "/etc/file")] {
            symlink(to, root.at(&format!("/etc/{name}"))).unwrap();
        }
        let found =
            ["out", "masked", "within", "file", "absent"].map(|name| root.leads_out(&format!("/etc/{name}")));
        assert_eq!(found, [true, false, false, false, false]);
    }
}
