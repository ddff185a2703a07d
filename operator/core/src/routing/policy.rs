//! What one NIC gets, from all who have a say in it.

use multinic_crds::{
    Addressing, Explanation, InterfaceAddress, MAX_ROUTES, METADATA_SERVICE, MacAddress, NextHop, Reason,
    Route, SourceRouting, Verify,
};

use super::{
    columns::Columns,
    settings::{Chosen, Networking},
    site::Site,
};
use crate::{
    addressing::WORDS,
    cluster::{ADDRESSING_ANNOTATION, Index, Name, Node, Object, SOURCE_ROUTING_ANNOTATION},
};

/// What a NIC gets besides what its row says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routing {
    /// Where its addresses come from if its row has none, and if anybody says it.
    pub addressing: Option<Addressing>,
    /// How far it is proven that it works.
    pub verify: Verify,
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
    /// Over the NIC, by the router that its network tells.
    ByLearned,
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
            Self::ByLearned => Some(SourceRouting { gateways: Vec::new() }),
            Self::Unclear => now.cloned(),
        }
    }
}

/// All that is said of NICs besides the table.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The chart's value.
    pub networking: &'a Networking,
    /// The Nodes, with their annotations.
    pub nodes: &'a Index<Node>,
    /// Their objects, which say what NICs have now.
    pub objects: &'a Index<Object>,
}

/// A NIC, as far as the table says what it is.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// Its identity on its Node.
    pub mac: MacAddress,
    /// Its subnet; may be empty.
    pub subnet_id: &'a str,
    /// What its row says.
    pub address: Option<InterfaceAddress>,
    /// What its subnet says.
    pub columns: &'a Columns,
}

impl Policy<'_> {
    /// What this NIC of `node` gets, and what it goes without although somebody asks for it.
    ///
    /// # Errors
    /// What has to be used and cannot be read is a fault of the row.
    pub fn decide(&self, node: &Name, said: Said<'_>) -> Result<(Routing, Vec<String>), Explanation> {
        let Said { subnet_id, address, columns, .. } = said;
        let chosen = self.networking.of(subnet_id);
        let mut without = Vec::new();
        // An address in the row always wins.
        let addressing = match address {
            Some(_) => None,
            None => self.addressing(node, said, chosen, &mut without)?,
        };
        let mut routing = Routing { addressing, verify: chosen.verify, ..Routing::default() };
        let site = match (address, addressing) {
            (Some(address), _) => Some(Site::fixed(address)),
            (None, Some(addressing)) => Site::dynamic(addressing, columns)?,
            (None, None) => None,
        };
        if let Some(site) = site {
            let mut case = Case { subnet_id, site, columns, chosen, without };
            routing.routes = case.routes()?;
            routing.replies = match chosen.source_routing.map_or_else(|| self.annotated(node), Ok) {
                Ok(true) => case.replies()?,
                Ok(false) => Replies::AsTheRest,
                Err(text) => {
                    let words = "neither \"true\" nor \"false\"";
                    case.without.push(unclear(SOURCE_ROUTING_ANNOTATION, node, text, words));
                    Replies::Unclear
                }
            };
            without = case.without;
        }
        Ok((routing, without))
    }

    /// Where the addresses come from of a NIC whose row has none: what the first says who says anything.
    fn addressing(
        &self,
        node: &Name,
        said: Said<'_>,
        chosen: Chosen<'_>,
        without: &mut Vec<String>,
    ) -> Result<Option<Addressing>, Explanation> {
        let of_table = said.columns.addressing.clone()?;
        let first = of_table.or(chosen.addressing).or_else(|| self.by_node(node, said.mac, without));
        let Some(addressing) = first else { return Ok(None) };
        let other = Site::dynamic(addressing, said.columns)?.and_then(|site| site.other_family());
        let Some(subnet) = other else { return Ok(Some(addressing)) };
        without.push(format!(
            "addresses by {} in subnet {}, since {subnet} is of another family",
            addressing.as_str(),
            said.subnet_id
        ));
        Ok(None)
    }

    /// What the Node says of it; where that cannot be read, what the NIC has now.
    fn by_node(&self, node: &Name, mac: MacAddress, without: &mut Vec<String>) -> Option<Addressing> {
        let facts = self.nodes.get(node)?;
        match facts.addressing.as_ref()? {
            Ok(addressing) => Some(*addressing),
            Err(text) => {
                without.push(unclear(ADDRESSING_ANNOTATION, node, text, &format!("none of {WORDS}")));
                let now = self.objects.upheld(node, facts)?.interface(mac)?.addressing();
                Some(now).filter(|now| now.is_dynamic())
            }
        }
    }

    fn annotated(&self, node: &Name) -> Result<bool, &str> {
        let said = self.nodes.get(node).and_then(|node| node.source_routing.as_ref());
        said.map_or(Ok(false), |said| said.as_ref().copied().map_err(String::as_str))
    }
}

fn unclear(annotation: &str, node: &Name, text: &str, words: &str) -> String {
    format!("what the annotation {annotation} of Node {node} says, since {text:?} is {words}")
}

/// One NIC.
struct Case<'a> {
    subnet_id: &'a str,
    site: Site,
    columns: &'a Columns,
    chosen: Chosen<'a>,
    without: Vec<String>,
}

impl Case<'_> {
    fn routes(&mut self) -> Result<Vec<Route>, Explanation> {
        let subnet_id = self.subnet_id;
        let (mut routes, mut without) = (Vec::<Route>::new(), Vec::new());
        for route in self.said()?.iter().filter(|route| self.site.concerns(route)) {
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

    /// Why the NIC cannot have the route.
    fn obstacle(&self, route: &Route) -> Option<String> {
        let destination = route.destination.net();
        if route.table.is_none() && destination.prefix_len() == 0 {
            return Some("the node's own default route leads over its uplink".to_owned());
        }
        if route.table.is_none() && destination.contains(&METADATA_SERVICE) {
            return Some("the node reaches the metadata service by its uplink".to_owned());
        }
        if route.table.is_none() && self.site.is_subnet(destination) {
            return Some("it is the subnet of the NIC itself".to_owned());
        }
        let via = route.via.filter(|_| !route.on_link)?;
        self.site.misses(via.ip()).map(|place| format!("{via} is not {place}, so that nothing reaches it"))
    }

    fn replies(&mut self) -> Result<Replies, Explanation> {
        let subnet_id = self.subnet_id;
        let of_table = self.columns.gateway_ip.clone()?;
        let Some(gateway) = of_table.or(self.chosen.gateway) else {
            if self.site.learns_gateway {
                return Ok(Replies::ByLearned);
            }
            self.without.push(format!(
                "source routing of subnet {subnet_id}, since nobody says its gateway; write it to multi_subnet.gateway_ip, \
                 or to the chart's value networking.subnets"
            ));
            return Ok(Replies::NoGateway);
        };
        if self.site.is_itself(gateway.ip()) {
            return Ok(Replies::AsTheRest);
        }
        if let Some(place) = self.site.misses(gateway.ip()) {
            let message = format!(
                "the gateway {gateway} of subnet {subnet_id} is not {place}; correct it, in multi_subnet.gateway_ip or in \
                 the chart's value networking.subnets"
            );
            return Err(Explanation::new(Reason::InvalidGateway, message));
        }
        Ok(Replies::By(gateway))
    }
}

fn by(route: &Route) -> String {
    route.via.map(|via| format!(" by {via}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
