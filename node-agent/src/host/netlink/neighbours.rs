//! Whether the next hops of default routes answer, as far as the kernel has asked them.

use std::{collections::BTreeMap, net::IpAddr};

use multinic_agent_core::observed::route::Route;
use rtnetlink::packet_route::{
    AddressFamily, RouteNetlinkMessage,
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState},
};

use super::{NetlinkError, session::Session};

/// What the kernel knows of each next hop with a `route`: not in there where it knows nothing.
pub(super) async fn of(
    session: &Session,
    routes: &BTreeMap<IpAddr, Route>,
) -> Result<BTreeMap<IpAddr, bool>, NetlinkError> {
    let mut known = BTreeMap::new();
    for (ip, route) in routes {
        for link in &route.links {
            let answer = match session.ask(RouteNetlinkMessage::GetNeighbour(about(*ip, *link))).await {
                Ok(Some(RouteNetlinkMessage::NewNeighbour(message))) => answers(message.header.state),
                // It has no entry, or is too old to be asked about one.
                Ok(_) | Err(NetlinkError::Kernel(_)) => None,
                Err(error) => return Err(error),
            };
            known.extend(answer.map(|answers| (*ip, answers)));
        }
    }
    Ok(known)
}

fn about(ip: IpAddr, link: u32) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.ifindex = link;
    message.header.family = if ip.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let address = match ip {
        IpAddr::V4(v4) => NeighbourAddress::Inet(v4),
        IpAddr::V6(v6) => NeighbourAddress::Inet6(v6),
    };
    message.attributes.push(NeighbourAttribute::Destination(address));
    message
}

/// None while the kernel is asking for the first time, or need not ask.
const fn answers(state: NeighbourState) -> Option<bool> {
    match state {
        NeighbourState::Failed => Some(false),
        NeighbourState::Reachable | NeighbourState::Stale | NeighbourState::Delay | NeighbourState::Probe => {
            Some(true)
        }
        _ => None,
    }
}
