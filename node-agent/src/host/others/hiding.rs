//! Which of several files of one name count.
//!
//! A file below `/run` hides its namesakes until the next boot only. So there are two answers, now and after the next
//! boot, and a link that is configured by either of them is somebody's.

use std::collections::BTreeMap;

use crate::host::reading::Found;

const RUN: &str = "/run/";

/// Those of `files` that count now, and those that will once what is below `/run` is gone.
pub(super) fn now_and_after_boot<'a>(files: &'a [Found], order: &[&str]) -> Vec<&'a Found> {
    let mut found = effective(files.iter(), order);
    for file in effective(files.iter(), &without_run(order)) {
        if !found.contains(&file) {
            found.push(file);
        }
    }
    found
}

pub(super) fn without_run<'a>(order: &[&'a str]) -> Vec<&'a str> {
    order.iter().copied().filter(|directory| !directory.starts_with(RUN)).collect()
}

/// Those of `files` that no namesake in a directory before theirs hides, by name.
pub(super) fn effective<'a>(files: impl Iterator<Item = &'a Found>, order: &[&str]) -> Vec<&'a Found> {
    let mut by_name = BTreeMap::new();
    for found in files {
        let path = &found.0;
        let below = |directory: &&str| {
            path.strip_prefix(*directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let Some(rank) = order.iter().position(below) else { continue };
        // A directory out of sight hides nothing, and nothing hides it.
        let name = if order[rank] == path { path } else { file_name(path) };
        let best = by_name.entry(name.to_owned()).or_insert((rank, found));
        if rank < best.0 {
            *best = (rank, found);
        }
    }
    by_name.into_values().map(|(_, found)| found).collect()
}

pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
