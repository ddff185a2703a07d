//! What has to be told of a transaction.

use multinic_crds::InterfaceName;

use crate::{
    backend::Memory,
    observed::files::FileChange,
    parse::bootfile::{Owner, owner},
    plan::{notice::Notices, transaction::Member, world::World},
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
    let renamed = members.iter().filter_map(|member| {
        let name = member.link.as_ref()?.name.clone();
        let stays = member.target.as_ref().is_some_and(|target| target.name == name);
        (!stays && name.parse::<InterfaceName>().is_ok()).then_some(name)
    });
    let forget: std::collections::BTreeSet<_> = left.chain(renamed).collect();
    let is_told = !files.is_empty() || !forget.is_empty();
    let wanted = members.iter().filter_map(|member| Some(member.wanted.as_ref()?.name));
    Notices { forget, adopt: wanted.filter(|_| is_told).collect() }
}

/// Links whose files change, and the NICs that these are of, written or removed. What is repaired needs no word.
fn of_links(members: &[Member], files: &[FileChange], world: World<'_>) -> Notices {
    let adopt = files.iter().filter_map(|change| world.backend.owner_of(&change.path)).collect();
    let links = members.iter().filter_map(|member| Some(member.link.as_ref()?.name.clone()));
    Notices { forget: links.filter(|_| !files.is_empty()).collect(), adopt }
}
