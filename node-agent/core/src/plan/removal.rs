//! A NIC that is ours and no longer wanted: how it is given back.

use std::collections::{BTreeMap, BTreeSet};

use multinic_crds::{Explanation, InterfaceName, MacAddress, Reason};

use crate::{
    attribute::{Routes, Rules, Surplus, Target, is_temporary},
    observed::{
        files::HostFiles,
        link::{Ipv6, KernelView, Link},
    },
    parse::bootfile::{BootFile, Owner, owner},
    plan::{
        decision::{Decision, Judged, Verdict},
        resolve::resolve,
        routing,
        transaction::Member,
        world::World,
    },
    protected,
};

/// Alternative names may be longer than names, which the kernel bounds (IFNAMSIZ).
const LONGEST_NAME: usize = 15;

/// Every NIC that is provably ours: in the ledger, or by an untouched file of ours. One that was given up while it
/// was away is ours again once it is back.
pub(super) fn owned(world: World<'_>) -> impl Iterator<Item = MacAddress> {
    let filed = world.files.boot.values().filter_map(|text| match owner(text) {
        Owner::Us(mac) => Some(mac),
        Owner::Edited(_) | Owner::Others => None,
    });
    let is_there = |mac: MacAddress| world.view.links_with(mac).next().is_some();
    let known = world.ledger.nics.iter().filter(move |(mac, entry)| entry.away.is_none() || is_there(**mac));
    let known = known.map(|(mac, _)| *mac).chain(world.ledger.damaged());
    known.chain(filed).collect::<BTreeSet<_>>().into_iter()
}

/// Decides that the NIC with this MAC address, which is ours, stays although the object does not list it. It is
/// reported, so that the operator learns what there is to lose.
pub(super) fn keep_unlisted(mac: MacAddress, world: World<'_>) -> Judged {
    let link = resolve(mac, world).ok().flatten();
    let message = "an earlier object asked for this NIC and the new one does not list it yet, so it is kept until \
                   the operator is certain; insert its row again to keep it for good";
    let decision = Decision {
        name: name(mac, world),
        port_id: String::new(),
        index: link.map(|link| link.index),
        verdict: Verdict::Keep(Explanation::new(Reason::Unlisted, message)),
        awaited: None,
    };
    Judged { decision, member: None }
}

/// The name that the NIC has from us.
fn name(mac: MacAddress, world: World<'_>) -> String {
    let ledger = world.ledger.get(mac).map(|entry| entry.name.to_string());
    ledger.or_else(|| filed_name(mac, world)).unwrap_or_default()
}

/// Decides how the NIC with this MAC address, which is ours, is given back.
///
/// `taken` are names that other NICs of the same plan are given back.
pub(super) fn judge(
    mac: MacAddress,
    world: World<'_>,
    blocked: Option<&Explanation>,
    taken: &mut BTreeSet<String>,
) -> Judged {
    let name = name(mac, world);
    let decide = |link: Option<&Link>, verdict| Decision {
        name: name.clone(),
        port_id: String::new(),
        index: link.map(|link| link.index),
        verdict,
        awaited: None,
    };
    let keep = |link, refusal| Judged { decision: decide(link, Verdict::Keep(refusal)), member: None };

    let link = match resolve(mac, world) {
        Ok(link) => link,
        Err(ambiguous) => return keep(None, ambiguous),
    };
    if let Some(refusal) = edited(mac, world).or_else(|| blocked.cloned()) {
        return keep(link, refusal);
    }
    let target = link.and_then(|link| target(mac, link, world, taken));
    let protection = target.as_ref().and_then(|target| world.fence.protection(target.index));
    if let (Some(found), Some(protection)) = (link, protection) {
        return keep(
            link,
            Explanation::new(protection.reason(), protection.message(&found.name, protected::Owner::Us)),
        );
    }
    let member = Member { mac, wanted: None, link: link.cloned(), lease: None, target, files: Vec::new() };
    Judged { decision: decide(link, Verdict::Remove), member: Some(member) }
}

/// Why a NIC stays whose boot file a person changed.
fn edited(mac: MacAddress, world: World<'_>) -> Option<Explanation> {
    let (path, _) = world.files.boot.iter().find(|(_, text)| owner(text) == Owner::Edited(mac))?;
    let message = format!(
        "{path} was edited after multinic wrote it, so the NIC is kept; delete the file to let it go"
    );
    Some(Explanation::new(Reason::EditedByHand, message))
}

/// What the link goes back to. One without our name and our addresses is not ours any more,
/// whatever its MAC address; one with our addresses alone loses those and nothing else.
fn target(mac: MacAddress, link: &Link, world: World<'_>, taken: &mut BTreeSet<String>) -> Option<Target> {
    let known = world.ledger.get(mac);
    let routes = Routes::ours(BTreeSet::new(), routing::routes_of(mac, link, world));
    let rules = Rules::ours(BTreeSet::new(), routing::rules_of(mac, link, world));
    let is_named = link.name.parse::<InterfaceName>().is_ok() || is_temporary(&link.name);
    if is_named {
        let original = known.and_then(|entry| entry.original_name.as_deref());
        return Some(Target {
            index: link.index,
            identity: link.identity(),
            name: free_name(original, link, world.view, taken),
            alt_names: BTreeSet::new(),
            up: false,
            // A device that was plugged anew may not take what its forerunner had.
            mtu: known.and_then(|entry| entry.original_mtu).map(|bytes| link.fitting_mtu(bytes)),
            addresses: BTreeSet::new(),
            reachable: BTreeSet::new(),
            surplus: Surplus::Remove,
            manners: BTreeMap::new(),
            routes,
            rules,
            ipv6: Some(
                link.fitting_ipv6(
                    known.and_then(|entry| entry.original_ipv6).unwrap_or(Ipv6::KERNEL_DEFAULT),
                ),
            ),
        });
    }
    let ours = &known?.addresses;
    let left = ours.iter().any(|net| link.nets().contains(net));
    (left || !routes.absent.is_empty() || !rules.absent.is_empty()).then(|| Target {
        addresses: link.nets().into_iter().filter(|net| !ours.contains(net)).collect(),
        surplus: Surplus::RemoveOnly(ours.clone()),
        routes,
        rules,
        ..Target::exactly(link)
    })
}

/// The name that the NIC had, or else one by which udev knows it, or else the first that the
/// kernel would give. The link's own alternative names are free for it alone.
fn free_name(original: Option<&str>, link: &Link, view: &KernelView, taken: &mut BTreeSet<String>) -> String {
    let mut known: Vec<&String> =
        link.alt_names.iter().filter(|name| name.parse::<InterfaceName>().is_err()).collect();
    known.sort_by_key(|name| name.len());
    let candidates = original
        .map(str::to_owned)
        .into_iter()
        .chain(known.into_iter().filter(|name| name.len() <= LONGEST_NAME).cloned())
        .chain((0..).map(|number| format!("eth{number}")));
    let is_free = |name: &str| view.named(name).is_none_or(|holder| holder.index == link.index);
    let mut free = candidates.filter(|name| is_free(name) && !taken.contains(name));
    let name = free.next().unwrap_or_default();
    taken.insert(name.clone());
    name
}

/// The untouched files that are ours for this NIC, and what was generated from them, by path.
pub(super) fn files_of(mac: MacAddress, files: &HostFiles) -> impl Iterator<Item = (&str, &str)> {
    let generated = files.generated.iter().filter(move |(_, text)| text.contains(&mac.to_string()));
    let boot = files.boot.iter().filter(move |(_, text)| owner(text) == Owner::Us(mac));
    boot.chain(generated).map(|(path, text)| (path.as_str(), text.as_str()))
}

/// Whether the file at `path` is of no use to a NIC that keeps `name` and has these `files`. What was generated for it is left
/// to the next boot to renew.
pub(super) fn is_stale(path: &str, name: InterfaceName, files: &[BootFile], world: World<'_>) -> bool {
    if world.files.boot.contains_key(path) {
        files.iter().all(|file| file.path != path)
    } else {
        !world.backend.is_of(path, name)
    }
}

fn filed_name(mac: MacAddress, world: World<'_>) -> Option<String> {
    let names = files_of(mac, world.files).filter_map(|(path, _)| world.backends.owner_of(path));
    names.min().map(|name| name.to_string())
}
