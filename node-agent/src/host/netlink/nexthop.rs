//! Next hops, which routes may name by number only (`net.ipv4.nexthop_compat_mode` = 0).

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
};

use futures::StreamExt;
use multinic_agent_core::observed::route::Route;
use rtnetlink::{
    packet_core::{
        NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage, NetlinkPayload,
        NetlinkSerializable, NlasIterator,
    },
    proto,
    sys::{SocketAddr, protocols::NETLINK_ROUTE},
};
use tokio::time::timeout;

use super::{NetlinkError, session::DEADLINE};

const RTM_GETNEXTHOP: u16 = 106;
/// `struct nhmsg`: four bytes and one number.
const HEADER: usize = 8;
const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
/// `struct nexthop_grp`: a number, two weights, and a reserved one.
const GROUP_ENTRY: usize = 8;

/// The next hops of this namespace.
#[derive(Debug, Default)]
pub(super) struct NextHops {
    links: BTreeMap<u32, u32>,
    gateways: BTreeMap<u32, IpAddr>,
    groups: BTreeMap<u32, Vec<u32>>,
}

impl NextHops {
    /// The links that this next hop leads over, or the members of the group that it is.
    pub(super) fn links(&self, number: u32) -> BTreeSet<u32> {
        self.members(number).filter_map(|member| self.links.get(&member)).copied().collect()
    }

    /// Says in `route` where it leads by `number`.
    pub(super) fn complete(&self, route: &mut Route, number: u32) {
        route.links.extend(self.links(number));
        route.gateways.extend(self.members(number).filter_map(|member| self.gateways.get(&member)));
    }

    fn members(&self, number: u32) -> impl Iterator<Item = u32> {
        std::iter::once(number).chain(self.groups.get(&number).into_iter().flatten().copied())
    }

    #[cfg(test)]
    pub(super) fn of(number: u32, link: u32, gateway: IpAddr) -> Self {
        Self { links: [(number, link)].into(), gateways: [(number, gateway)].into(), groups: BTreeMap::new() }
    }

    fn take(&mut self, NextHop(payload): &NextHop) {
        let mut id = None;
        let (mut link, mut gateway) = (None, None);
        let mut group = None;
        for attribute in NlasIterator::new(payload.get(HEADER..).unwrap_or_default()).flatten() {
            match attribute.kind() {
                NHA_ID => id = number(attribute.value()),
                NHA_OIF => link = number(attribute.value()),
                NHA_GATEWAY => gateway = ip(attribute.value()),
                NHA_GROUP => {
                    group = Some(attribute.value().chunks(GROUP_ENTRY).filter_map(number).collect());
                }
                _ => {}
            }
        }
        let Some(id) = id else { return };
        self.links.extend(link.map(|link| (id, link)));
        self.gateways.extend(gateway.map(|gateway| (id, gateway)));
        self.groups.extend(group.map(|members| (id, members)));
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// Lists them. The crate for this protocol does not know these messages.
pub(super) async fn list() -> Result<NextHops, NetlinkError> {
    let (mut connection, handle, _) =
        proto::new_connection::<NextHop>(NETLINK_ROUTE).map_err(NetlinkError::Open)?;
    connection.set_forward_done(true);
    let connection = tokio::spawn(connection);
    let mut request = NetlinkMessage::from(NextHop(vec![0; HEADER]));
    request.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let answers = handle.request(request, SocketAddr::new(0, 0)).map_err(|_| NetlinkError::NoAnswer)?;
    let listed = timeout(DEADLINE, answers.collect::<Vec<_>>()).await;
    connection.abort();
    let mut hops = NextHops::default();
    let mut ended = false;
    for answer in listed.map_err(|_| NetlinkError::Timeout(DEADLINE))? {
        match answer.payload {
            NetlinkPayload::InnerMessage(hop) => hops.take(&hop),
            NetlinkPayload::Done(_) => ended = true,
            NetlinkPayload::Error(error) => return Err(NetlinkError::Kernel(error.to_io())),
            _ => {}
        }
    }
    if ended { Ok(hops) } else { Err(NetlinkError::NoAnswer) }
}

/// One next hop, as it comes over the wire.
#[derive(Debug, Clone)]
struct NextHop(Vec<u8>);

impl NetlinkSerializable for NextHop {
    fn message_type(&self) -> u16 {
        RTM_GETNEXTHOP
    }

    fn buffer_len(&self) -> usize {
        self.0.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.0);
    }
}

impl NetlinkDeserializable for NextHop {
    type Error = io::Error;

    fn deserialize(_: &NetlinkHeader, payload: &[u8]) -> Result<Self, io::Error> {
        Ok(Self(payload.to_owned()))
    }
}

impl From<NextHop> for NetlinkPayload<NextHop> {
    fn from(hop: NextHop) -> Self {
        Self::InnerMessage(hop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + value.len()).unwrap();
        [&length.to_ne_bytes(), &kind.to_ne_bytes(), value].concat()
    }

    fn hop(id: u32, attributes: &[Vec<u8>]) -> NextHop {
        NextHop([vec![0; HEADER], attribute(NHA_ID, &id.to_ne_bytes()), attributes.concat()].concat())
    }

    #[test]
    fn a_route_by_number_leads_over_the_links_of_that_next_hop_or_of_its_group() {
        let mut hops = NextHops::default();
        hops.take(&hop(7, &[attribute(NHA_OIF, &3u32.to_ne_bytes())]));
        hops.take(&hop(8, &[attribute(NHA_OIF, &4u32.to_ne_bytes())]));
        let member = |id: u32| [id.to_ne_bytes(), [0; 4]].concat();
        hops.take(&hop(100, &[attribute(NHA_GROUP, &[member(7), member(8)].concat())]));
        assert_eq!(hops.links(7), [3].into());
        assert_eq!(hops.links(100), [3, 4].into());
        assert_eq!(hops.links(9), [].into());
    }
}
