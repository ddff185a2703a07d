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
        foreign::{Definition, SourceFile},
        predecessor,
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

/// Files of the Go agent that ours replaced. Nothing reads them.
pub(super) const REPLACED: &str = "/var/lib/multinic/replaced";

/// Everything that others define, and everything of ours.
pub fn survey(root: &HostRoot) -> Result<(Vec<Definition>, HostFiles), FileError> {
    let mut files = HostFiles::default();
    let mut inherited = Vec::new();
    for (path, content) in in_places(root, ALL.places())? {
        let Ok(text) = text(content) else { continue };
        let ours = owner(&text) != Owner::Others;
        if let Some(mac) = predecessor::nic(&path, &text) {
            inherited.push((mac, SourceFile { path: path.clone(), text: text.clone() }));
        }
        if ours || ALL.owner_of(&path).is_some() {
            files.boot.insert(path, text);
        }
    }
    for (mac, file) in &inherited {
        // Of two, nobody knows which one counts.
        if inherited.iter().filter(|(other, _)| other == mac).count() == 1 {
            files.inherited.insert(*mac, file.clone());
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
    if let (Some(text), None) = (&change.from, &change.to) {
        put_aside(root, &change.path, text)?;
    }
    let mode = if ALL.is_private(&change.path) { 0o600 } else { 0o644 };
    let written = match &change.to {
        Some(text) => root.replace(&change.path, text, mode),
        None => root.remove(&change.path),
    };
    written.map_err(|source| FileError::Write { path: change.path.clone(), source })
}

/// Keeps a file of the Go agent that is about to be replaced, as it is. Whatever was kept before stays.
fn put_aside(root: &HostRoot, path: &str, text: &str) -> Result<(), FileError> {
    if predecessor::nic(path, text).is_none() {
        return Ok(());
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let kept = || {
        root.make_directory(REPLACED)?;
        for number in 0_u32.. {
            let path = if number == 0 {
                format!("{REPLACED}/{name}")
            } else {
                format!("{REPLACED}/{name}.{number}")
            };
            match root.text(&path)? {
                Some(kept) if kept == text => break,
                Some(_) => {}
                None => return root.replace(&path, text, 0o600),
            }
        }
        Ok(())
    };
    kept().map_err(|source| FileError::Write { path: format!("{REPLACED}/{name}"), source })
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

    const OF_THE_GO_AGENT: &str = "network: {version: 2, ethernets: {multinic0: {match: {macaddress: 'fa:16:3e:00:00:01'}, set-name: multinic0}}}\n";

    #[test]
    fn a_file_of_the_go_agent_is_put_aside_when_it_goes_and_no_other_is() {
        const PATH: &str = "/etc/netplan/90-multinic0.yaml";
        let aside = |root: &HostRoot, name: &str| root.text(&format!("{REPLACED}/{name}")).unwrap();
        let goes = |path: &str, text: &str| FileChange {
            path: path.to_owned(),
            from: Some(text.to_owned()),
            to: None,
        };
        let later = OF_THE_GO_AGENT.replace("fa:16:3e:00:00:01", "fa:16:3e:00:00:02");
        let (_directory, root) = host(&[(PATH, OF_THE_GO_AGENT)]);
        for (text, name) in [
            (OF_THE_GO_AGENT, "90-multinic0.yaml"),
            (OF_THE_GO_AGENT, "90-multinic0.yaml"),
            (&later, "90-multinic0.yaml.1"),
        ] {
            fs::write(root.at(PATH), text).unwrap();
            write(&root, &goes(PATH, text)).unwrap();
            assert!(!root.at(PATH).exists());
            assert_eq!(aside(&root, name).as_deref(), Some(text));
        }
        assert_eq!(aside(&root, "90-multinic0.yaml").as_deref(), Some(OF_THE_GO_AGENT));
        // It comes back where the rest fails.
        write(&root, &goes(PATH, &later).inverse()).unwrap();
        assert_eq!(root.text(PATH).unwrap().as_deref(), Some(later.as_str()));

        let ours = "/etc/netplan/60-multinic-multinic0.yaml";
        let (_directory, root) = host(&[(ours, "ours")]);
        write(&root, &goes(ours, "ours")).unwrap();
        assert!(!root.at(REPLACED).exists());

        let (_directory, root) =
            host(&[(PATH, OF_THE_GO_AGENT), ("/var/lib/multinic/replaced", "no directory")]);
        write(&root, &goes(PATH, OF_THE_GO_AGENT)).unwrap_err();
        assert!(root.at(PATH).exists(), "removed without a copy");
    }

    #[test]
    fn of_two_files_of_the_go_agent_for_one_nic_none_is_taken_over() {
        let second = OF_THE_GO_AGENT.replace("multinic0", "multinic1");
        let (first, second) = (
            ("/etc/netplan/90-multinic0.yaml", OF_THE_GO_AGENT),
            ("/etc/netplan/91-multinic1.yaml", &*second),
        );
        for (files, expected) in [(vec![first], 1), (vec![first, second], 0)] {
            let (_directory, root) = host(&files);
            assert_eq!(survey(&root).unwrap().1.inherited.len(), expected);
        }
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
