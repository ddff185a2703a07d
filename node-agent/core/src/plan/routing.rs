//! Routes and rules of NICs: which of those that are there are ours, and what of others is in the way.

use std::collections::BTreeSet;

use multinic_crds::{Explanation, Interface, InterfaceName, MacAddress, ROUTE_PROTOCOL, Reason};

use crate::{
    attribute::Step,
    observed::{
        ledger::Entry,
        link::{KernelView, Link},
        route::{MAIN, Route, Rule},
        routing::{NicRoute, SourceRule, priorities},
    },
    plan::{notice::Notices, transaction::Transaction, world::World},
};

/// The routes over `link`, which the NIC with this MAC address is, that we gave it, or that its boot files did.
pub(super) fn routes_of(mac: MacAddress, link: &Link, world: World<'_>) -> BTreeSet<NicRoute> {
    let entry = world.ledger.get(mac);
    let tables: BTreeSet<u32> = names(link, entry).map(InterfaceName::source_table).collect();
    let is_ours = |(route, protocol): &(&NicRoute, &u8)| {
        **protocol == ROUTE_PROTOCOL
            || entry.is_some_and(|entry| entry.routes.contains(*route))
            || is_way_out(route) && tables.contains(&route.table)
    };
    link.routes.iter().filter(is_ours).map(|(route, _)| route.clone()).collect()
}

/// What the NIC is called, and what it was called by us.
fn names(link: &Link, entry: Option<&Entry>) -> impl Iterator<Item = InterfaceName> {
    link.name.parse().ok().into_iter().chain(entry.map(|entry| entry.name))
}

/// Whether a route in a NIC's own table is the one that belongs there.
fn is_way_out(route: &NicRoute) -> bool {
    route.destination.prefix_len() == 0 && route.via.is_some()
}

/// The rules for addresses of the NIC with this MAC address that we gave, or that its boot files did.
pub(super) fn rules_of(mac: MacAddress, link: &Link, world: World<'_>) -> BTreeSet<SourceRule> {
    let entry = world.ledger.get(mac);
    let names: BTreeSet<InterfaceName> = names(link, entry).collect();
    let given = entry.map(|entry| &entry.addresses);
    let is_given = |rule: &SourceRule| {
        given.is_some_and(|given| given.iter().any(|net| net.addr() == rule.from))
            || link.addresses.iter().any(|address| address.net.addr() == rule.from)
    };
    let is_its = |rule: &SourceRule, is_marked: bool| {
        (is_marked || is_given(rule)) && rule.name().is_some_and(|name| names.contains(&name))
    };
    let rules = world.view.rules.iter().filter_map(|rule| Some((SourceRule::of(rule)?, rule.is_marked)));
    rules.filter(|(rule, is_marked)| is_its(rule, *is_marked)).map(|(rule, _)| rule).collect()
}

/// Removes the rules of ours whose NIC is gone: the kernel keeps them. Those that are `wanted` stay.
pub(super) fn sweep(wanted: &BTreeSet<SourceRule>, view: &KernelView) -> Option<Transaction> {
    let marked = view.rules.iter().filter(|rule| rule.is_marked).filter_map(SourceRule::of);
    let is_left = |rule: &SourceRule| {
        let name = rule.name().map(|name| name.to_string());
        !wanted.contains(rule) && name.is_none_or(|name| view.links.iter().all(|link| link.name != name))
    };
    let left = marked.filter(is_left);
    let steps: Vec<Step> = left.map(|rule| Step::RemoveRule { index: Step::NO_LINK, rule }).collect();
    (!steps.is_empty()).then(|| Transaction {
        members: Vec::new(),
        targets: Vec::new(),
        steps,
        files: Vec::new(),
        notices: Notices::default(),
    })
}

/// Why the NIC cannot have its own table and rules: somebody else uses them.
pub(super) fn refusal(nic: &Interface, link: &Link, world: World<'_>) -> Option<Explanation> {
    nic.source_routing.as_ref()?;
    let (name, table) = (nic.name, nic.name.source_table());
    let is_others = |route: &&Route| route.table == table && !is_of_a_nic(route, link, world);
    if let Some(route) = world.view.in_source_tables.iter().find(is_others) {
        let message = format!(
            "routing table {table}, from which {name} is to answer, has a route to {} of somebody else; put that one into another table",
            route.destination
        );
        return Some(Explanation::new(Reason::RoutingConflict, message));
    }
    let rule = world.view.rules.iter().find(|rule| is_in_the_way(rule, nic, world))?;
    let message = format!(
        "the rule `{}` of somebody else has a priority, or leads to the table, that multinic uses for {name}; give it another one",
        describe(rule)
    );
    Some(Explanation::new(Reason::RoutingConflict, message))
}

/// Whether NICs of ours have the route, the one on `link` among them: another one may be about to give it up.
fn is_of_a_nic(route: &Route, link: &Link, world: World<'_>) -> bool {
    let has = |index: &u32| {
        let found = world.view.link(*index).and_then(|found| Some((found.identity()?, found)));
        found.is_some_and(|(mac, found)| {
            let known = found.index == link.index || world.ledger.get(mac).is_some();
            let mut ours = routes_of(mac, found, world).into_iter();
            known && ours.any(|own| (own.destination, own.table) == (route.destination, route.table))
        })
    };
    !route.links.is_empty() && route.links.iter().all(has)
}

fn is_in_the_way(rule: &Rule, nic: &Interface, world: World<'_>) -> bool {
    let meets = priorities(nic.name).contains(&rule.priority) || rule.table == Some(nic.name.source_table());
    let given = |ours: &SourceRule| {
        let known = world.ledger.nics.values().flat_map(|entry| &entry.addresses);
        let wanted = nic.addresses.iter().map(|address| address.ip());
        rule.is_marked || known.map(ipnet::IpNet::addr).chain(wanted).any(|ip| ip == ours.from)
    };
    meets && !SourceRule::of(rule).as_ref().is_some_and(given)
}

/// As `ip rule` would print it, as far as it is known.
fn describe(rule: &Rule) -> String {
    let from = rule.from.map_or_else(|| "all".to_owned(), |from| from.to_string());
    let table = match rule.table {
        Some(MAIN) => "main".to_owned(),
        Some(table) => table.to_string(),
        None => "of a VRF".to_owned(),
    };
    format!("{}: from {from} lookup {table}", rule.priority)
}
