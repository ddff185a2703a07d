//! The host's files that have to do with us: what others configure, and what we wrote.

use std::{collections::BTreeMap, fs, io};

use multinic_crds::{InterfaceName, MacAddress, Reason};

use crate::{
    bootfile::{Owner, owner},
    foreign::Definition,
    host::{others, root::HostRoot},
    ledger::Ledger,
    plan::{FileChange, HostFiles, Plan, Refusal},
    render::netplan,
};

/// Where netplan reads from; a file in a later one hides its namesake in an earlier one.
pub const NETPLAN: [&str; 3] = ["/lib/netplan", netplan::DIRECTORY, "/run/netplan"];
const LEDGER: &str = "/var/lib/multinic/ledger.json";
/// What must outlive a reboot, and nothing of others.
pub(super) const STATE: &str = "/var/lib/multinic";

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
    #[error("{LEDGER} cannot be read as a ledger: {0}")]
    Ledger(#[source] serde_json::Error),
}

/// The path of a file, and its text; none where it is a link that leads nowhere.
pub(super) type Found = (String, Option<String>);

/// Everything that others define, and everything of ours.
pub fn survey(root: &HostRoot) -> Result<(Vec<Definition>, HostFiles), FileError> {
    let mut files = HostFiles::default();
    let netplan_files = netplan_files(root)?;
    let definitions = others::definitions(root, &netplan_files)?;
    for (path, text) in netplan_files {
        let Some(text) = text else { continue };
        let ours = owner(&text) != Owner::Others;
        if ours || InterfaceName::all().any(|name| netplan::path(&name.to_string()) == path) {
            files.boot.insert(path, text);
        }
    }
    for path in InterfaceName::all().flat_map(|name| netplan::generated(&name.to_string())) {
        files.generated.extend(read(root, &path)?.map(|text| (path, text)));
    }
    Ok((definitions, files))
}

/// Every file that netplan reads, hidden ones included.
pub fn netplan_files(root: &HostRoot) -> Result<Vec<Found>, FileError> {
    let lists: Result<Vec<_>, _> = NETPLAN.iter().map(|directory| list(root, directory, ".yaml")).collect();
    Ok(lists?.concat())
}

/// The file at `path`, if there is one.
pub(super) fn read(root: &HostRoot, path: &str) -> Result<Option<String>, FileError> {
    root.read(path).map_err(|source| FileError::Read { path: path.to_owned(), source })
}

/// The files in `directory` whose names end in `suffix`, with their paths; the directory itself, where that is a link
/// that leads nowhere.
pub(super) fn list(root: &HostRoot, directory: &str, suffix: &str) -> Result<Vec<Found>, FileError> {
    let failed = |source| FileError::Read { path: directory.to_owned(), source };
    let files = root.list(directory, suffix).map_err(failed)?;
    if files.is_empty() && root.leads_out(directory) {
        return Ok(vec![(directory.to_owned(), None)]);
    }
    Ok(files.into_iter().map(|(name, text)| (format!("{directory}/{name}"), text)).collect())
}

/// Makes one change.
pub fn write(root: &HostRoot, change: &FileChange) -> Result<(), FileError> {
    // netplan wants its files private; what is generated below /run is read by networkd's own user.
    let mode = if change.path.starts_with("/run/") { 0o644 } else { 0o600 };
    let written = match &change.to {
        Some(text) => root.replace(&change.path, text, mode),
        None => root.remove(&change.path),
    };
    written.map_err(|source| FileError::Write { path: change.path.clone(), source })
}

/// The NICs of `plan` whose files could not be written, known without having touched anything.
///
/// What cannot be known, such as a disk that is full by then, fails later and is taken back.
#[must_use]
pub fn unwritable(root: &HostRoot, plan: &Plan) -> BTreeMap<MacAddress, Refusal> {
    let refusal = |change: &FileChange| {
        let error = root.may_write(&change.path).err()?;
        let message =
            format!("{} cannot be written: {error}; {}", change.path, Reason::NotPersisted.remedy());
        Some(Refusal::new(Reason::NotPersisted, message))
    };
    let mut unwritable = BTreeMap::new();
    for transaction in &plan.transactions {
        if let Some(refusal) = transaction.files.iter().find_map(refusal) {
            unwritable.extend(transaction.members.iter().map(|member| (member.mac, refusal.clone())));
        }
    }
    unwritable
}

/// What we did before on this host.
pub fn ledger(root: &HostRoot) -> Result<Ledger, FileError> {
    match read(root, LEDGER)? {
        Some(text) => serde_json::from_str(&text).map_err(FileError::Ledger),
        None => Ok(Ledger::default()),
    }
}

/// Keeps `ledger` over restarts and reboots. One that says nothing leaves no file.
pub fn save(root: &HostRoot, ledger: &Ledger) -> Result<(), FileError> {
    let saved = || {
        if ledger.0.is_empty() {
            return root.remove(LEDGER);
        }
        let text = serde_json::to_string_pretty(ledger)?;
        if root.read(LEDGER)?.as_deref() == Some(&text) { Ok(()) } else { root.replace(LEDGER, &text, 0o600) }
    };
    saved().map_err(unrecorded)
}

/// Whether [`save`] will work, as far as that can be told without doing it.
pub fn may_save(root: &HostRoot) -> Result<(), FileError> {
    fs::create_dir_all(root.at(STATE)).and_then(|()| root.may_write(LEDGER)).map_err(unrecorded)
}

fn unrecorded(source: io::Error) -> FileError {
    FileError::Write { path: LEDGER.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use serde_json::json;

    use super::*;

    fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, HostRoot) {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path().to_owned());
        for (path, text) in files {
            let path = root.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        (directory, root)
    }

    #[test]
    fn a_ledger_that_is_not_one_is_no_empty_ledger() {
        let (_directory, root) = host(&[]);
        assert_eq!(ledger(&root).unwrap(), Ledger::default());
        save(&root, &Ledger::default()).unwrap();
        assert!(!root.at(LEDGER).exists());

        let (_directory, root) = host(&[(LEDGER, "{")]);
        assert!(matches!(ledger(&root), Err(FileError::Ledger(_))));
    }

    #[test]
    fn a_ledger_that_says_the_same_is_not_written_again() {
        let (_directory, root) = host(&[]);
        may_save(&root).unwrap();
        let of = |mac: &str| serde_json::from_value(json!({ mac: { "name": "multinic0" } })).unwrap();
        let inode = || fs::metadata(root.at(LEDGER)).unwrap().ino();
        save(&root, &of("fa:16:3e:00:00:01")).unwrap();
        let first = inode();
        save(&root, &of("fa:16:3e:00:00:01")).unwrap();
        assert_eq!(inode(), first);
        save(&root, &of("fa:16:3e:00:00:02")).unwrap();
        assert_ne!(inode(), first);
    }
}
