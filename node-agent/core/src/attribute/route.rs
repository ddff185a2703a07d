//! Routes over a link, beside those that come with its addresses.

use std::collections::{BTreeMap, BTreeSet};

use multinic_crds::{MIN_IPV6_MTU, ROUTE_PROTOCOL};
use serde::{Deserialize, Serialize};

use super::step::Step;
use crate::observed::{link::Link, routing::NicRoute};

/// What must be there, each marked with a protocol, and what must not. Other routes are not ours to judge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// What must be there.
    pub present: BTreeMap<NicRoute, u8>,
    /// What must not.
    pub absent: BTreeSet<NicRoute>,
}

impl Routes {
    /// These, with our mark, and none of `absent` beside them.
    #[must_use]
    pub fn ours(wanted: BTreeSet<NicRoute>, mut absent: BTreeSet<NicRoute>) -> Self {
        absent.retain(|route| !wanted.contains(route));
        Self { present: wanted.into_iter().map(|route| (route, ROUTE_PROTOCOL)).collect(), absent }
    }
}

/// The steps away from what must not be there.
pub(super) fn removals(routes: &Routes, link: &Link) -> Vec<Step> {
    let there = link.routes.iter().filter(|(route, _)| routes.absent.contains(*route));
    let step = |(route, protocol): (&NicRoute, &u8)| Step::RemoveRoute {
        index: link.index,
        route: route.clone(),
        protocol: *protocol,
    };
    there.map(step).collect()
}

/// The steps to what is not there, and to what our own steps cost, for a link that will be up.
pub(super) fn missing(routes: &Routes, link: &Link, went_down: bool) -> Vec<Step> {
    let step = |(route, protocol): (&NicRoute, &u8)| Step::AddRoute {
        index: link.index,
        route: route.clone(),
        protocol: *protocol,
    };
    let wanted = &routes.present;
    let missing = wanted.iter().filter(|(route, _)| went_down || !link.routes.contains_key(route));
    let is_others = |route: &NicRoute| !wanted.contains_key(route) && !routes.absent.contains(route);
    let lost = link.routes.iter().filter(|(route, _)| went_down && is_others(route));
    let mut all: Vec<_> = missing.chain(lost).collect();
    // A next hop may be reached by another one of these only.
    all.sort_by_key(|(route, _)| route.via.is_some() && !route.on_link);
    all.into_iter().map(step).collect()
}

/// What we changed of a link's routes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Changed {
    /// Routes that we added.
    #[serde(rename = "addedRoutes")]
    added: BTreeSet<NicRoute>,
    /// Routes that we removed, or that our own steps cost, each with its protocol.
    #[serde(rename = "lostRoutes")]
    lost: Vec<(NicRoute, u8)>,
}

impl Changed {
    pub(crate) fn record(&mut self, step: &Step, link: &Link) {
        match step {
            Step::AddRoute { route, .. } if !self.has_lost(route) && !link.routes.contains_key(route) => {
                self.added.insert(route.clone());
            }
            Step::RemoveRoute { route, .. } if !self.added.remove(route) => {
                self.lose(link, |other| other == route);
            }
            Step::SetDown { .. } => self.lose(link, |_| true),
            Step::SetMtu { bytes, .. } if *bytes < MIN_IPV6_MTU => {
                self.lose(link, |route| route.destination.addr().is_ipv6());
            }
            // The last IPv4 address takes all IPv4 routes with it, and an earlier one some of them.
            Step::RemoveAddress { net, .. } if net.addr().is_ipv4() => {
                self.lose(link, |route| route.destination.addr().is_ipv4());
            }
            _ => {}
        }
    }

    fn has_lost(&self, route: &NicRoute) -> bool {
        self.lost.iter().any(|(lost, _)| lost == route)
    }

    fn lose(&mut self, link: &Link, goes: impl Fn(&NicRoute) -> bool) {
        for (route, protocol) in link.routes.iter().filter(|(route, _)| goes(route)) {
            if !self.added.contains(route) && !self.has_lost(route) {
                self.lost.push((route.clone(), *protocol));
            }
        }
    }

    pub(crate) fn take_back(&self) -> Routes {
        Routes { present: self.lost.iter().cloned().collect(), absent: self.added.clone() }
    }
}
