//! What the table of subnets says of one of them, besides its id.

use ipnet::IpNet;
use multinic_crds::{Addressing, Explanation, NextHop, Reason, Route, RouteDestination};
use serde::Deserialize;

use crate::{cidr::network, text::text};

mod addressing;

/// The longest cidr that is looked at, in bytes.
const MAX_CIDR_BYTES: usize = 300;
/// The longest gateway that is looked at, in bytes.
const MAX_GATEWAY_BYTES: usize = 100;
/// The longest list of routes that is looked at, in bytes: many times what a NIC can have.
const MAX_HOST_ROUTES_BYTES: usize = 16 * 1024;

/// The columns of one subnet as the database sent them; what the table has no column for is NULL.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs, reason = "the columns of the table")]
pub struct RawColumns<'a> {
    pub cidr: Option<&'a [u8]>,
    pub gateway_ip: Option<&'a [u8]>,
    pub host_routes: Option<&'a [u8]>,
    pub enable_dhcp: Option<&'a [u8]>,
    pub ipv6_ra_mode: Option<&'a [u8]>,
}

/// The columns of one subnet: read once, however many NICs are in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Columns {
    /// The network of its `cidr`.
    pub subnet: Result<Option<IpNet>, Explanation>,
    /// `gateway_ip`.
    pub gateway_ip: Result<Option<NextHop>, Explanation>,
    /// `host_routes`, in an order that does not depend on the one in which they are written.
    pub host_routes: Result<Vec<Route>, Explanation>,
    /// Where the addresses of its NICs come from, by `enable_dhcp` and `ipv6_ra_mode`, where these say it.
    pub addressing: Result<Option<Addressing>, Explanation>,
}

impl Default for Columns {
    fn default() -> Self {
        Self { subnet: Ok(None), gateway_ip: Ok(None), host_routes: Ok(Vec::new()), addressing: Ok(None) }
    }
}

/// A route, as Neutron writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostRoute {
    destination: RouteDestination,
    nexthop: NextHop,
}

impl Columns {
    /// Reads all. Never panics, whatever the bytes.
    #[must_use]
    pub fn read(raw: RawColumns<'_>) -> Self {
        let subnet = subnet(raw.cidr);
        let addressing = addressing::addressing(&subnet, raw.enable_dhcp, raw.ipv6_ra_mode);
        Self { subnet, gateway_ip: gateway(raw.gateway_ip), host_routes: routes(raw.host_routes), addressing }
    }

    /// What two rows say of one subnet: nothing that has to be guessed.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        let (addressing, columns) = (Reason::InvalidAddressing, "enable_dhcp or ipv6_ra_mode");
        Self {
            subnet: once(&self.subnet, &other.subnet, Reason::InvalidAddress, "cidrs"),
            gateway_ip: once(&self.gateway_ip, &other.gateway_ip, Reason::InvalidGateway, "gateway_ip"),
            host_routes: once(
                &self.host_routes,
                &other.host_routes,
                Reason::InvalidHostRoutes,
                "host_routes",
            ),
            addressing: once(&self.addressing, &other.addressing, addressing, columns),
        }
    }
}

fn once<T: Clone + PartialEq>(
    one: &Result<T, Explanation>,
    other: &Result<T, Explanation>,
    reason: Reason,
    column: &str,
) -> Result<T, Explanation> {
    let twice = || format!("its subnet is in multi_subnet twice, with different {column}; keep one of them");
    if one == other { one.clone() } else { Err(Explanation::new(reason, twice())) }
}

fn subnet(cidr: Option<&[u8]>) -> Result<Option<IpNet>, Explanation> {
    text(cidr, "cidr of the subnet", MAX_CIDR_BYTES, Reason::InvalidAddress)?.map(network).transpose()
}

fn gateway(value: Option<&[u8]>) -> Result<Option<NextHop>, Explanation> {
    let reason = Reason::InvalidGateway;
    let fault = |error| Explanation::new(reason, format!("gateway_ip of the subnet: {error}"));
    let text = text(value, "gateway_ip of the subnet", MAX_GATEWAY_BYTES, reason)?;
    text.map(|text| text.parse().map_err(fault)).transpose()
}

fn routes(value: Option<&[u8]>) -> Result<Vec<Route>, Explanation> {
    let reason = Reason::InvalidHostRoutes;
    let fault = |why: String| Explanation::new(reason, format!("host_routes of the subnet: {why}"));
    let Some(text) = text(value, "host_routes of the subnet", MAX_HOST_ROUTES_BYTES, reason)? else {
        return Ok(Vec::new());
    };
    let read: Option<Vec<HostRoute>> =
        serde_json::from_str(text).map_err(|error| fault(error.to_string()))?;
    let mut routes = Vec::new();
    for HostRoute { destination, nexthop } in read.unwrap_or_default() {
        if destination.net().addr().is_ipv4() != nexthop.ip().is_ipv4() {
            return Err(fault(format!(
                "{destination} and {nexthop} are not of the same family; correct one"
            )));
        }
        routes.push(Route::by(destination, nexthop));
    }
    routes.sort_unstable();
    routes.dedup();
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(gateway_ip: &str, host_routes: &str) -> Columns {
        let (gateway_ip, host_routes) = (Some(gateway_ip.as_bytes()), Some(host_routes.as_bytes()));
        Columns::read(RawColumns { gateway_ip, host_routes, ..RawColumns::default() })
    }

    fn host_routes(text: &str) -> Result<Vec<String>, String> {
        let routes = read("", text).host_routes;
        let say = |route: Route| format!("{} by {}", route.destination, route.via.unwrap());
        routes.map(|routes| routes.into_iter().map(say).collect()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn routes_are_read_as_neutron_writes_them_in_whatever_order() {
        let one = r#"{"destination": "10.30.0.0/16", "nexthop": "10.20.0.1"}"#;
        let other = r#"{"nexthop":"10.20.0.9","destination":"10.4.0.0/16"}"#;
        let both = ["10.4.0.0/16 by 10.20.0.9", "10.30.0.0/16 by 10.20.0.1"].map(str::to_owned).to_vec();
        assert_eq!(host_routes(&format!("[{one}, {other}]")), Ok(both.clone()));
        assert_eq!(host_routes(&format!(" [{other}, {one}, {one}]\n")), Ok(both));
        let everywhere = r#"[{"destination": "0.0.0.0/0", "nexthop": "10.20.0.1"}]"#;
        assert_eq!(host_routes(everywhere), Ok(vec!["0.0.0.0/0 by 10.20.0.1".to_owned()]));
        for none in ["", " ", "[]", "null"] {
            assert_eq!(host_routes(none), Ok(Vec::new()), "{none:?}");
        }
        assert_eq!(Columns::read(RawColumns::default()), Columns::default());
    }

    #[test]
    fn routes_that_cannot_be_read_are_a_fault_that_says_where() {
        for (text, complaint) in [
            ("[", "host_routes of the subnet: EOF while parsing"),
            ("{}", "invalid type: map"),
            (r#"[{"destination": "10.30.0.0/16"}]"#, "missing field `nexthop`"),
            (
                r#"[{"destination": "10.30.0.1/16", "nexthop": "10.20.0.1"}]"#,
                "\"10.30.0.1/16\" is not a network",
            ),
            (
                r#"[{"destination": "10.30.0.0/16", "nexthop": "router"}]"#,
                "\"router\" is not the address of a router",
            ),
            (r#"[{"destination": "10.30.0.0/16", "nexthop": "fe80::1"}]"#, "not of the same family"),
            (
                r#"[{"destination": "10.30.0.0/16", "nexthop": "10.20.0.1", "metric": 5}]"#,
                "unknown field `metric`",
            ),
        ] {
            let fault = host_routes(text).unwrap_err();
            assert!(fault.contains(complaint), "{text}: {fault}");
        }
        let long = format!("[{}]", " ".repeat(MAX_HOST_ROUTES_BYTES));
        assert!(host_routes(&long).unwrap_err().contains("write at most"));
    }

    #[test]
    fn a_gateway_may_be_missing_and_is_otherwise_an_address() {
        let gateway =
            |text| Columns::read(RawColumns { gateway_ip: Some(text), ..RawColumns::default() }).gateway_ip;
        assert_eq!(gateway(b" 10.20.0.1 "), Ok("10.20.0.1".parse().ok()));
        assert_eq!(gateway(b"FE80::1"), Ok("fe80::1".parse().ok()));
        assert_eq!(gateway(b""), Ok(None));
        for text in [&b"10.20.0.1/24"[..], b"none", b"\xff", b"0.0.0.0"] {
            assert_eq!(gateway(text).unwrap_err().reason, Reason::InvalidGateway, "{text:?}");
        }
    }

    #[test]
    fn what_two_rows_of_a_subnet_say_differently_is_not_guessed_and_the_rest_is_read() {
        let routes = r#"[{"destination": "10.30.0.0/16", "nexthop": "10.20.0.1"}]"#;
        let (one, other) = (read("10.20.0.1", ""), read("10.20.0.1", routes));
        assert_eq!(one.merged(&one), one);
        let both = one.merged(&other);
        assert_eq!(both.gateway_ip, one.gateway_ip);
        let fault = both.host_routes.unwrap_err();
        assert!(fault.message.contains("twice, with different host_routes"), "{fault}");
    }

    #[test]
    fn where_addresses_come_from_is_not_guessed_either_where_two_rows_differ_in_it() {
        let with = |cidr: &'static str, enable_dhcp: &'static str| {
            let (cidr, enable_dhcp) = (Some(cidr.as_bytes()), Some(enable_dhcp.as_bytes()));
            Columns::read(RawColumns { cidr, enable_dhcp, ..RawColumns::default() })
        };
        let one = with("10.20.0.0/24", "1");
        assert_eq!(one.addressing, Ok(Some(Addressing::Dhcp4)));
        for other in ["0", "", "banana"] {
            let fault = one.merged(&with("10.20.0.0/24", other)).addressing.unwrap_err();
            assert_eq!(fault.reason, Reason::InvalidAddressing);
            assert!(fault.message.contains("with different enable_dhcp or ipv6_ra_mode"), "{fault}");
        }
        // Both say the same, of whichever network it is.
        let both = one.merged(&with("10.20.1.0/24", "true"));
        assert_eq!(both.addressing, one.addressing);
        assert_eq!(both.subnet.unwrap_err().reason, Reason::InvalidAddress);
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(
            bytes in proptest::array::uniform4(
                proptest::option::of(proptest::collection::vec(any::<u8>(), 0..120))
            ),
            routes in proptest::option::of("[\\[\\]{}\":, a-z0-9./]{0,80}")
        ) {
            let [cidr, gateway_ip, enable_dhcp, ipv6_ra_mode] = bytes.each_ref().map(Option::as_deref);
            let host_routes = routes.as_deref().map(str::as_bytes);
            let raw = RawColumns { cidr, gateway_ip, host_routes, enable_dhcp, ipv6_ra_mode };
            let Columns { subnet, gateway_ip, host_routes, addressing } = Columns::read(raw);
            let faults = [subnet.err(), gateway_ip.err(), host_routes.err(), addressing.err()];
            for fault in faults.into_iter().flatten() {
                prop_assert!(fault.message.len() < 1024, "{}", fault);
            }
        }
    }
}
