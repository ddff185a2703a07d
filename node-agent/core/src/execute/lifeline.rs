//! What the node lives by, before and after a change. A change of it while a transaction runs makes
//! that fail, so that it is taken back.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use multinic_crds::{Explanation, Reason};

use super::machine::Machine;
use crate::{
    attribute::{Target, converge},
    observed::{
        link::{KernelView, Link},
        route::{Route, Rule},
        routing::NicRoute,
    },
};

/// How often the API server is tried after a change before it counts as lost, and what lies between two attempts.
const ATTEMPTS: u32 = 3;
const BETWEEN: Duration = Duration::from_secs(1);
/// Routes that a routing daemon brings and takes have higher numbers: they change by themselves.
const LAST_STEADY_PROTOCOL: u8 = 4;
/// Those of a DHCP client.
const DHCP: u8 = 16;

/// Everything that the node lives by and that worked before a change.
pub(crate) struct Lifeline {
    /// Vital links, with their addresses.
    targets: Vec<Target>,
    /// The routes over them that somebody gave them.
    routes: BTreeMap<u32, BTreeSet<NicRoute>>,
    /// The default routes over them.
    default_routes: Vec<Route>,
    /// The routes that lead over them to the API server and to the next hops of default routes.
    ways: BTreeMap<IpAddr, Route>,
    /// The rules of others.
    rules: Vec<Rule>,
    /// The next hops of default routes that answered the kernel.
    neighbours: BTreeSet<IpAddr>,
    /// Where the API server took a new connection.
    reached: BTreeSet<IpAddr>,
}

impl Lifeline {
    /// What `view` shows of the `vital` links, and what can be `reached`.
    pub(crate) fn of(view: &KernelView, vital: &BTreeSet<u32>, reached: BTreeSet<IpAddr>) -> Self {
        let is_vital = |route: &Route| !route.links.is_disjoint(vital);
        let ways = view.api_server_routes.iter().chain(&view.gateway_routes);
        let links = || vital.iter().filter_map(|index| view.link(*index));
        Self {
            targets: links().map(Target::at_least).collect(),
            routes: links().map(|link| (link.index, steady(link))).collect(),
            default_routes: view.default_routes.iter().filter(|route| is_vital(route)).cloned().collect(),
            ways: ways.filter(|(_, route)| is_vital(route)).map(|(ip, route)| (*ip, route.clone())).collect(),
            rules: view.rules.iter().filter(|rule| is_steady(rule)).cloned().collect(),
            neighbours: view.neighbours.iter().filter(|(_, answers)| **answers).map(|(ip, _)| *ip).collect(),
            reached,
        }
    }

    /// Whether `view` shows all of it.
    pub(crate) fn hold(&self, view: &KernelView) -> Result<(), Explanation> {
        if !converge(&self.targets, view).is_empty() {
            return Err(changed("a link that the node lives by"));
        }
        let now = |index: &u32| view.link(*index).map(|link| &link.routes);
        let has_all = |(index, routes): (&u32, &BTreeSet<NicRoute>)| {
            now(index).is_some_and(|now| routes.iter().all(|route| now.contains_key(route)))
        };
        if !self.routes.iter().all(has_all) {
            return Err(changed("a route over a link that the node lives by"));
        }
        if !self.default_routes.iter().all(|route| view.default_routes.contains(route)) {
            return Err(changed("a default route of the node"));
        }
        if !self.rules.iter().all(|rule| view.rules.contains(rule)) {
            return Err(changed("a routing rule of somebody else"));
        }
        if let Some(ip) = self.neighbours.iter().find(|ip| view.neighbours.get(ip) == Some(&false)) {
            return Err(changed(&format!("the node's default gateway {ip}, which no longer answers,")));
        }
        let now = |ip: &IpAddr| view.api_server_routes.get(ip).or_else(|| view.gateway_routes.get(ip));
        let same = |(ip, before): &(&IpAddr, &Route)| {
            now(ip).is_some_and(|now| (&now.links, &now.gateways) == (&before.links, &before.gateways))
        };
        match self.ways.iter().find(|way| !same(way)) {
            Some((ip, _)) => Err(changed(&format!("the node's way to {ip}"))),
            None => Ok(()),
        }
    }

    /// Whether everything that could be reached still can, by new connections. Takes seconds, and only where it cannot.
    pub(crate) async fn reaches(&self, node: &mut impl Machine) -> Result<(), Explanation> {
        let mut lost = self.reached.clone();
        for attempt in 0..ATTEMPTS {
            if lost.is_empty() {
                return Ok(());
            }
            if attempt > 0 {
                node.pause(BETWEEN).await;
            }
            let reached = node.probe().await;
            lost.retain(|ip| !reached.contains(ip));
        }
        match lost.first() {
            Some(ip) => Err(changed(&format!("the API server at {ip}, which takes no new connection,"))),
            None => Ok(()),
        }
    }
}

fn steady(link: &Link) -> BTreeSet<NicRoute> {
    let is_steady = |protocol: u8| protocol <= LAST_STEADY_PROTOCOL || protocol == DHCP;
    link.routes.iter().filter(|(_, protocol)| is_steady(**protocol)).map(|(route, _)| route.clone()).collect()
}

/// Whether a rule is none of ours, and none from or to one address alone, as those that come and go with pods are.
fn is_steady(rule: &Rule) -> bool {
    let is_for_one = rule.from.is_some_and(|from| from.prefix_len() == from.max_prefix_len());
    !rule.is_marked && !is_for_one && !rule.is_to_one
}

fn changed(what: &str) -> Explanation {
    Explanation::new(
        Reason::FenceChanged,
        format!("{what} changed at the same time; nothing was kept, and it is tried again"),
    )
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::testing::{PlainNode, link};

    const UPLINK: &str = "fa:16:3e:00:00:ee";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn route(to: &str) -> NicRoute {
        let via = Some(ip("192.0.2.1"));
        NicRoute { destination: to.parse().unwrap(), via, metric: 0, table: 254, on_link: false }
    }

    fn rule(from: Option<&str>, is_marked: bool) -> Rule {
        Rule {
            ipv6: false,
            priority: 100,
            table: Some(7),
            from: from.map(|net| net.parse().unwrap()),
            incoming: None,
            outgoing: None,
            inverted: false,
            suppressed_prefix: None,
            is_narrowed: false,
            is_to_one: false,
            is_marked,
        }
    }

    /// A node whose uplink has a route of a person and one of a routing daemon, and rules of all kinds.
    fn before() -> KernelView {
        let mut uplink = link(2, "eth0", UPLINK);
        uplink.routes = BTreeMap::from([(route("10.9.0.0/16"), 4), (route("10.8.0.0/16"), 186)]);
        KernelView {
            links: vec![uplink],
            rules: vec![
                rule(None, false),
                rule(Some("10.7.0.1/32"), false),
                Rule { is_to_one: true, ..rule(None, false) },
                rule(Some("10.7.0.0/16"), true),
            ],
            neighbours: BTreeMap::from([(ip("192.0.2.1"), true), (ip("192.0.2.2"), false)]),
            ..KernelView::default()
        }
    }

    /// Why the lifeline does not hold once `change` has happened.
    fn complaint(change: impl Fn(&mut KernelView)) -> String {
        let before = before();
        let lifeline = Lifeline::of(&before, &BTreeSet::from([2]), BTreeSet::new());
        let mut after = before;
        change(&mut after);
        lifeline.hold(&after).err().map(|cause| cause.message.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_the_node_lives_by_stays_and_what_comes_and_goes_by_itself_may() {
        assert_eq!(complaint(|_| ()), "");
        assert_eq!(complaint(|view| view.links[0].routes.retain(|one, _| *one != route("10.8.0.0/16"))), "");
        assert_eq!(complaint(|view| view.rules.truncate(1)), "");
        assert_eq!(complaint(|view| view.neighbours.clear()), "");
        let lost = complaint(|view| view.links[0].routes.retain(|one, _| *one != route("10.9.0.0/16")));
        assert!(lost.starts_with("a route over a link that the node lives by changed"), "{lost}");
        let lost = complaint(|view| drop(view.rules.remove(0)));
        assert!(lost.starts_with("a routing rule of somebody else changed"), "{lost}");
        let lost = complaint(|view| view.neighbours = BTreeMap::from([(ip("192.0.2.1"), false)]));
        assert!(lost.contains("default gateway 192.0.2.1, which no longer answers"), "{lost}");
    }

    #[test]
    fn an_api_server_that_took_connections_before_must_take_them_again() {
        let reached = BTreeSet::from([ip("203.0.113.10"), ip("203.0.113.11")]);
        let lifeline = Lifeline::of(&before(), &BTreeSet::new(), reached.clone());
        let mut node = PlainNode::new(before(), BTreeMap::new());
        node.reached = reached;
        lifeline.reaches(&mut node).now_or_never().unwrap().unwrap();
        node.reached.remove(&ip("203.0.113.11"));
        let lost = lifeline.reaches(&mut node).now_or_never().unwrap().unwrap_err().message;
        assert!(lost.contains("203.0.113.11, which takes no new connection"), "{lost}");
    }
}
