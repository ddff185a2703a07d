//! Which link a MAC address means.

use multinic_crds::{Explanation, MacAddress, Reason};

use crate::{
    observed::link::{KernelView, Link},
    plan::world::World,
    protected::{Need, Protection},
};

/// The one link that is the NIC with this MAC address.
///
/// Several links have it where one is made of another: then only the one counts that is of a managed kind and
/// no port of another one that counts. If the node lives by any of them, that one is the answer, to be refused.
pub(super) fn resolve(mac: MacAddress, world: World<'_>) -> Result<Option<&Link>, Explanation> {
    let all: Vec<&Link> = world.view.links_with(mac).collect();
    let managed: Vec<&Link> = all.iter().copied().filter(|link| world.fence.manages(&link.kind)).collect();
    // The port of a failover device, such as the virtual function of hv_netvsc.
    let is_port = |link: &&Link| managed.iter().any(|master| link.controller == Some(master.index));
    let heads: Vec<&Link> = managed.iter().copied().filter(|link| !is_port(link)).collect();
    let candidates = if heads.is_empty() { &all } else { &heads };
    let is_vital = |link: &&&Link| world.fence.vital().contains(&link.index);
    let is_below =
        |link: &Link| matches!(world.fence.protection(link.index), Some(Protection::Needed(Need::Below(_))));
    match candidates.as_slice() {
        [] => Ok(None),
        [link] if is_vital(&link) || is_below(link) => Ok(Some(link)),
        [link] => Ok(Some(all.iter().find(is_vital).unwrap_or(link))),
        several => match all.iter().find(is_vital) {
            Some(vital) => Ok(Some(vital)),
            None => Err(ambiguous(mac, several)),
        },
    }
}

fn ambiguous(mac: MacAddress, links: &[&Link]) -> Explanation {
    let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
    Explanation::new(
        Reason::AmbiguousMac,
        format!(
            "{} share the MAC address {mac}, so none is chosen; see to it that one of them alone has it, or remove its row",
            names.join(" and "),
        ),
    )
}

/// Why a wanted NIC is missing, and the remedy. A link may use its MAC address though another one is burnt in.
#[must_use]
pub fn missing(mac: MacAddress, view: &KernelView) -> String {
    let user = view.links.iter().find(|link| link.mac == Some(mac) && link.identity() != Some(mac));
    match user.and_then(|link| Some((link, link.identity()?))) {
        Some((link, burnt_in)) => format!(
            "{} uses the MAC address {mac}, but {burnt_in} is burnt in, and NICs are known by that; write {burnt_in} \
             into its row",
            link.name
        ),
        None => format!("no NIC with MAC address {mac}; attach the port to this VM, or remove its row"),
    }
}
