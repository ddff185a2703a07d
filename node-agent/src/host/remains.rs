//! What is ours on the host beside boot files and ledger, for those who want nothing of it left.

use std::io;

use multinic_agent_core::{
    backend::ALL,
    parse::{
        bootfile::{Owner, owner},
        foreign::Definition,
    },
};
use multinic_crds::InterfaceName;

use crate::host::{
    backend::STAGE,
    files::{REPLACED, STATE},
    last_object, lock, memory,
    reading::{FileError, in_places},
    retries,
    root::{HostRoot, TEMPORARY},
};

/// What is there until the next boot, and nothing of others.
const VOLATILE: &str = "/run/multinic";

/// Takes away what an agent that was killed in the middle left behind, and directories of ours
/// that are empty by now. What cannot be taken away is returned as a complaint.
#[must_use]
pub fn tidy(root: &HostRoot) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut note = |path: &str, result: io::Result<()>| {
        complaints.extend(result.err().map(|error| format!("failed to remove {path}: {error}")));
    };
    note(STAGE, root.remove_all(STAGE));
    for directory in written_to().chain([STATE]) {
        for name in root.names(directory).unwrap_or_default() {
            if name.ends_with(TEMPORARY) {
                let path = format!("{directory}/{name}");
                note(&path, root.remove(&path));
            }
        }
    }
    note(REPLACED, root.remove_all(REPLACED));
    for path in [retries::PATH, last_object::PATH] {
        note(path, root.remove(path));
    }
    note(STATE, remove_empty(root, STATE));
    complaints
}

/// Every directory in which boot files are written or removed.
fn written_to() -> impl Iterator<Item = &'static str> {
    ALL.places().map(|place| place.directory).chain(ALL.generated_in())
}

/// A directory that is not empty is seen as what is in it; one that is mounted into a pod is no
/// more than a mount point in there, and stays.
fn remove_empty(root: &HostRoot, directory: &str) -> io::Result<()> {
    match root.remove_directory(directory) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::DirectoryNotEmpty
                    | io::ErrorKind::ResourceBusy
                    | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// The paths of everything that is ours, or made of what was ours. Where others define a link by
/// one of our names, what is generated under that name is theirs.
pub fn list(root: &HostRoot, definitions: &[Definition]) -> Result<Vec<String>, FileError> {
    let boot = in_places(root, ALL.places())?.into_iter().filter_map(|(path, content)| {
        let ours = owner(str::from_utf8(&content.ok()?).ok()?) != Owner::Others;
        ours.then_some(path)
    });
    let mut paths: Vec<String> = boot.collect();
    let theirs: Vec<String> = InterfaceName::all()
        .map(|name| name.to_string())
        .filter(|name| definitions.iter().any(|definition| definition.claims(name)))
        .collect();
    let of_others = |file: &str| theirs.iter().any(|name| file.contains(&format!("-{name}.")));
    for directory in ALL.generated_in() {
        let ours = |name: &String| name.contains("multinic") && !of_others(name);
        paths.extend(below(root, directory, ours)?);
    }
    for place in ALL.places() {
        paths.extend(below(root, place.directory, |name| name.ends_with(TEMPORARY))?);
    }
    paths.extend(below(root, STATE, |_| true)?);
    paths.extend(
        below(root, VOLATILE, |_| true)?.filter(|path| ![lock::PATH, memory::PATH].contains(&path.as_str())),
    );
    Ok(paths)
}

fn below(
    root: &HostRoot,
    directory: &str,
    wanted: impl Fn(&String) -> bool,
) -> Result<impl Iterator<Item = String>, FileError> {
    let names = root.names(directory);
    let names = names.map_err(|source| FileError::Read { path: directory.to_owned(), source })?;
    Ok(names.into_iter().filter(move |name| wanted(name)).map(move |name| format!("{directory}/{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::host;
    use multinic_agent_core::parse::{
        bootfile::seal,
        foreign::{self, SourceFile},
    };

    #[test]
    fn everything_of_ours_is_listed_wherever_it_lies_and_nothing_of_others() {
        let boot = seal("fa:16:3e:00:00:01".parse().unwrap(), "network: {}\n");
        let ours = [
            ("/etc/netplan/60-multinic-multinic0.yaml", boot.as_str()),
            ("/etc/netplan/99-copied-by-somebody.yaml", &boot),
            ("/run/systemd/network/10-netplan-multinic0.network", ""),
            ("/run/udev/rules.d/99-netplan-multinic0.rules", ""),
            ("/etc/netplan/.60-multinic-multinic1.yaml.multinic-tmp", ""),
            ("/var/lib/multinic/ledger.json", "{}"),
            ("/run/multinic/stage", ""),
        ];
        let of_others = [
            ("/etc/netplan/50-cloud-init.yaml", "network: {}\n"),
            ("/run/systemd/network/10-netplan-eth0.network", ""),
            ("/run/systemd/network/10-netplan-multinic1.network", ""),
            (lock::PATH, ""),
            (memory::PATH, ""),
        ];
        let (_directory, root) = host(&[ours.as_slice(), &of_others].concat());
        let text = "network: {ethernets: {multinic1: {}}}".to_owned();
        let theirs =
            foreign::netplan(&SourceFile { path: "/etc/netplan/90-old-agent.yaml".to_owned(), text });
        assert_eq!(list(&root, &theirs).unwrap(), ours.map(|(path, _)| path));
    }

    #[test]
    fn what_a_killed_agent_left_goes_and_what_nobody_knows_stays_and_is_listed() {
        let (_directory, root) = host(&[
            ("/run/multinic/stage/planned/etc/netplan/50-cloud-init.yaml", "a copy"),
            ("/etc/netplan/.60-multinic-multinic0.yaml.multinic-tmp", ""),
            ("/var/lib/multinic/.ledger.json.multinic-tmp", ""),
            ("/var/lib/multinic/retries.json", "{}"),
            ("/var/lib/multinic/object.json", "{}"),
            ("/var/lib/multinic/replaced/90-multinic0.yaml", "{}"),
            ("/etc/netplan/50-cloud-init.yaml", "theirs"),
        ]);
        assert_eq!(tidy(&root), [""; 0]);
        assert_eq!(list(&root, &[]).unwrap(), [""; 0]);
        assert!(!root.at(STATE).exists() && root.at("/etc/netplan/50-cloud-init.yaml").exists());
        assert_eq!(tidy(&root), [""; 0], "nothing is there to be removed twice");

        let (_directory, root) = host(&[("/var/lib/multinic/notes", "whose?")]);
        assert_eq!(tidy(&root), [""; 0]);
        assert_eq!(list(&root, &[]).unwrap(), ["/var/lib/multinic/notes"]);
    }
}
