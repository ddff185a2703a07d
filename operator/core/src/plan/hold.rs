//! Removals that wait for a person.

use std::collections::{BTreeMap, BTreeSet};

use multinic_crds::CONFIRM_REMOVAL;

use super::removal_grace::Item;
use crate::cluster::Name;

/// What a hold is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// All Nodes.
    Fleet,
    /// One Node.
    Node,
}

/// Removals that wait for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    /// What a person answers to confirm exactly these.
    pub(crate) token: String,
    /// NICs that would have gone, when it began.
    pub(crate) gone: usize,
    /// Of so many.
    pub(crate) total: usize,
    /// Whether the table had no row for this cluster then.
    pub(crate) emptied: bool,
    pub(super) members: BTreeSet<(Name, Item)>,
}

/// All removals that wait for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holds {
    pub(super) fleet: Option<Hold>,
    pub(super) nodes: BTreeMap<Name, Hold>,
}

impl Holds {
    /// The hold that this fate of something on `node` is about.
    pub(super) fn get(&self, node: &Name, extent: Extent) -> Option<&Hold> {
        match extent {
            Extent::Fleet => self.fleet.as_ref(),
            Extent::Node => self.nodes.get(node),
        }
    }
}

/// In the command that confirms for all Nodes.
pub(super) const ALL: &str = "--all ";

/// What a person runs to confirm `hold`.
pub(crate) fn command(node: &Name, extent: Extent, hold: &Hold) -> String {
    let objects = match extent {
        Extent::Fleet => ALL.to_owned(),
        Extent::Node => format!("{node} "),
    };
    format!("kubectl annotate nodenetworkconfigs {objects}--overwrite {CONFIRM_REMOVAL}={}", hold.token)
}
