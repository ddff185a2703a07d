//! What has to be told of a transaction.

use std::collections::BTreeSet;

use multinic_crds::InterfaceName;

use crate::{
    backend::Memory,
    observed::files::FileChange,
    parse::bootfile::{Owner, owner},
    plan::{
        notice::{Notice, Notices},
        transaction::Member,
        world::World,
    },
};

/// What is to be told of `members` whose `files` change.
pub(super) fn notices(members: &[Member], files: &[FileChange], world: World<'_>) -> Notices {
    match world.backend.memory() {
        Memory::None => Notices::default(),
        Memory::OfNames => of_names(members, files, world),
        Memory::OfLinks => of_links(members, files, world),
    }
}

/// Names that get another link, and those whose NIC changes.
fn of_names(members: &[Member], files: &[FileChange], world: World<'_>) -> Notices {
    let whose = |text: &Option<String>| match text.as_deref().map(owner) {
        Some(Owner::Us(mac) | Owner::Edited(mac)) => Some(mac),
        Some(Owner::Others) | None => None,
    };
    // A file that goes, or becomes another NIC's.
    let left =
        files.iter().filter(|change| change.from.is_some() && whose(&change.from) != whose(&change.to));
    let left = left.filter_map(|change| Some(world.backend.owner_of(&change.path)?.to_string()));
    let links: BTreeSet<String> = touched(members).map(|(name, _)| name).collect();
    let renamed = touched(members).filter(|(name, stays)| !stays && name.parse::<InterfaceName>().is_ok());
    let leased = members.iter().filter(|member| keeps_what_its_file_drops(member, files, world));
    let leased = leased.filter_map(|member| Some(member.link.as_ref()?.name.clone()));
    let all: BTreeSet<String> = left.chain(renamed.map(|(name, _)| name)).chain(leased).collect();
    let is_told = !files.is_empty() || !all.is_empty();
    let wanted = members.iter().filter_map(|member| Some(member.wanted.as_ref()?.name));
    let adopt: BTreeSet<InterfaceName> = wanted.filter(|_| is_told).collect();
    // A link of somebody else may have the name by now.
    let (forget, forget_names): (BTreeSet<_>, BTreeSet<_>) =
        all.into_iter().partition(|name| links.contains(name));
    let known = |name: &InterfaceName| {
        let paths = world.backend.paths(*name);
        paths.iter().any(|path| world.files.boot.contains_key(path))
    };
    let names = forget.iter().chain(&forget_names).filter_map(|name| name.parse().ok());
    let names: BTreeSet<InterfaceName> = names.chain(adopt.iter().copied()).collect();
    let back = names
        .into_iter()
        .map(|name| if known(&name) { Notice::Adopt(name) } else { Notice::ForgetName(name.to_string()) });
    Notices { back: back.collect(), forget, forget_names, adopt }
}

/// Whether the NIC keeps an address, by a lease, that its file no longer says: who is told of the new file would take it off
/// the link.
fn keeps_what_its_file_drops(member: &Member, files: &[FileChange], world: World<'_>) -> bool {
    let (Some(wanted), Some(target)) = (&member.wanted, &member.target) else { return false };
    let said =
        |text: &Option<String>| text.as_deref().map(|text| world.backend.addresses(text)).unwrap_or_default();
    let of_it = files.iter().filter(|change| world.backend.owner_of(&change.path) == Some(wanted.name));
    of_it
        .flat_map(|change| {
            let after = said(&change.to);
            said(&change.from).into_iter().filter(move |net| !after.contains(net))
        })
        .any(|net| target.addresses.contains(&net))
}

/// Links whose files change, and the NICs that these are of, written or removed. What is repaired needs no word.
fn of_links(members: &[Member], files: &[FileChange], world: World<'_>) -> Notices {
    let adopt: BTreeSet<InterfaceName> =
        files.iter().filter_map(|change| world.backend.owner_of(&change.path)).collect();
    let forget = touched(members).map(|(name, _)| name).filter(|_| !files.is_empty()).collect();
    let back = adopt.iter().copied().map(Notice::Adopt).collect();
    Notices { forget, forget_names: BTreeSet::new(), adopt, back }
}

/// The names of the links that are changed, and whether each keeps its name. A link that is only there, such as one that
/// somebody else took over, is none of them.
fn touched(members: &[Member]) -> impl Iterator<Item = (String, bool)> {
    members.iter().filter_map(|member| {
        let (link, target) = (member.link.as_ref()?, member.target.as_ref()?);
        Some((link.name.clone(), target.name == link.name))
    })
}
