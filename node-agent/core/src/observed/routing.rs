//! Routes over NICs and the rules that lead to their tables, exact enough to be compared, given and taken away.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;
use multinic_crds::InterfaceName;
use serde::{Deserialize, Serialize};

use super::route::{MAIN, Rule};

/// The priority of the first rule of `multinic0`; each NIC has the two after those of the one before it.
const FIRST_PRIORITY: u32 = 5300;

/// A route over one link. Of those that are equal in all but `via` and `on_link`, the kernel has one at most.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NicRoute {
    /// The network that it leads to.
    pub destination: IpNet,
    /// The next hop; none where the network is on the link itself.
    pub via: Option<IpAddr>,
    /// As the kernel counts it.
    pub metric: u32,
    /// The routing table.
    pub table: u32,
    /// The next hop is on the link, whatever the addresses of the link say.
    pub on_link: bool,
}

impl NicRoute {
    /// A route to `destination`, where the kernel chooses the metric.
    #[must_use]
    pub const fn new(destination: IpNet, via: Option<IpAddr>, table: u32) -> Self {
        let metric = Self::default_metric(destination);
        Self { destination, via, metric, table, on_link: false }
    }

    /// The metric, where it is not the one that the kernel chooses.
    #[must_use]
    pub fn given_metric(&self) -> Option<u32> {
        Some(self.metric).filter(|metric| *metric != Self::default_metric(self.destination))
    }

    const fn default_metric(destination: IpNet) -> u32 {
        match destination {
            IpNet::V4(_) => 0,
            IpNet::V6(_) => 1024,
        }
    }
}

impl fmt::Display for NicRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.destination)?;
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        if self.on_link {
            f.write_str(" onlink")?;
        }
        if let Some(metric) = self.given_metric() {
            write!(f, " metric {metric}")?;
        }
        if self.table == MAIN { Ok(()) } else { write!(f, " table {}", self.table) }
    }
}

/// A rule for packets from one address of a NIC.
///
/// The first of the two has `main` looked at, without its default routes: the ways to pods, Services and subnets stay what
/// they are. The second one has the NIC's own table looked at, which holds nothing but the way out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRule {
    /// The address.
    pub from: IpAddr,
    /// Rules of lower ones are looked at first.
    pub priority: u32,
    /// The routing table.
    pub table: u32,
    /// Default routes of the table count for nothing.
    pub without_default: bool,
}

impl SourceRule {
    /// Both rules by which packets from `from` leave by the NIC called `name`.
    #[must_use]
    pub fn pair(from: IpAddr, name: InterfaceName) -> [Self; 2] {
        let [first, second] = priorities(name);
        [
            Self { from, priority: first, table: MAIN, without_default: true },
            Self { from, priority: second, table: name.source_table(), without_default: false },
        ]
    }

    /// What `rule` says, where that is all that it says, and a rule of ours would say it.
    #[must_use]
    pub fn of(rule: &Rule) -> Option<Self> {
        let pair = Self::pair(rule.from?.addr(), slot(rule.priority)?);
        // Who marked it says nothing of packets.
        pair.into_iter().find(|ours| Rule { is_marked: rule.is_marked, ..Rule::from(ours) } == *rule)
    }

    /// The NIC that it is for.
    #[must_use]
    pub fn name(&self) -> Option<InterfaceName> {
        slot(self.priority)
    }
}

impl From<&SourceRule> for Rule {
    /// The rule as the kernel shows it, with our mark.
    fn from(rule: &SourceRule) -> Self {
        let SourceRule { from, priority, table, without_default } = rule;
        Self {
            ipv6: from.is_ipv6(),
            priority: *priority,
            table: Some(*table),
            from: Some((*from).into()),
            incoming: None,
            outgoing: None,
            inverted: false,
            suppressed_prefix: without_default.then_some(0),
            is_narrowed: false,
            is_to_one: false,
            is_marked: true,
        }
    }
}

impl fmt::Display for SourceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, priority, table, without_default } = self;
        let suppress = if *without_default { " suppress_prefixlength 0" } else { "" };
        write!(f, "{priority}: from {from} lookup {table}{suppress}")
    }
}

/// The priorities of the rules for the NIC called `name`.
#[must_use]
pub fn priorities(name: InterfaceName) -> [u32; 2] {
    let first = FIRST_PRIORITY + 2 * name.number();
    [first, first + 1]
}

/// The NIC whose rules have this priority.
fn slot(priority: u32) -> Option<InterfaceName> {
    InterfaceName::all().find(|name| priorities(*name).contains(&priority))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(from: &str, priority: u32, table: u32, suppressed_prefix: Option<u32>) -> Rule {
        Rule {
            ipv6: false,
            priority,
            table: Some(table),
            from: Some(from.parse().unwrap()),
            incoming: None,
            outgoing: None,
            inverted: false,
            suppressed_prefix,
            is_narrowed: false,
            is_to_one: false,
            is_marked: true,
        }
    }

    #[test]
    fn only_what_says_exactly_the_same_is_a_rule_of_ours() {
        let name: InterfaceName = "multinic2".parse().unwrap();
        let pair = SourceRule::pair("10.20.0.5".parse().unwrap(), name);
        assert_eq!(pair.each_ref().map(SourceRule::name), [Some(name); 2]);
        let first = rule("10.20.0.5/32", 5304, MAIN, Some(0));
        let second = rule("10.20.0.5/32", 5305, 5302, None);
        assert_eq!([&first, &second].map(SourceRule::of), pair.map(Some));
        for other in [
            Rule { from: None, ..first.clone() },
            Rule { from: Some("10.20.0.0/24".parse().unwrap()), ..first.clone() },
            Rule { suppressed_prefix: None, ..first.clone() },
            Rule { priority: 5305, ..first.clone() },
            Rule { priority: 5340, ..first.clone() },
            Rule { is_narrowed: true, ..first.clone() },
            Rule { incoming: Some("eth0".to_owned()), ..first },
            Rule { table: Some(5303), ..second.clone() },
            Rule { inverted: true, ..second },
        ] {
            assert_eq!(SourceRule::of(&other), None, "{other:?}");
        }
    }

    #[test]
    fn a_route_reads_as_ip_prints_it() {
        let route = NicRoute::new("10.30.0.0/16".parse().unwrap(), "10.20.0.1".parse().ok(), MAIN);
        assert_eq!(route.to_string(), "10.30.0.0/16 via 10.20.0.1");
        let all = NicRoute { metric: 50, table: 5300, on_link: true, ..route };
        assert_eq!(all.to_string(), "10.30.0.0/16 via 10.20.0.1 onlink metric 50 table 5300");
    }
}
