//! The NICs that the node has and nobody asks for. Nothing is done about them.

use std::collections::BTreeMap;

use multinic_crds::MacAddress;

use super::{decision::Decision, world::World};
use crate::{observed::link::Link, parse::desired::Desired, protected::Protection};

/// The links of kinds that are managed here that are neither wanted, nor ours, nor the node's own, nor part of another.
///
/// What other files configure counts too: so a cloud image configures a port that somebody forgot.
pub(super) fn find(
    desired: &Desired,
    decisions: &BTreeMap<MacAddress, Decision>,
    world: World<'_>,
) -> BTreeMap<MacAddress, u32> {
    let is_spoken_of = |mac: MacAddress| {
        decisions.contains_key(&mac) || desired.malformed.iter().any(|entry| entry.mac == Some(mac))
    };
    let links = world.view.links.iter().filter(|link| is_free(link, world));
    let found = links.filter_map(|link| Some((link.identity()?, link.index)));
    found.filter(|(mac, _)| !is_spoken_of(*mac)).collect()
}

fn is_free(link: &Link, world: World<'_>) -> bool {
    let is_part =
        link.controller.is_some() || world.view.links.iter().any(|upper| upper.lower == Some(link.index));
    let is_own = world.fence.vital().contains(&link.index)
        || matches!(world.fence.protection(link.index), Some(Protection::Needed(_)));
    world.fence.manages(&link.kind) && !is_part && !is_own
}
