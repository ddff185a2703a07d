//! The host's files: what others configure, what we wrote, and how we write.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use multinic_crds::InterfaceName;

use crate::{
    bootfile::{Owner, owner},
    foreign::{self, Definition, SourceFile},
    ledger::Ledger,
    plan::{FileChange, HostFiles},
    render::netplan,
};

/// Where netplan reads from; a file in a later one hides its namesake in an earlier one.
pub const NETPLAN: [&str; 3] = ["/lib/netplan", netplan::DIRECTORY, "/run/netplan"];
const NETWORKD: [&str; 4] =
    ["/usr/lib/systemd/network", "/lib/systemd/network", "/etc/systemd/network", "/run/systemd/network"];
const IFUPDOWN: &str = "/etc/network/interfaces";
const IFUPDOWN_MORE: &str = "/etc/network/interfaces.d";
const LEDGER: &str = "/var/lib/multinic/ledger.json";

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
    /// Our own record of what we did is not one.
    #[error(
        "{LEDGER} cannot be read as a ledger: {0}; nothing is changed until it is repaired or removed (boot files then tell which NICs are ours)"
    )]
    Ledger(#[source] serde_json::Error),
}

/// The host's root directory, as this process sees it.
#[derive(Debug, Clone)]
pub struct HostRoot(PathBuf);

impl HostRoot {
    /// The host's root at `path`.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where this process finds the host's `path`.
    #[must_use]
    pub fn at(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    /// Where the host's root is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Everything that others define, and everything of ours.
    pub fn survey(&self) -> Result<(Vec<Definition>, HostFiles), FileError> {
        let mut definitions = Vec::new();
        let mut files = HostFiles::default();
        for directory in NETPLAN {
            for file in self.list(directory, ".yaml")? {
                let ours = owner(&file.text) != Owner::Others;
                if !ours {
                    definitions.extend(foreign::netplan(&file));
                }
                if ours || InterfaceName::all().any(|name| netplan::path(&name.to_string()) == file.path) {
                    files.boot.insert(file.path, file.text);
                }
            }
        }
        for directory in NETWORKD {
            // What netplan generated says nothing that its YAML does not.
            let written = self.list(directory, ".network")?.into_iter();
            let written = written.filter(|file| !file.path.contains("/10-netplan-"));
            definitions.extend(written.filter_map(|file| foreign::networkd(&file)));
        }
        definitions.extend(self.read(IFUPDOWN)?.iter().flat_map(foreign::ifupdown));
        definitions.extend(self.list(IFUPDOWN_MORE, "")?.iter().flat_map(foreign::ifupdown));
        for path in InterfaceName::all().flat_map(|name| netplan::generated(&name.to_string())) {
            files.generated.extend(self.read(&path)?.map(|file| (file.path, file.text)));
        }
        Ok((definitions, files))
    }

    /// The file at `path`, if there is one. Bytes that are no text are replaced.
    pub fn read(&self, path: &str) -> Result<Option<SourceFile>, FileError> {
        match fs::read(self.at(path)) {
            Ok(bytes) => Ok(Some(SourceFile {
                path: path.to_owned(),
                text: String::from_utf8_lossy(&bytes).into_owned(),
            })),
            Err(error) if is_absent(&error) => Ok(None),
            Err(source) => Err(FileError::Read { path: path.to_owned(), source }),
        }
    }

    /// The files in `directory` whose names end in `suffix`, in order; none where there is no such directory.
    pub fn list(&self, directory: &str, suffix: &str) -> Result<Vec<SourceFile>, FileError> {
        let failed = |source| FileError::Read { path: directory.to_owned(), source };
        let entries = match fs::read_dir(self.at(directory)) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut files = BTreeMap::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let hidden = name.starts_with('.');
            if name.ends_with(suffix) && !hidden && !entry.path().is_dir() {
                files.extend(self.read(&format!("{directory}/{name}"))?.map(|file| (name, file)));
            }
        }
        Ok(files.into_values().collect())
    }

    /// Makes one change: the file is there whole, or not at all, also after a power cut.
    pub fn write(&self, change: &FileChange) -> Result<(), FileError> {
        let failed = |source| FileError::Write { path: change.path.clone(), source };
        match &change.to {
            Some(text) => replace(&self.at(&change.path), text, mode(&change.path)).map_err(failed),
            None => remove(&self.at(&change.path)).map_err(failed),
        }
    }

    /// What we did before on this host.
    pub fn ledger(&self) -> Result<Ledger, FileError> {
        match self.read(LEDGER)? {
            Some(file) => serde_json::from_str(&file.text).map_err(FileError::Ledger),
            None => Ok(Ledger::default()),
        }
    }

    /// Keeps `ledger` over restarts and reboots.
    pub fn save(&self, ledger: &Ledger) -> Result<(), FileError> {
        let failed = |source| FileError::Write { path: LEDGER.to_owned(), source };
        let text = serde_json::to_string_pretty(ledger).map_err(io::Error::other).map_err(failed)?;
        let path = self.at(LEDGER);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        replace(&path, &text, 0o600).map_err(failed)
    }
}

/// netplan wants its files private; what is generated below /run is read by networkd's own user.
fn mode(path: &str) -> u32 {
    if path.starts_with("/run/") { 0o644 } else { 0o600 }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn replace(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A name that no tool takes for configuration, in the same file system.
    let temporary = directory.join(format!(".{name}.multinic-tmp"));
    let written = write_new(&temporary, text, mode).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    File::open(directory)?.sync_all()
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if is_absent(&error) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_private_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path().to_owned());
        fs::create_dir_all(root.at("/etc/netplan")).unwrap();
        let path = "/etc/netplan/60-multinic-multinic0.yaml".to_owned();
        for text in ["first", "second, longer", "3"] {
            root.write(&FileChange { path: path.clone(), from: None, to: Some(text.to_owned()) }).unwrap();
            assert_eq!(root.read(&path).unwrap().unwrap().text, text);
        }
        assert_eq!(fs::metadata(root.at(&path)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(root.at("/etc/netplan")).unwrap().count(), 1);

        let gone = FileChange { path: path.clone(), from: Some("3".to_owned()), to: None };
        root.write(&gone).unwrap();
        root.write(&gone).unwrap();
        assert_eq!(root.read(&path).unwrap(), None);
    }

    #[test]
    fn a_ledger_that_is_not_one_stops_everything_and_says_how_to_go_on() {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path().to_owned());
        assert_eq!(root.ledger().unwrap(), Ledger::default());
        root.save(&Ledger::default()).unwrap();
        fs::write(root.at(LEDGER), "{").unwrap();
        assert!(root.ledger().unwrap_err().to_string().contains("repaired or removed"));
    }
}
