//! The kernel's announcements that a link, an address or the route that comes with it changed.

use std::io;

use futures::{Stream, StreamExt, future::ready};
use rtnetlink::{
    MulticastGroup, new_multicast_connection,
    packet_core::{NetlinkMessage, NetlinkPayload},
    packet_route::{RouteNetlinkMessage, route::RouteProtocol},
};

use super::netlink::routes::may_be_ours;

/// Yields once for every announcement; what changed is found out by looking.
pub fn changes() -> io::Result<impl Stream<Item = ()> + Unpin> {
    let groups = [
        MulticastGroup::Link,
        MulticastGroup::Ipv4Ifaddr,
        MulticastGroup::Ipv6Ifaddr,
        MulticastGroup::Ipv4Route,
        MulticastGroup::Ipv6Route,
        MulticastGroup::Ipv4Rule,
        MulticastGroup::Ipv6Rule,
    ];
    let (connection, _, messages) = new_multicast_connection(&groups)?;
    tokio::spawn(connection);
    Ok(messages.filter(|(message, _)| ready(is_ours_to_see(message))).map(|_| ()))
}

/// Routes that routing daemons move by the thousand are nothing to us: only those count that the
/// kernel makes for addresses, and those that may be ours.
fn is_ours_to_see(message: &NetlinkMessage<RouteNetlinkMessage>) -> bool {
    match &message.payload {
        NetlinkPayload::InnerMessage(
            RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route),
        ) => route.header.protocol == RouteProtocol::Kernel || may_be_ours(route.header.protocol),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use multinic_crds::ROUTE_PROTOCOL;
    use rtnetlink::{RouteMessageBuilder, packet_route::link::LinkMessage};

    use super::*;

    fn route(protocol: RouteProtocol) -> NetlinkMessage<RouteNetlinkMessage> {
        let route = RouteMessageBuilder::<Ipv4Addr>::new().protocol(protocol).build();
        NetlinkMessage::from(RouteNetlinkMessage::DelRoute(route))
    }

    #[test]
    fn the_routes_of_routing_daemons_are_no_reason_to_look_and_those_of_the_kernel_and_of_nics_are() {
        assert!(!is_ours_to_see(&route(RouteProtocol::Bird)));
        for seen in [RouteProtocol::Kernel, RouteProtocol::Static, RouteProtocol::Boot, ROUTE_PROTOCOL.into()]
        {
            assert!(is_ours_to_see(&route(seen)), "{seen:?}");
        }
        assert!(is_ours_to_see(&NetlinkMessage::from(RouteNetlinkMessage::NewLink(LinkMessage::default()))));
    }
}
