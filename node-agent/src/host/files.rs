//! The host's files that have to do with us: what others configure, and what we wrote.

use std::{collections::BTreeMap, io};

use multinic_agent_core::{
    backend::ALL,
    observed::{
        files::{FileChange, HostFiles},
        ledger::Ledger,
    },
    parse::{
        bootfile::{Owner, owner},
        foreign::Definition,
    },
    plan::Transaction,
};
use multinic_crds::{Explanation, MacAddress, Reason};

use crate::host::{
    others,
    reading::{FileError, LEDGER, in_places, read, text},
    root::HostRoot,
};

/// What must outlive a reboot, and nothing of others.
pub(super) const STATE: &str = "/var/lib/multinic";

/// Everything that others define, and everything of ours.
pub fn survey(root: &HostRoot) -> Result<(Vec<Definition>, HostFiles), FileError> {
    let mut files = HostFiles::default();
    for (path, content) in in_places(root, ALL.places())? {
        let Ok(text) = text(content) else { continue };
        let ours = owner(&text) != Owner::Others;
        if ours || ALL.owner_of(&path).is_some() {
            files.boot.insert(path, text);
        }
    }
    for path in ALL.generated() {
        // What is no text was not generated.
        files.generated.extend(read(root, &path)?.and_then(Result::ok).map(|text| (path, text)));
    }
    Ok((others::definitions(root)?, files))
}

/// Makes one change, unless the file is by now neither what it was nor what it should be: somebody edited it.
pub fn write(root: &HostRoot, change: &FileChange) -> Result<(), FileError> {
    let edited = || FileError::Edited { path: change.path.clone() };
    let found = read(root, &change.path)?.transpose().map_err(|_| edited())?;
    if found == change.to {
        return Ok(());
    }
    if found != change.from {
        return Err(edited());
    }
    let mode = if ALL.is_private(&change.path) { 0o600 } else { 0o644 };
    let written = match &change.to {
        Some(text) => root.replace(&change.path, text, mode),
        None => root.remove(&change.path),
    };
    written.map_err(|source| FileError::Write { path: change.path.clone(), source })
}

/// The NICs of `transactions` whose files could not be written, known without having touched anything.
///
/// What cannot be known, such as a disk that is full by then, fails later and is taken back.
#[must_use]
pub fn unwritable(root: &HostRoot, transactions: &[Transaction]) -> BTreeMap<MacAddress, Explanation> {
    let refusal = |change: &FileChange| {
        let error = root.may_write(&change.path).err()?;
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => "create its directory",
            io::ErrorKind::StaleNetworkFileHandle => Reason::HostFilesUnreadable.remedy(),
            _ => Reason::NotPersisted.remedy(),
        };
        let message = format!("{} cannot be written: {error}; {remedy}", change.path);
        Some(Explanation::new(Reason::NotPersisted, message))
    };
    let mut unwritable = BTreeMap::new();
    for transaction in transactions {
        if let Some(refusal) = transaction.files.iter().find_map(refusal) {
            unwritable.extend(transaction.members.iter().map(|member| (member.mac, refusal.clone())));
        }
    }
    unwritable
}

/// What we did before on this host.
pub fn ledger(root: &HostRoot) -> Result<Ledger, FileError> {
    match root.text(LEDGER).map_err(|source| FileError::of(LEDGER, source))? {
        Some(text) => serde_json::from_str(&text).map_err(FileError::Ledger),
        None => Ok(Ledger::default()),
    }
}

/// Keeps `ledger` over restarts and reboots. One that says nothing leaves no file.
pub fn save(root: &HostRoot, ledger: &Ledger) -> Result<(), FileError> {
    let saved = || {
        if ledger.is_empty() {
            return root.remove(LEDGER);
        }
        let text = serde_json::to_string_pretty(ledger)?;
        if root.text(LEDGER)?.as_deref() == Some(&text) { Ok(()) } else { root.replace(LEDGER, &text, 0o600) }
    };
    saved().map_err(unrecorded)
}

/// Forgets the NICs that were given up while they were away.
pub fn forget_away(root: &HostRoot) -> Result<(), FileError> {
    let mut known = ledger(root)?;
    known.forget_away();
    save(root, &known)
}

/// Whether [`save`] will work, as far as that can be told without doing it.
pub fn may_save(root: &HostRoot) -> Result<(), FileError> {
    root.make_directory(STATE).and_then(|()| root.may_write(LEDGER)).map_err(unrecorded)
}

fn unrecorded(source: io::Error) -> FileError {
    FileError::Write { path: LEDGER.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt};

    use serde_json::json;

    use super::*;
    use crate::host::testing::host;

    #[test]
    fn an_edit_between_look_and_write_is_kept() {
        const PATH: &str = "/etc/netplan/60-multinic-multinic0.yaml";
        let change = |from: Option<&str>, to: Option<&str>| FileChange {
            path: PATH.to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        for (from, to) in [(Some("ours"), Some("new")), (Some("ours"), None), (None, Some("new"))] {
            let (_directory, root) = host(&[(PATH, "edited")]);
            assert!(
                matches!(write(&root, &change(from, to)), Err(FileError::Edited { .. })),
                "{from:?} {to:?}"
            );
            assert_eq!(root.text(PATH).unwrap().as_deref(), Some("edited"));
        }
        let (_directory, root) = host(&[(PATH, "ours")]);
        write(&root, &change(Some("ours"), Some("new"))).unwrap();
        write(&root, &change(Some("ours"), Some("new"))).unwrap();
        write(&root, &change(Some("new"), None)).unwrap();
        write(&root, &change(Some("new"), None)).unwrap();
        assert_eq!(root.text(PATH).unwrap(), None);
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
