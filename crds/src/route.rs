//! Routes over a NIC, and the table from which it answers.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
    str::FromStr,
};

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    InterfaceName, MAX_INTERFACES,
    address::{cidr, is_host, is_unicast, v4, v6, with_prefix},
    text::text,
};

/// The routing table that `multinic0` answers from; `multinicN` answers from the N-th after it.
const FIRST_SOURCE_TABLE: u32 = 5300;
/// The number by which the kernel marks what multinic gave it: `ip route show proto 153`.
pub const ROUTE_PROTOCOL: u8 = 153;
/// Where clouds tell a server what it is. The node reaches it by its uplink, though Neutron may name a way there among the
/// routes of a subnet.
pub const METADATA_SERVICE: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

const NO_DEFAULT: &str =
    "a default route needs a table of its own: the one of the node leads over its uplink";
const ONE_FAMILY: &str = "via and destination must be of the same family";
const ON_LINK: &str = "onLink is about via";

/// One route over this NIC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    { "rule": "!self.destination.endsWith('/0') || has(self.table)", "message": NO_DEFAULT },
    {
        "rule": "!has(self.via) || self.via.contains(':') == self.destination.contains(':')",
        "message": ONE_FAMILY,
    },
    { "rule": "!has(self.onLink) || !self.onLink || has(self.via)", "message": ON_LINK },
]))]
pub struct Route {
    /// The network that the route leads to, without host bits. Examples: `10.30.0.0/16`, `2001:db8:30::/48`. `0.0.0.0/0` and
    /// `::/0` are allowed with a `table` only.
    pub destination: RouteDestination,
    /// IP address of the router, in a subnet of the NIC and of the family of `destination`. Example: `10.20.0.1`. When absent, the
    /// network is on the link itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<NextHop>,
    /// Of several routes to the same network, the one with the lowest metric is used. At least 1; when absent, 100 plus the number
    /// in the NIC's name. Example: `50`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub metric: Option<u32>,
    /// Number of the routing table, 1 to 4294967295. Not 253 to 255 (the kernel's), and not 5300 to 5319 (multinic's). When
    /// absent, the table `main`. Example: `100`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<RouteTable>,
    /// Whether `via` is reached directly over this NIC although no subnet of the NIC has it. Needs `via`; `false` when absent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_link: bool,
}

impl Route {
    /// A route by way of a router, with the kernel's defaults.
    #[must_use]
    pub const fn by(destination: RouteDestination, via: NextHop) -> Self {
        Self { destination, via: Some(via), metric: None, table: None, on_link: false }
    }

    /// What is wrong with its fields together, in the words of the schema.
    #[must_use]
    pub fn contradiction(&self) -> Option<&'static str> {
        let net = self.destination.net();
        if net.prefix_len() == 0 && self.table.is_none() {
            Some(NO_DEFAULT)
        } else if self.via.is_some_and(|via| via.ip().is_ipv4() != net.addr().is_ipv4()) {
            Some(ONE_FAMILY)
        } else {
            (self.on_link && self.via.is_none()).then_some(ON_LINK)
        }
    }
}

/// Replies leave by the NIC at whose address the request came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
// As a whole: of one that is merged, the API server takes away what is left when an apply takes the last gateway out of it.
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SourceRouting {
    /// IP addresses of the routers that replies leave by: one of each family at most. Example: `[10.20.0.1, 2001:db8::1]`. With the
    /// addressing `dhcp4` they may be absent: then it is the router that the DHCP server names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 2),
        extend("x-kubernetes-list-type" = "set"),
        extend("x-kubernetes-validations" = [{
            "rule": "self.size() < 2 || self[0].contains(':') != self[1].contains(':')",
            "message": "one gateway of each family at most",
        }])
    )]
    pub gateways: Vec<NextHop>,
}

impl InterfaceName {
    /// The routing table that the NIC of this name answers from.
    #[must_use]
    pub fn source_table(self) -> u32 {
        FIRST_SOURCE_TABLE + self.number()
    }
}

/// The tables of all slots.
#[must_use]
pub fn source_tables() -> RangeInclusive<u32> {
    FIRST_SOURCE_TABLE..=FIRST_SOURCE_TABLE + u32::try_from(MAX_INTERFACES).unwrap_or_default() - 1
}

/// Why a text or a number cannot be part of a route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseRouteError {
    /// Not CIDR notation of a network.
    #[error("{0:?} is not a network; write it like 10.30.0.0/16 or 2001:db8:30::/48, without host bits")]
    Destination(String),
    /// Not an address.
    #[error("{0:?} is not the address of a router; write it like 10.20.0.1 or 2001:db8:20::1")]
    NextHop(String),
    /// A table that is not free for routes.
    #[error(
        "{0} is not a routing table for routes of NICs; write a number from 1 to 4294967295, and not 253 to 255 or 5300 to 5319"
    )]
    Table(i64),
}

/// A network without host bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct RouteDestination(IpNet);

impl RouteDestination {
    /// The network.
    #[must_use]
    pub const fn net(self) -> IpNet {
        self.0
    }
}

impl FromStr for RouteDestination {
    type Err = ParseRouteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_network =
            |net: &IpNet| net.trunc() == *net && (net.prefix_len() == 0 || is_unicast(net.addr()));
        let net = cidr(text).filter(is_network);
        net.map(Self).ok_or_else(|| ParseRouteError::Destination(text.to_owned()))
    }
}

/// The address of a router.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct NextHop(IpAddr);

impl NextHop {
    /// The address.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.0
    }
}

impl FromStr for NextHop {
    type Err = ParseRouteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ip = text.parse().ok().filter(|ip| is_unicast(*ip));
        ip.map(Self).ok_or_else(|| ParseRouteError::NextHop(text.to_owned()))
    }
}

/// The number of a routing table that others may fill: neither the kernel's own nor one of [`source_tables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct RouteTable(u32);

impl RouteTable {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The table that the NIC called `name` answers from, which no object can name.
    #[must_use]
    pub fn of_source(name: InterfaceName) -> Self {
        Self(name.source_table())
    }
}

impl TryFrom<i64> for RouteTable {
    type Error = ParseRouteError;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        let is_free = |table: &u32| !matches!(table, 0 | 253..=255) && !source_tables().contains(table);
        u32::try_from(number).ok().filter(is_free).map(Self).ok_or(ParseRouteError::Table(number))
    }
}

impl From<RouteTable> for u32 {
    fn from(table: RouteTable) -> Self {
        table.0
    }
}

// Whether there are host bits only the parser says.
text!(
    RouteDestination,
    ParseRouteError,
    43,
    format!(r"^({}|0\.0\.0\.0/0|::/0)$", with_prefix()),
    format!("self == '::/0' || {}", is_host("/")),
    "loopback, unspecified, multicast and IPv4-mapped networks are nowhere to go"
);
text!(
    NextHop,
    ParseRouteError,
    39,
    format!("^({}|{})$", v4(), v6()),
    is_host("$"),
    "loopback, unspecified, multicast and IPv4-mapped addresses are no router's"
);

impl JsonSchema for RouteTable {
    fn schema_name() -> Cow<'static, str> {
        "RouteTable".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let own = source_tables();
        json_schema!({
            "type": "integer",
            "format": "int64",
            "minimum": 1,
            "maximum": u32::MAX,
            "x-kubernetes-validations": [{
                "rule": format!("!(self >= 253 && self <= 255) && !(self >= {} && self <= {})", own.start(), own.end()),
                "message": "this table is the kernel's own or multinic's",
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_network_without_host_bits() {
        for text in ["10.30.0.0/16", "0.0.0.0/0", "::/0", "2001:db8:30::/48", "10.0.0.1/32"] {
            assert_eq!(text.parse::<RouteDestination>().unwrap().to_string(), text);
        }
        for text in [
            "10.30.0.1/16",
            "10.30.0.0",
            "10.30.0.0/016",
            "127.0.0.0/8",
            "224.0.0.0/4",
            "ff00::/8",
            "x/8",
            "",
        ] {
            assert_eq!(
                text.parse::<RouteDestination>(),
                Err(ParseRouteError::Destination(text.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn a_next_hop_is_a_host() {
        for text in ["10.20.0.1", "2001:db8::1", "fe80::1"] {
            assert_eq!(text.parse::<NextHop>().unwrap().to_string(), text);
        }
        for text in ["0.0.0.0", "127.0.0.1", "ff02::1", "::", "10.0.0.1/24", "router"] {
            assert_eq!(text.parse::<NextHop>(), Err(ParseRouteError::NextHop(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn the_kernels_own_tables_and_ours_are_nobodys_to_name() {
        for number in [1, 100, 252, 256, 5299, 5320, i64::from(u32::MAX)] {
            assert_eq!(i64::from(RouteTable::try_from(number).unwrap().number()), number);
        }
        for number in [-1, 0, 253, 254, 255, 5300, 5319, i64::from(u32::MAX) + 1] {
            assert_eq!(RouteTable::try_from(number), Err(ParseRouteError::Table(number)));
        }
        let tables: Vec<_> = InterfaceName::all().map(InterfaceName::source_table).collect();
        assert_eq!(tables, source_tables().collect::<Vec<_>>());
    }
}
