//! A wanted NIC: what it should look like, or why it is left alone.

use std::collections::BTreeSet;

use ipnet::IpNet;
use multinic_crds::{Addressing, Explanation, Interface, MIN_IPV6_MTU, Reason};

use crate::{
    attribute::{Routes, Rules, Surplus, Target, prove},
    observed::link::{Advertised, Ipv6, Link, is_link_local},
    parse::{
        self,
        bootfile::{BootFile, Owner, owner},
        desired::{at_boot, nets},
    },
    plan::{
        blocked::Blocked,
        decision::{Decision, Judged, Verdict},
        removal, reserved,
        resolve::resolve,
        routing,
        transaction::Member,
        world::World,
    },
    protected::{self, Foreign, Protection},
};

/// Decides about one wanted NIC by itself; names that others hold come later.
pub(super) fn judge(nic: &Interface, world: World<'_>, blocked: &Blocked) -> Judged {
    let decide = |index, verdict| Decision {
        name: nic.name.to_string(),
        port_id: nic.port_id.clone(),
        index,
        verdict,
        awaited: None,
    };
    let link = match resolve(nic.mac_address, world) {
        Ok(Some(link)) => link,
        Ok(None) => return Judged { decision: decide(None, Verdict::Missing), member: None },
        Err(refusal) => return Judged { decision: decide(None, Verdict::Refuse(refusal)), member: None },
    };
    let leave = |verdict| Judged { decision: decide(Some(link.index), verdict), member: None };
    let files = match world.backend.render(&at_boot(nic)) {
        Ok(files) => files,
        Err(refusal) => return leave(blocked.unfit(nic.mac_address, refusal)),
    };
    let target = target(nic, link, world);
    if is_right(nic, &target, &files, world) {
        // It stays as it is; but what the next boot undoes is no success.
        let undone = next_boot_refusal(nic, link, world);
        return leave(undone.map_or(Verdict::Right, Verdict::Refuse));
    }
    if let Some(refusal) = refusal(nic, link, &files, world) {
        return leave(Verdict::Refuse(refusal));
    }
    if let Some(verdict) = blocked.verdict(nic.mac_address) {
        return leave(verdict);
    }
    let member = Member {
        mac: nic.mac_address,
        wanted: Some(nic.clone()),
        link: Some(link.clone()),
        lease: world.leases.current(nic.mac_address, nic.addressing()).cloned(),
        target: Some(target),
        files,
    };
    Judged { decision: decide(Some(link.index), Verdict::Change), member: Some(member) }
}

fn target(nic: &Interface, link: &Link, world: World<'_>) -> Target {
    let known = world.ledger.get(nic.mac_address);
    let ours = known.map(|entry| entry.addresses.clone()).unwrap_or_default();
    // A device that was plugged anew may not take the size that its forerunner had.
    let original = known.and_then(|entry| entry.original_mtu).map(|bytes| link.fitting_mtu(bytes));
    // A link that is too small for IPv6 has the kernel's own settings once it is large enough.
    let ipv6 = link.ipv6.or_else(|| (link.mtu < MIN_IPV6_MTU).then_some(Ipv6::KERNEL_DEFAULT));
    Target {
        index: link.index,
        identity: link.identity(),
        name: nic.name.to_string(),
        alt_names: BTreeSet::new(),
        up: true,
        mtu: nic.mtu.map(multinic_crds::Mtu::bytes).or(original),
        addresses: nets(nic),
        reachable: nets(nic),
        surplus: Surplus::RemoveOnly(ours),
        manners: world.leases.manners(nic, link),
        ipv6: ipv6.map(|found| ipv6_of(nic, found, known.and_then(|entry| entry.original_ipv6))),
        routes: Routes::ours(parse::routing::routes(nic), routing::routes_of(nic.mac_address, link, world)),
        rules: Rules::ours(parse::routing::rules(nic), routing::rules_of(nic.mac_address, link, world)),
    }
}

/// What the kernel does for IPv6 by itself: nothing, unless the NIC's network gives it its address. The default route is the
/// node's own in any case.
fn ipv6_of(nic: &Interface, found: Ipv6, original: Option<Ipv6>) -> Ipv6 {
    let addr_gen_mode = addr_gen_mode(nic, found);
    let listening = |addresses| Ipv6 {
        addr_gen_mode,
        accept_ra: Ipv6::EVERY_RA,
        advertised: Some(Advertised { addresses, default_route: 0, routes: 0, temporary: 0 }),
    };
    match nic.addressing() {
        Addressing::Slaac => listening(1),
        // The subnet of a DHCPv6 address is what routers say it is.
        Addressing::Dhcp6 => listening(0),
        Addressing::Static | Addressing::Dhcp4 | Addressing::None => {
            let advertised = original.and_then(|original| original.advertised);
            Ipv6 { addr_gen_mode, accept_ra: Ipv6::NO_RA, advertised }
        }
    }
}

/// A link-local address only where there is IPv6 at all, made in whichever way the link has it. Advertised prefixes are
/// completed in the same way, and Neutron counts on the MAC address there.
fn addr_gen_mode(nic: &Interface, found: Ipv6) -> u8 {
    match found.addr_gen_mode {
        _ if !has_ipv6(nic) => Ipv6::NO_LINK_LOCAL,
        _ if nic.addressing() == Addressing::Slaac => Ipv6::EUI64,
        Ipv6::NO_LINK_LOCAL => Ipv6::EUI64,
        mode => mode,
    }
}

fn has_ipv6(nic: &Interface) -> bool {
    nic.addressing().is_ipv6() || nic.addresses.iter().any(|address| address.is_ipv6())
}

fn is_right(nic: &Interface, target: &Target, files: &[BootFile], world: World<'_>) -> bool {
    let known = world.ledger.get(nic.mac_address);
    let recorded = known.is_some_and(|entry| {
        let sized = entry.adopted || nic.mtu.is_some() == entry.original_mtu.is_some();
        let written = !entry.unsaved && entry.away.is_none();
        let given =
            entry.addresses.is_superset(&nets(nic)) && entry.routes.is_superset(&parse::routing::routes(nic));
        entry.name == nic.name && sized && written && given
    });
    let is_written = files.iter().all(|file| world.files.boot.get(&file.path) == Some(&file.text));
    let stale = removal::files_of(nic.mac_address, world.files)
        .any(|(path, _)| removal::is_stale(path, nic.name, files, world));
    let inherited = world.files.inherited.contains_key(&nic.mac_address);
    recorded && is_written && !stale && !inherited && prove(std::slice::from_ref(target), world.view).is_ok()
}

fn refusal(nic: &Interface, link: &Link, files: &[BootFile], world: World<'_>) -> Option<Explanation> {
    if let Some(protection) = world.fence.protection(link.index) {
        let owner =
            if world.fence.given(link).is_some() { protected::Owner::Us } else { protected::Owner::Others };
        return Some(Explanation::new(protection.reason(), protection.message(&link.name, owner)));
    }
    foreign_refusal(nic, link, world)
        .or_else(|| files.iter().find_map(|file| file_refusal(file, world)))
        .or_else(|| edited_refusal(nic, world))
        .or_else(|| in_use_refusal(nic, link, world))
        .or_else(|| mtu_refusal(nic, link))
        .or_else(|| ipv6_refusal(nic, link))
        .or_else(|| subnet_refusal(nic, link, world))
        .or_else(|| reserved::refusal(nic, link, world))
        .or_else(|| routing::refusal(nic, link, world))
}

/// Why files of others are about the NIC as it is called once it is ours.
fn foreign_refusal(nic: &Interface, link: &Link, world: World<'_>) -> Option<Explanation> {
    let name = nic.name.to_string();
    if let Some(definition) = world.definitions.iter().find(|definition| definition.claims(&name)) {
        let message = format!(
            "{} uses {name}, a name that multinic gives to NICs; use another name there",
            definition.describe()
        );
        return Some(Explanation::new(Reason::ForeignConfiguration, message));
    }
    if let Some(definition) = world.definitions.iter().find(|definition| definition.covers_as(link, &name)) {
        let message = format!(
            "{} would configure {} once it is called {name}; change its match to exclude {name}",
            definition.describe(),
            link.name
        );
        return Some(Explanation::new(Reason::ForeignConfiguration, message));
    }
    None
}

/// Why the next boot would not bring what the kernel shows now: a file speaks of the same NIC that is not ours, or not
/// any more.
fn next_boot_refusal(nic: &Interface, link: &Link, world: World<'_>) -> Option<Explanation> {
    let covering = match world.fence.protection(link.index) {
        Some(foreign @ Protection::ForeignConfiguration(_)) => Some(foreign.clone()),
        // What else protects it, such as a VLAN on it, does not concern the next boot.
        _ => world.definitions.iter().find(|definition| definition.covers(link)).map(|definition| {
            Protection::ForeignConfiguration(Foreign { definition: definition.clone(), vital: None })
        }),
    };
    let covering = covering
        .map(|foreign| Explanation::new(foreign.reason(), foreign.message(&link.name, protected::Owner::Us)));
    covering.or_else(|| foreign_refusal(nic, link, world)).or_else(|| edited_refusal(nic, world))
}

/// A file for the NIC under an earlier name, that a person changed: it is not removed, and the next boot reads it too.
fn edited_refusal(nic: &Interface, world: World<'_>) -> Option<Explanation> {
    let is_edited = |text: &str| owner(text) == Owner::Edited(nic.mac_address);
    let mut edited = world.files.boot.iter().filter(|(path, _)| !world.backend.is_of(path, nic.name));
    let (path, _) = edited.find(|(_, text)| is_edited(text))?;
    Some(Explanation::new(
        Reason::EditedByHand,
        format!(
            "{path} was edited after multinic wrote it, and the next boot would configure this NIC by it as well; delete it"
        ),
    ))
}

fn file_refusal(file: &BootFile, world: World<'_>) -> Option<Explanation> {
    match owner(world.files.boot.get(&file.path)?) {
        Owner::Us(_) => None,
        Owner::Edited(_) => Some(Explanation::new(
            Reason::EditedByHand,
            format!("{} was edited after multinic wrote it; delete it to have it written again", file.path),
        )),
        Owner::Others => Some(Explanation::new(
            Reason::ForeignConfiguration,
            format!("{} exists and multinic did not write it; move it away", file.path),
        )),
    }
}

/// A NIC that is new to us and that somebody has given addresses or routes is somebody's.
fn in_use_refusal(nic: &Interface, link: &Link, world: World<'_>) -> Option<Explanation> {
    let filed = removal::files_of(nic.mac_address, world.files).next().is_some();
    if filed || world.ledger.get(nic.mac_address).is_some() {
        return None;
    }
    let wanted = nets(nic);
    let foreign = link.nets().into_iter().find(|net| !is_link_local(net) && !wanted.contains(net));
    let what = match foreign {
        Some(net) => format!("the address {net}"),
        None if world.view.routed.contains(&link.index) => "routes".to_owned(),
        None => return None,
    };
    let message = format!(
        "{} already has {what} that multinic did not give it; take it off or remove its row",
        link.name
    );
    Some(Explanation::new(Reason::InUse, message))
}

fn mtu_refusal(nic: &Interface, link: &Link) -> Option<Explanation> {
    let bytes = nic.mtu?.bytes();
    let (least, most) = link.mtu_range;
    let fits = bytes >= least && most.is_none_or(|most| bytes <= most);
    let range = most.map_or_else(|| format!("at least {least}"), |most| format!("{least} to {most}"));
    (!fits).then(|| {
        Explanation::new(
            Reason::InvalidMtu,
            format!("{} cannot have an MTU of {bytes}; it takes {range}", link.name),
        )
    })
}

/// Where IPv6 is off, that is the node's choice. The IPv4 addresses alone would not be what the row
/// says, and no success may be reported for half of it.
fn ipv6_refusal(nic: &Interface, link: &Link) -> Option<Explanation> {
    let address = nic.addresses.iter().find(|address| address.is_ipv6()).map(ToString::to_string);
    let by_network =
        || nic.addressing().is_ipv6().then(|| format!("an address by {}", nic.addressing().as_str()));
    let wanted = address.or_else(by_network)?;
    let name = &link.name;
    let message = if link.ipv6_disabled {
        format!(
            "IPv6 is off on {name}, so it cannot have {wanted}; set net.ipv6.conf.{name}.disable_ipv6 to 0 (and that of all and default, to keep it), or take the IPv6 address out of the row"
        )
    } else if link.ipv6.is_none() && link.mtu >= MIN_IPV6_MTU {
        format!(
            "this node's kernel runs without IPv6 (ipv6.disable=1), so {name} cannot have {wanted}; boot it with IPv6, or take the IPv6 address out of the row"
        )
    } else {
        return None;
    };
    Some(Explanation::new(Reason::Ipv6Disabled, message))
}

/// An address that another link has, or whose subnet another link is on, would make
/// it a matter of chance which of them the node answers from.
fn subnet_refusal(nic: &Interface, link: &Link, world: World<'_>) -> Option<Explanation> {
    let others = world.links_of_others(link);
    let taken = others.flat_map(|other| other.nets().into_iter().map(move |net| (other, net)));
    let mut conflicts = taken.filter(|(_, net)| !is_link_local(net)).filter_map(|(other, net)| {
        let address = nets(nic).into_iter().find(|address| collide(*address, net))?;
        let message = format!(
            "{address} overlaps {net}, which {} of this node has; give the port an address in another subnet",
            other.name
        );
        Some(Explanation::new(Reason::SubnetConflict, message))
    });
    conflicts.next()
}

fn collide(ours: IpNet, other: IpNet) -> bool {
    let is_host = |net: IpNet| net.prefix_len() == net.max_prefix_len();
    let overlap = ours.contains(&other.network()) || other.contains(&ours.network());
    ours.addr() == other.addr() || (overlap && !is_host(ours) && !is_host(other))
}
