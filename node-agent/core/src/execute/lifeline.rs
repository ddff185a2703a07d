//! What the node lives by, before and after a change. A change of it while a transaction runs makes
//! that fail, so that it is taken back.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use multinic_crds::{Explanation, Reason};

use crate::{
    attribute::{Target, converge},
    observed::{link::KernelView, route::Route},
};

/// Vital links, the default routes over them, and the routes that lead over them to the API server and to the next
/// hops of default routes.
pub(crate) struct Lifeline {
    targets: Vec<Target>,
    default_routes: Vec<Route>,
    ways: BTreeMap<IpAddr, Route>,
}

impl Lifeline {
    /// What `view` shows of the `vital` links.
    pub(crate) fn of(view: &KernelView, vital: &BTreeSet<u32>) -> Self {
        let is_vital = |route: &Route| !route.links.is_disjoint(vital);
        let ways = view.api_server_routes.iter().chain(&view.gateway_routes);
        Self {
            targets: vital.iter().filter_map(|index| view.link(*index)).map(Target::at_least).collect(),
            default_routes: view.default_routes.iter().filter(|route| is_vital(route)).cloned().collect(),
            ways: ways.filter(|(_, route)| is_vital(route)).map(|(ip, route)| (*ip, route.clone())).collect(),
        }
    }

    /// Whether `view` shows all of it.
    pub(crate) fn hold(&self, view: &KernelView) -> Result<(), Explanation> {
        if !converge(&self.targets, view).is_empty() {
            return Err(changed("a link that the node lives by"));
        }
        if !self.default_routes.iter().all(|route| view.default_routes.contains(route)) {
            return Err(changed("a default route of the node"));
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
}

fn changed(what: &str) -> Explanation {
    Explanation::new(
        Reason::FenceChanged,
        format!("{what} changed at the same time; nothing was kept, and it is tried again"),
    )
}
