//! Names: the link's own, alternative ones, and what it takes to exchange them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{step::Step, target::Target};
use crate::observed::link::Link;

/// Links that sit on a name which another target takes over: they move away first.
pub(super) fn vacated<'a>(present: &[(&Target, &'a Link)]) -> Vec<&'a Link> {
    present
        .iter()
        .filter(|(target, link)| {
            let moves = target.name != link.name;
            moves && present.iter().any(|(other, _)| other.index != link.index && other.name == link.name)
        })
        .map(|(_, link)| *link)
        .collect()
}

const TEMPORARY: &str = "mnictmp";

fn temporary_name(link: &Link) -> String {
    format!("{TEMPORARY}{}", link.index)
}

/// The steps of a link that sits on a name which another target takes over.
pub(super) fn moves_away(link: &Link) -> impl Iterator<Item = Step> {
    let down = link.up.then_some(Step::SetDown { index: link.index });
    down.into_iter().chain([Step::Rename { index: link.index, to: temporary_name(link) }])
}

/// Whether a link has this name only while it exchanges names with another one.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

/// The steps to the name of `target`. `vacated` says that the link has moved away from its name already.
pub(super) fn steps(target: &Target, link: &Link, vacated: bool) -> Vec<Step> {
    let index = link.index;
    let mut steps = Vec::new();
    if is_renamed(target, link, vacated) {
        // The kernel renames only links that are down (before 6.2), and going down costs every IPv6 address.
        if link.up && !vacated {
            steps.push(Step::SetDown { index });
        }
        // The kernel renames no link to its own alternative name, and up to systemd 253 udev makes
        // a name that we take from a link an alternative one.
        if link.alt_names.contains(&target.name) {
            steps.push(Step::DropAltName { index, name: target.name.clone() });
        }
        steps.push(Step::Rename { index, to: target.name.clone() });
    }
    let missing =
        target.alt_names.iter().filter(|name| !link.alt_names.contains(*name) && **name != target.name);
    steps.extend(missing.map(|name| Step::AddAltName { index, name: name.clone() }));
    steps
}

pub(super) fn is_renamed(target: &Target, link: &Link, vacated: bool) -> bool {
    vacated || target.name != link.name
}

/// What we changed of a link's names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Changed {
    /// What it was called.
    name: Option<String>,
    /// What we called it.
    given_names: BTreeSet<String>,
    /// Alternative names that we took off it.
    alt_names: BTreeSet<String>,
}

impl Changed {
    pub(crate) fn record(&mut self, step: &Step, link: &Link) {
        match step {
            Step::Rename { to, .. } => {
                self.name.get_or_insert_with(|| link.name.clone());
                self.given_names.insert(to.clone());
            }
            Step::DropAltName { name, .. } => {
                self.alt_names.insert(name.clone());
            }
            // A name more harms nobody.
            _ => {}
        }
    }

    /// A name that is not one of those we gave is somebody else's by now. A temporary one may be of a way back that was
    /// cut short.
    pub(crate) fn take_back(&self, link: &Link, target: &mut Target) {
        let is_ours = self.given_names.contains(&link.name) || is_temporary(&link.name);
        if let Some(name) = self.name.as_ref().filter(|_| is_ours) {
            target.name.clone_from(name);
        }
        target.alt_names.clone_from(&self.alt_names);
    }
}
