//! What one NIC gets, from all who have a say in it.

use std::net::IpAddr;

use ipnet::IpNet;
use multinic_crds::{
    Explanation, InterfaceAddress, MAX_ROUTES, METADATA_SERVICE, NextHop, Reason, Route, SourceRouting,
};

use super::{
    columns::Columns,
    settings::{Chosen, Networking},
};
use crate::cluster::{Index, Name, Node, SOURCE_ROUTING_ANNOTATION};

/// What a NIC gets besides its address.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routing {
    /// The networks that are reached over it.
    pub routes: Vec<Route>,
    /// By which way its replies leave.
    pub replies: Replies,
}

/// By which way replies from an address of a NIC leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Replies {
    /// As whatever else the node sends.
    #[default]
    AsTheRest,
    /// Over the NIC, by this router.
    By(NextHop),
    /// They should leave over the NIC, and nobody says by which router.
    NoGateway,
    /// As they do now: what is said of it cannot be read.
    Unclear,
}

impl Replies {
    /// What a spec says of it that says `now` what it says.
    #[must_use]
    pub fn source_routing(self, now: Option<&SourceRouting>) -> Option<SourceRouting> {
        match self {
            Self::AsTheRest | Self::NoGateway => None,
            Self::By(gateway) => Some(SourceRouting { gateways: vec![gateway] }),
            Self::Unclear => now.cloned(),
        }
    }
}

/// All that is said of routes besides the table.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The chart's value.
    pub networking: &'a Networking,
    /// The Nodes, with their annotations.
    pub nodes: &'a Index<Node>,
}

impl Policy<'_> {
    /// What a NIC of `node` with this address in this subnet gets, and what it goes without although somebody asks for it.
    ///
    /// # Errors
    /// What has to be used and cannot be read is a fault of the row.
    pub fn decide(
        &self,
        node: &Name,
        subnet_id: &str,
        address: InterfaceAddress,
        columns: &Columns,
    ) -> Result<(Routing, Vec<String>), Explanation> {
        let chosen = self.networking.of(subnet_id);
        let mut case = Case { subnet_id, address, columns, chosen, without: Vec::new() };
        let routes = case.routes()?;
        let replies = match chosen.source_routing.map_or_else(|| self.annotated(node), Ok) {
            Ok(true) => case.replies()?,
            Ok(false) => Replies::AsTheRest,
            Err(text) => {
                case.without.push(format!(
                    "what the annotation {SOURCE_ROUTING_ANNOTATION} of Node {node} says, since {text:?} is neither \"true\" \
                     nor \"false\""
                ));
                Replies::Unclear
            }
        };
        Ok((Routing { routes, replies }, case.without))
    }

    fn annotated(&self, node: &Name) -> Result<bool, &str> {
        let said = self.nodes.get(node).and_then(|node| node.source_routing.as_ref());
        said.map_or(Ok(false), |said| said.as_ref().copied().map_err(String::as_str))
    }
}

/// One NIC.
struct Case<'a> {
    subnet_id: &'a str,
    address: InterfaceAddress,
    columns: &'a Columns,
    chosen: Chosen<'a>,
    without: Vec<String>,
}

impl Case<'_> {
    fn routes(&mut self) -> Result<Vec<Route>, Explanation> {
        let subnet_id = self.subnet_id;
        let (mut routes, mut without) = (Vec::<Route>::new(), Vec::new());
        for route in self.said()?.iter().filter(|route| self.concerns(route)) {
            let key = |route: &Route| (route.destination, route.metric, route.table);
            let another = routes.iter().find(|other| key(other) == key(route) && *other != route);
            let another = another.map(|other| format!("another one leads there{}", by(other)));
            match self.obstacle(route).or(another) {
                Some(why) => without.push(format!(
                    "the route to {}{} of subnet {subnet_id}: {why}",
                    route.destination,
                    by(route)
                )),
                None if routes.contains(route) => {}
                None => routes.push(route.clone()),
            }
        }
        self.without.append(&mut without);
        if routes.len() > MAX_ROUTES {
            let message = format!(
                "host_routes of the subnet {subnet_id}: {} routes are more than the {MAX_ROUTES} of a NIC; write fewer",
                routes.len()
            );
            return Err(Explanation::new(Reason::InvalidHostRoutes, message));
        }
        Ok(routes)
    }

    /// The routes of whoever says any first.
    fn said(&self) -> Result<&[Route], Explanation> {
        if self.chosen.host_routes {
            let of_table = self.columns.host_routes.as_ref().map_err(Clone::clone)?;
            if !of_table.is_empty() {
                return Ok(of_table);
            }
        }
        Ok(self.chosen.routes)
    }

    /// Whether the route is one for this NIC: not for another family, and not by way of the NIC itself.
    fn concerns(&self, route: &Route) -> bool {
        let same_family = route.destination.net().addr().is_ipv4() == self.address.ip().is_ipv4();
        same_family && route.via.is_none_or(|via| via.ip() != self.address.ip())
    }

    /// Why the NIC cannot have the route.
    fn obstacle(&self, route: &Route) -> Option<String> {
        let destination = route.destination.net();
        if route.table.is_none() && destination.prefix_len() == 0 {
            return Some("the node's own default route leads over its uplink".to_owned());
        }
        if route.table.is_none() && destination.contains(&METADATA_SERVICE) {
            return Some("the node reaches the metadata service by its uplink".to_owned());
        }
        if route.table.is_none() && destination == self.subnet() {
            return Some("it is the subnet of the NIC itself".to_owned());
        }
        let via = route.via.filter(|via| !route.on_link && !self.is_on_link(via.ip()))?;
        Some(format!("{via} is not in {}, so that nothing reaches it", self.subnet()))
    }

    fn replies(&mut self) -> Result<Replies, Explanation> {
        let subnet_id = self.subnet_id;
        let of_table = self.columns.gateway_ip.clone()?;
        let Some(gateway) = of_table.or(self.chosen.gateway) else {
            self.without.push(format!(
                "source routing of subnet {subnet_id}, since nobody says its gateway; write it to multi_subnet.gateway_ip, \
                 or to the chart's value networking.subnets"
            ));
            return Ok(Replies::NoGateway);
        };
        if gateway.ip() == self.address.ip() {
            return Ok(Replies::AsTheRest);
        }
        if !self.is_on_link(gateway.ip()) {
            let message = format!(
                "the gateway {gateway} of subnet {subnet_id} is not in {}; correct it, in multi_subnet.gateway_ip or in \
                 the chart's value networking.subnets",
                self.subnet()
            );
            return Err(Explanation::new(Reason::InvalidGateway, message));
        }
        Ok(Replies::By(gateway))
    }

    fn subnet(&self) -> IpNet {
        self.address.net().trunc()
    }

    fn is_on_link(&self, ip: IpAddr) -> bool {
        let is_link_local = matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
        self.subnet().contains(&ip) || (is_link_local && self.address.is_ipv6())
    }
}

fn by(route: &Route) -> String {
    route.via.map(|via| format!(" by {via}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
