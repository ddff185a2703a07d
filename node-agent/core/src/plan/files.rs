//! Which files change with a transaction.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    observed::files::FileChange,
    parse::bootfile::BootFile,
    plan::{removal, transaction::Member, world::World},
};

/// The files of `members` as they should be; whatever else is theirs goes, unless it is `written` anew.
pub(super) fn changes(members: &[Member], written: &BTreeSet<String>, world: World<'_>) -> Vec<FileChange> {
    let files = members.iter().flat_map(|member| &member.files);
    let wanted: BTreeMap<&str, &BootFile> = files.map(|file| (file.path.as_str(), file)).collect();
    let stale = members.iter().flat_map(|member| {
        let name = member.wanted.as_ref().map(|nic| nic.name);
        removal::files_of(member.mac, world.files).filter(move |(path, _)| {
            name.is_none_or(|name| removal::is_stale(path, name, &member.files, world))
        })
    });
    let mut changes: Vec<FileChange> = stale
        .filter(|(path, _)| !written.contains(*path))
        .map(|(path, text)| FileChange { path: path.to_owned(), from: Some(text.to_owned()), to: None })
        .collect();
    changes.extend(wanted.into_values().filter_map(|file| {
        let from = world.files.boot.get(&file.path);
        (from != Some(&file.text)).then(|| FileChange {
            path: file.path.clone(),
            from: from.cloned(),
            to: Some(file.text.clone()),
        })
    }));
    // Last: a boot in between finds the NIC twice rather than not at all, which comes to the same.
    let taken_over = members.iter().filter(|member| member.wanted.is_some());
    let inherited = taken_over.filter_map(|member| world.files.inherited.get(&member.mac));
    changes.extend(inherited.map(|file| FileChange {
        path: file.path.clone(),
        from: Some(file.text.clone()),
        to: None,
    }));
    changes
}
