//! Everything that decisions rest on, in one look.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use multinic_agent_core::observed::{
    link::{Address, AddressState, KernelView, Link, LinkKind, is_link_local},
    route::{self, Route, Rule},
    routing::NicRoute,
};
use multinic_crds::{MacAddress, source_tables};
use rtnetlink::{
    RouteMessageBuilder,
    packet_route::{
        AddressFamily, RouteNetlinkMessage,
        address::AddressMessage,
        link::LinkMessage,
        route::{RouteFlags, RouteMessage, RouteType},
        rule::RuleMessage,
    },
};

use super::{
    Netlink, NetlinkError, decode, neighbours,
    nexthop::{self, NextHops},
    routes,
    session::Session,
};

/// What the kernel says of a number that no link has.
const ENODEV: i32 = 19;

impl Netlink {
    /// Everything that decisions rest on, where the API server has these addresses.
    pub async fn view(&self, api_server: &[IpAddr]) -> Result<KernelView, NetlinkError> {
        let session = Session::open()?;
        let rules = rules(&session).await?;
        // Before the addresses that they come with: one that is new by then has its route as well.
        let Seen { mut view, subnets, mut over, .. } = routes(&session).await?;
        view.rules = rules;
        let mut addresses = addresses(&session).await?;
        let mut links = links(&session).await?;
        for (index, (link, vrf_table)) in &mut links {
            link.addresses = addresses.remove(index).unwrap_or_default();
            link.routes = over.remove(index).unwrap_or_default();
            link.stable_secret = self.has_stable_secret(link);
            complete(link, &subnets);
            view.vrf_tables.extend(vrf_table.map(|table| (*index, table)));
        }
        view.links = links.into_values().map(|(link, _)| link).collect();
        view.api_server_routes = routes_to(&session, api_server.iter().copied()).await?;
        view.gateway_routes = routes_to(&session, view.default_gateways()).await?;
        view.neighbours = neighbours::of(&session, &view.gateway_routes).await?;
        Ok(view)
    }

    /// The MAC address by which the link with this number is known, if there is one.
    pub async fn identity(&self, index: u32) -> Result<Option<MacAddress>, NetlinkError> {
        let mut request = LinkMessage::default();
        request.header.index = index;
        let answer = match Session::open()?.ask(RouteNetlinkMessage::GetLink(request)).await {
            Err(error) if error.is(ENODEV) => return Ok(None),
            answer => answer?,
        };
        Ok(match answer {
            Some(RouteNetlinkMessage::NewLink(message)) => decode::link(&message).identity(),
            _ => None,
        })
    }

    fn has_stable_secret(&self, link: &Link) -> bool {
        // Others are never changed, and there may be hundreds of them.
        let may_be_ours = link.kind != LinkKind::NotEthernet && link.controller.is_none();
        // The kernel refuses to show one that is not set.
        let secret = || self.sysctls.read(&Self::sysctl(&link.name, "stable_secret"));
        may_be_ours && matches!(secret(), Ok(Some(Ok(_))))
    }
}

/// What only the whole picture tells about a link's addresses.
fn complete(link: &mut Link, subnets: &BTreeSet<(u32, IpNet)>) {
    // Without a carrier, and in a VRF, the kernel keeps these routes elsewhere or not at all.
    let has_routes = link.up && link.carrier && link.controller.is_none();
    for address in &mut link.addresses {
        let Address { net, state, manner, lacks_route } = address;
        if manner.label.as_ref() == Some(&link.name) {
            manner.label = None;
        }
        let comes_with_route = net.prefix_len() < net.max_prefix_len()
            && !is_link_local(net)
            && manner.peer.is_none()
            && *state != AddressState::Tentative;
        *lacks_route = has_routes && comes_with_route && !subnets.contains(&(link.index, net.trunc()));
    }
}

async fn links(session: &Session) -> Result<BTreeMap<u32, (Link, Option<u32>)>, NetlinkError> {
    let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
    let take = |links: &mut BTreeMap<_, _>, message| {
        if let RouteNetlinkMessage::NewLink(message) = message {
            // An older kernel may list one twice while others come and go.
            let found = (decode::link(&message), routes::vrf_table(&message));
            links.insert(message.header.index, found);
        }
    };
    session.dump(request, take).await
}

async fn addresses(session: &Session) -> Result<BTreeMap<u32, Vec<Address>>, NetlinkError> {
    let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    let take = |addresses: &mut BTreeMap<u32, Vec<Address>>, message| {
        if let RouteNetlinkMessage::NewAddress(message) = message {
            addresses.entry(message.header.index).or_default().extend(decode::address(&message));
        }
    };
    session.dump(request, take).await
}

async fn rules(session: &Session) -> Result<Vec<Rule>, NetlinkError> {
    let mut request = RuleMessage::default();
    // Of both families at once: asked for one that it lacks, the kernel refuses.
    request.header.family = AddressFamily::Unspec;
    let take = |rules: &mut Vec<Rule>, message| {
        if let RouteNetlinkMessage::NewRule(message) = message {
            rules.extend(routes::rule(&message));
        }
    };
    session.dump(RouteNetlinkMessage::GetRule(request), take).await
}

/// What every route says. There may be hundreds of thousands of them, so only little of each is kept.
#[derive(Default)]
struct Seen {
    /// The view, as far as routes make it.
    view: KernelView,
    /// Subnets that are reached directly over a link, by the table that the kernel puts them in.
    subnets: BTreeSet<(u32, IpNet)>,
    /// Routes over one link that may be ours, by the link.
    over: BTreeMap<u32, BTreeMap<NicRoute, u8>>,
    /// Default routes that name their way by number.
    numbered_defaults: Vec<(u32, Route)>,
    /// The numbers in all other routes that the kernel did not make by itself.
    numbered: BTreeSet<u32>,
}

impl Seen {
    fn take(&mut self, message: &RouteMessage) {
        let unicast = message.header.kind == RouteType::Unicast;
        let Some(route) = routes::route(message).filter(|_| unicast) else { return };
        if let (Some(index), Some((found, protocol))) =
            (route.links.first(), routes::over_nic(message, &route))
        {
            self.over.entry(*index).or_default().insert(found, protocol);
        }
        if source_tables().contains(&route.table) {
            self.view.in_source_tables.push(route.clone());
        }
        match routes::next_hop(message).filter(|_| route.links.is_empty()) {
            Some(number) if route.is_default() => self.numbered_defaults.push((number, route)),
            Some(number) if !route.by_kernel => drop(self.numbered.insert(number)),
            Some(_) => {}
            None => self.take_route(route),
        }
    }

    fn take_route(&mut self, route: Route) {
        if !route.by_kernel {
            self.view.routed.extend(&route.links);
        }
        self.view.gateways.extend(&route.gateways);
        if route.table == route::MAIN && route.gateways.is_empty() {
            self.subnets.extend(route.links.iter().map(|link| (*link, route.destination)));
        }
        if route.is_default() {
            self.view.default_routes.push(route);
        }
    }

    fn is_numbered(&self) -> bool {
        !(self.numbered_defaults.is_empty() && self.numbered.is_empty())
    }

    /// Takes the routes that name their way by number, now that it is known.
    fn resolve(&mut self, hops: &NextHops) {
        for (number, mut route) in std::mem::take(&mut self.numbered_defaults) {
            hops.complete(&mut route, number);
            self.take_route(route);
        }
        self.view.routed.extend(self.numbered.iter().flat_map(|number| hops.links(*number)));
    }
}

async fn routes(session: &Session) -> Result<Seen, NetlinkError> {
    let of_family = async |request: RouteMessage| {
        let take = |seen: &mut Seen, message| {
            if let RouteNetlinkMessage::NewRoute(message) = message {
                seen.take(&message);
            }
        };
        session.dump(RouteNetlinkMessage::GetRoute(request), take).await
    };
    let mut seen = of_family(RouteMessageBuilder::<Ipv4Addr>::new().build()).await?;
    let ipv6 = of_family(RouteMessageBuilder::<Ipv6Addr>::new().build()).await?;
    seen.view.routed.extend(ipv6.view.routed);
    seen.view.gateways.extend(ipv6.view.gateways);
    seen.view.default_routes.extend(ipv6.view.default_routes);
    seen.view.in_source_tables.extend(ipv6.view.in_source_tables);
    seen.subnets.extend(ipv6.subnets);
    for (index, routes) in ipv6.over {
        seen.over.entry(index).or_default().extend(routes);
    }
    seen.numbered_defaults.extend(ipv6.numbered_defaults);
    seen.numbered.extend(ipv6.numbered);
    if seen.is_numbered() {
        seen.resolve(&nexthop::list().await?);
    }
    Ok(seen)
}

async fn routes_to(
    session: &Session,
    addresses: impl Iterator<Item = IpAddr>,
) -> Result<BTreeMap<IpAddr, Route>, NetlinkError> {
    let mut found = BTreeMap::new();
    for ip in addresses {
        found.extend(route_to(session, ip).await?.map(|route| (ip, route)));
    }
    Ok(found)
}

/// The route that packets to `ip` take; none where the kernel says that they cannot. Whatever its
/// reason (no route, blackhole, prohibit, no such family), no link is the way there.
async fn route_to(session: &Session, ip: IpAddr) -> Result<Option<Route>, NetlinkError> {
    let mut request = match ip {
        IpAddr::V4(v4) => RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(v4, 32).build(),
        IpAddr::V6(v6) => RouteMessageBuilder::<Ipv6Addr>::new().destination_prefix(v6, 128).build(),
    };
    // The route itself with all its next hops, not what it comes to for one packet.
    request.header.flags |= RouteFlags::FibMatch;
    let message = match session.ask(RouteNetlinkMessage::GetRoute(request)).await {
        Ok(Some(RouteNetlinkMessage::NewRoute(message))) => message,
        Ok(_) | Err(NetlinkError::Kernel(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut route = routes::route(&message);
    if let Some(route) = route.as_mut().filter(|route| route.links.is_empty())
        && let Some(number) = routes::next_hop(&message)
    {
        nexthop::list().await?.complete(route, number);
    }
    Ok(route)
}

#[cfg(test)]
mod tests {
    use rtnetlink::packet_route::route::RouteProtocol;

    use super::*;

    #[test]
    fn a_default_route_by_number_is_in_the_view_once_its_way_is_known() {
        let mut seen = Seen::default();
        let by_number = RouteMessageBuilder::<Ipv4Addr>::new().protocol(RouteProtocol::Static).nhid(7);
        seen.take(&by_number.build());
        assert!(seen.is_numbered() && seen.view.default_routes.is_empty());
        seen.resolve(&NextHops::of(7, 2, "192.0.2.1".parse().unwrap()));
        assert!(seen.view.default_routes.iter().any(|route| route.links.contains(&2)));
        assert!(seen.view.routed.contains(&2));
        assert_eq!(seen.view.gateways, ["192.0.2.1".parse().unwrap()].into());
    }

    #[test]
    fn an_address_lacks_its_route_only_where_there_should_be_one() {
        let mut link = Link::physical(3, "multinic0", "fa:16:3e:00:00:0a".parse().unwrap());
        let nets = ["10.1.0.5/24", "10.1.0.9/32", "fe80::1/64", "2001:db8::5/64"];
        link.addresses = nets.iter().map(|net| Address::new(net.parse().unwrap())).collect();
        let lacking = |link: &Link, subnets: &BTreeSet<(u32, IpNet)>| {
            let mut link = link.clone();
            complete(&mut link, subnets);
            let lacking = link.addresses.iter().filter(|address| address.lacks_route);
            lacking.map(|address| address.net.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(lacking(&link, &BTreeSet::new()), [""; 0], "a link that is down has no routes");
        link.up = true;
        assert_eq!(lacking(&link, &BTreeSet::new()), ["10.1.0.5/24", "2001:db8::5/64"]);
        let subnets = [(3, "10.1.0.0/24".parse().unwrap()), (4, "2001:db8::/64".parse().unwrap())].into();
        assert_eq!(lacking(&link, &subnets), ["2001:db8::5/64"]);
    }
}
