//! Routes and rules, as a connection says them, in the order of words in which `NetworkManager` prints them.

use std::{fmt::Write, net::IpAddr, str::FromStr};

use ipnet::IpNet;

use crate::observed::{
    route::MAIN,
    routing::{NicRoute, SourceRule},
};

/// The lines of the route with this number.
pub(super) fn write_route(text: &mut String, number: u32, route: &NicRoute) {
    let NicRoute { destination, via, metric, table, on_link } = route;
    // In the place of no next hop stands no address.
    let via = via.unwrap_or_else(|| unspecified(*destination));
    // Writing into a string cannot fail.
    let _ = writeln!(text, "route{number}={destination},{via},{metric}");
    let on_link = if *on_link { "onlink=true," } else { "" };
    let _ = writeln!(text, "route{number}_options={on_link}table={table}");
}

/// The line of the rule with this number.
pub(super) fn write_rule(text: &mut String, number: u32, rule: &SourceRule) {
    let SourceRule { from, priority, table, without_default } = rule;
    let suppress = if *without_default { " suppress_prefixlength 0" } else { "" };
    let _ = writeln!(text, "routing-rule{number}=priority {priority} from {from}{suppress} table {table}");
}

/// The route in the value of a `routeN`.
pub(super) fn route(value: &str) -> Option<NicRoute> {
    let mut words = value.split(',');
    let destination: IpNet = words.next()?.parse().ok()?;
    let via: IpAddr = words.next()?.parse().ok()?;
    let metric = words.next()?.parse().ok()?;
    let via = Some(via).filter(|via| !via.is_unspecified());
    words.next().is_none().then_some(NicRoute { metric, ..NicRoute::new(destination, via, MAIN) })
}

/// Takes the value of a `routeN_options` over into its route; none where it says more than we write.
pub(super) fn take_options(route: &mut NicRoute, value: &str) -> Option<()> {
    for option in value.split(',') {
        match option.split_once('=')? {
            ("table", table) => route.table = table.parse().ok()?,
            ("onlink", is_so) => route.on_link = is_so == "true",
            _ => return None,
        }
    }
    Some(())
}

/// The rule in the value of a `routing-ruleN`; none where it says more than we write.
pub(super) fn rule(value: &str) -> Option<SourceRule> {
    fn word<T: FromStr>(words: &mut std::str::SplitWhitespace<'_>) -> Option<T> {
        words.next()?.parse().ok()
    }
    let mut words = value.split_whitespace();
    let (mut priority, mut from, mut table, mut without_default) = (None, None, None, false);
    while let Some(key) = words.next() {
        match key {
            "priority" => priority = Some(word(&mut words)?),
            "from" => from = Some(word(&mut words)?),
            "table" => table = Some(word(&mut words)?),
            "suppress_prefixlength" => without_default = word::<u8>(&mut words)? == 0,
            _ => return None,
        }
    }
    Some(SourceRule { from: from?, priority: priority?, table: table?, without_default })
}

const fn unspecified(destination: IpNet) -> IpAddr {
    match destination {
        IpNet::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        IpNet::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}
