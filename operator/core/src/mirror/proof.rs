//! When an agent's word is a success.

use multinic_crds::{InterfaceState, MacAddress};

use crate::cluster::{Node, Object};

/// Whether the object is current, and the agent has read this NIC back: on this Node, in the boot that the Node is in,
/// with nothing in its way.
pub(super) fn proves(object: &Object, node: &Node, mac: MacAddress) -> bool {
    object.is_reported_on(node)
        && object.owner.as_ref().is_none_or(|owner| *owner == node.uid)
        && !object.has_obstacle()
        && object.reported(mac).is_some_and(|reported| reported.state == InterfaceState::Configured)
}
