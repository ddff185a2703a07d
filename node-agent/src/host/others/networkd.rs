//! networkd's files with their drop-ins, wherever they lie.

use multinic_agent_core::{
    backend::ALL,
    parse::{
        bootfile::{Owner, owner},
        foreign::{self, Definition, OurNetworks, SourceFile},
    },
};

use super::hiding::{effective, file_name, without_run};
use crate::host::{
    reading::{FileError, Found, list, unreadable},
    root::HostRoot,
};

/// Where networkd reads from; a file in an earlier one hides its namesake in a later one.
pub(super) const DIRECTORIES: [&str; 5] = [
    "/etc/systemd/network",
    "/run/systemd/network",
    "/usr/local/lib/systemd/network",
    "/usr/lib/systemd/network",
    "/lib/systemd/network",
];

/// The definitions in networkd's files.
pub(super) fn definitions(root: &HostRoot) -> Result<Vec<Definition>, FileError> {
    let sources = Sources::read(root, ".network")?;
    Ok(now_and_after_boot(|order| sources.networks(order)))
}

/// The files by which others have udev name links.
pub(crate) fn links(root: &HostRoot) -> Result<Vec<Definition>, FileError> {
    let sources = Sources::read(root, ".link")?;
    Ok(now_and_after_boot(|order| sources.links(order)))
}

/// What `definitions` there are now, and those that there will be once what is below `/run` is gone.
fn now_and_after_boot(definitions: impl Fn(&[&str]) -> Vec<Definition>) -> Vec<Definition> {
    let mut all = definitions(&DIRECTORIES);
    for definition in definitions(&without_run(&DIRECTORIES)) {
        if !all.contains(&definition) {
            all.push(definition);
        }
    }
    all
}

/// The files of one kind, and their drop-ins.
struct Sources {
    files: Vec<Found>,
    drop_ins: Vec<Found>,
}

impl Sources {
    fn read(root: &HostRoot, ending: &str) -> Result<Self, FileError> {
        let (mut files, mut drop_ins) = (Vec::new(), Vec::new());
        for directory in DIRECTORIES {
            files.extend(list(root, directory, ending)?);
            let names = root.names(directory);
            let names = names.map_err(|source| FileError::of(directory, source))?;
            for name in names.iter().filter(|name| name.ends_with(&format!("{ending}.d"))) {
                drop_ins.extend(list(root, &format!("{directory}/{name}"), ".conf")?);
            }
        }
        Ok(Self { files, drop_ins })
    }

    /// The files that count where they are read from the directories in `order`.
    fn files(&self, order: &[&str]) -> Vec<&Found> {
        effective(self.files.iter(), order)
    }

    /// The drop-ins that count for the file at `path`: what is in them, and what cannot be read of them.
    fn drop_ins(&self, path: &str, order: &[&str]) -> (Vec<SourceFile>, Vec<Definition>) {
        let directory = format!("/{}.d/", file_name(path));
        let of_it = self.drop_ins.iter().filter(|(path, _)| path.contains(&directory));
        let (mut seen, mut unseen) = (Vec::new(), Vec::new());
        for (path, text) in effective(of_it, order) {
            match text {
                Ok(text) => seen.push(source(path, text)),
                Err(unread) => unseen.push(unreadable(path, unread)),
            }
        }
        (seen, unseen)
    }

    fn networks(&self, order: &[&str]) -> Vec<Definition> {
        let mut definitions = Vec::new();
        // What is ours, or made of ours, says nothing about others, whatever is in it.
        let all = OurNetworks(ALL.networks());
        let mut ours = all.0.clone();
        let others = self.files(order).into_iter().filter(|found| !is_ours(found, &all));
        for (path, text) in others {
            ours.retain(|ours, _| file_name(ours) != file_name(path));
            let (drop_ins, unseen) = self.drop_ins(path, order);
            definitions.extend(unseen);
            match text {
                Ok(text) => definitions.extend(foreign::networkd(&source(path, text), &drop_ins, &all)),
                Err(unread) => definitions.push(unreadable(path, unread)),
            }
        }
        for (path, name) in ours {
            let (drop_ins, unseen) = self.drop_ins(&path, order);
            definitions.extend(unseen);
            definitions.extend(foreign::networkd_of_ours(name, &drop_ins));
        }
        definitions
    }

    fn links(&self, order: &[&str]) -> Vec<Definition> {
        let mut definitions = Vec::new();
        for (path, text) in self.files(order) {
            let (drop_ins, unseen) = self.drop_ins(path, order);
            match text {
                Ok(text) if is_our_link(path, text) && unseen.is_empty() && drop_ins.is_empty() => {}
                Ok(text) => definitions.extend(foreign::udev_link(&source(path, text), &drop_ins)),
                Err(unread) => definitions.push(unreadable(path, unread)),
            }
            definitions.extend(unseen);
        }
        definitions
    }
}

/// Whether a file is one of ours by its place, and, where it is not generated, by what is in it.
fn is_ours((path, text): &Found, ours: &OurNetworks) -> bool {
    let is_sealed = || text.as_ref().is_ok_and(|text| owner(text) != Owner::Others);
    ours.0.contains_key(path) && (path.starts_with("/run/") || is_sealed())
}

fn is_our_link(path: &str, text: &str) -> bool {
    ALL.owner_of(path).is_some() && owner(text) != Owner::Others
}

fn source(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}
