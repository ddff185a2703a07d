//! What has to be told of a transaction.

use std::collections::BTreeSet;

use multinic_crds::InterfaceName;

use crate::{
    observed::files::FileChange,
    parse::bootfile::{Owner, owner},
    plan::{notice::Notices, transaction::Member, world::World},
};

/// What is to be told of `members` whose `files` change.
pub(super) fn notices(members: &[Member], files: &[FileChange], world: World<'_>) -> Notices {
    if !world.backend.remembers() || members.is_empty() {
        return Notices::default();
    }
    let whose = |text: &Option<String>| match text.as_deref().map(owner) {
        Some(Owner::Us(mac) | Owner::Edited(mac)) => Some(mac),
        Some(Owner::Others) | None => None,
    };
    // A file that goes, or becomes another NIC's.
    let left =
        files.iter().filter(|change| change.from.is_some() && whose(&change.from) != whose(&change.to));
    let left = left.filter_map(|change| world.backend.owner_of(&change.path));
    let renamed = members.iter().filter_map(|member| {
        let name: InterfaceName = member.link.as_ref()?.name.parse().ok()?;
        let stays = member.target.as_ref().is_some_and(|target| target.name == name.to_string());
        (!stays).then_some(name)
    });
    let forget: BTreeSet<_> = left.chain(renamed).collect();
    let is_told = !files.is_empty() || !forget.is_empty();
    let wanted = members.iter().filter_map(|member| Some(member.wanted.as_ref()?.name));
    Notices { forget, adopt: wanted.filter(|_| is_told).collect() }
}
