//! Names and routes: who may take which, and which NICs must change together because of it.

use std::{borrow::Cow, collections::BTreeMap};

use multinic_crds::{Explanation, Interface, MacAddress, Reason};

use crate::{
    observed::{ledger::Ledger, link::KernelView, routing::NicRoute},
    parse::desired::Desired,
    plan::transaction::Member,
};

/// A wanted NIC under the name that it is to have: one that is ours keeps its own while the object is new, since who made
/// the object may not have known that name. The operator learns it from the status.
pub(super) fn named<'a>(nic: &'a Interface, desired: &Desired, ledger: &Ledger) -> Cow<'a, Interface> {
    match ledger.get(nic.mac_address).filter(|_| desired.keeps_unlisted) {
        Some(entry) if entry.name != nic.name => Cow::Owned(Interface { name: entry.name, ..nic.clone() }),
        _ => Cow::Borrowed(nic),
    }
}

/// Drops every member whose name is held by a link that will not let it go.
///
/// Dropping one keeps it on its own name, which may cost another member its name in
/// turn; this ends because every round drops somebody.
pub(super) fn settle(
    mut members: Vec<Member>,
    view: &KernelView,
) -> (Vec<Member>, BTreeMap<MacAddress, Explanation>) {
    let mut refused = BTreeMap::new();
    loop {
        let held: Vec<(MacAddress, Explanation)> = members
            .iter()
            .filter_map(|member| {
                let holder = holder(member, view)?;
                let name = member.target.as_ref().map(|target| target.name.as_str()).unwrap_or_default();
                let moving = members.iter().any(|other| moves_away(other, holder, name));
                (!moving).then(|| (member.mac, name_in_use(member, view, holder)))
            })
            .collect();
        if held.is_empty() {
            return (members, refused);
        }
        refused.extend(held);
        members.retain(|member| !refused.contains_key(&member.mac));
    }
}

/// Members that exchange names or routes, together; every other one by itself.
pub(super) fn group(members: Vec<Member>, view: &KernelView) -> Vec<Vec<Member>> {
    let mut groups: Vec<Vec<Member>> = Vec::new();
    for member in members {
        let (mut joined, apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| {
            group.iter().any(|other| {
                let pairs = [(&member, other), (other, &member)];
                pairs
                    .into_iter()
                    .any(|(taker, giver)| exchange(taker, giver, view) || hands_over(giver, taker))
            })
        });
        groups = apart;
        let mut group: Vec<Member> = joined.drain(..).flatten().collect();
        group.push(member);
        groups.push(group);
    }
    groups
}

/// The link, not the member's own, that has the name which the member wants.
fn holder(member: &Member, view: &KernelView) -> Option<u32> {
    let target = member.target.as_ref()?;
    view.named(&target.name).map(|link| link.index).filter(|index| *index != target.index)
}

fn moves_away(member: &Member, index: u32, name: &str) -> bool {
    match (&member.target, &member.link) {
        // A link that only has `name` as an alternative one keeps it over a rename.
        (Some(target), Some(link)) => target.index == index && link.name == name && target.name != name,
        _ => false,
    }
}

fn exchange(taker: &Member, giver: &Member, view: &KernelView) -> bool {
    let is_its = |index| giver.target.as_ref().is_some_and(|target| target.index == index);
    holder(taker, view).is_some_and(is_its)
}

/// Whether the kernel takes a route of the one only after it has let go of one of the other: by network, metric and table
/// they are the same to it.
fn hands_over(giver: &Member, taker: &Member) -> bool {
    let (Some(giver), Some(taker)) = (&giver.target, &taker.target) else { return false };
    let key = |route: &NicRoute| (route.destination, route.metric, route.table);
    let mut gone = giver.routes.absent.iter();
    gone.any(|gone| taker.routes.present.keys().any(|new| key(new) == key(gone)))
}

fn name_in_use(member: &Member, view: &KernelView, holder: u32) -> Explanation {
    let name = member.target.as_ref().map(|target| target.name.as_str()).unwrap_or_default();
    let other = view
        .link(holder)
        .and_then(|link| link.mac)
        .map_or_else(|| "another link".to_owned(), |mac| format!("the link {mac}"));
    Explanation::new(
        Reason::NameInUse,
        format!(
            "{name} is the name of {other}, which keeps it; rename that one, or see why it is left alone"
        ),
    )
}
