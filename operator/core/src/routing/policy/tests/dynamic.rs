//! NICs whose rows have no address: who says where they come from, and what is reached over them.

use super::*;
use crate::fixtures::object;

const IPV4: &str = "10.20.0.0/24";
const IPV6: &str = "2001:db8:20::/64";

/// What the subnet says: its network, whether there is DHCP, and the mode of its router.
fn columns(cidr: &str, enable_dhcp: &str, ipv6_ra_mode: &str) -> Columns {
    Columns::read(RawColumns {
        cidr: Some(cidr.as_bytes()),
        enable_dhcp: Some(enable_dhcp.as_bytes()),
        ipv6_ra_mode: Some(ipv6_ra_mode.as_bytes()),
        ..RawColumns::default()
    })
}

/// The same, with a gateway and routes.
fn with_ways(columns: Columns, gateway_ip: &str, said: &[(&str, &str)]) -> Columns {
    let host_routes = routes(said);
    let (gateway_ip, host_routes) = (Some(gateway_ip.as_bytes()), Some(host_routes.as_bytes()));
    let Columns { gateway_ip, host_routes, .. } =
        Columns::read(RawColumns { gateway_ip, host_routes, ..RawColumns::default() });
    Columns { gateway_ip, host_routes, ..columns }
}

/// What a NIC without an address gets, where nobody says anything of its Node or object.
fn get(columns: &Columns, networking: &str) -> Result<(Routing, Vec<String>), Explanation> {
    decide(None, columns, networking, &Value::Null, &Index::default())
}

fn addressing(columns: &Columns, networking: &str, annotation: Option<&str>) -> Option<Addressing> {
    let annotations = json!(annotation.map(|said| json!({ ADDRESSING_ANNOTATION: said })));
    let (routing, without) = decide(None, columns, networking, &annotations, &Index::default()).unwrap();
    assert_eq!(without, [""; 0]);
    routing.addressing
}

#[test]
fn the_table_says_it_before_the_subnets_section_that_before_the_one_for_all_and_all_before_the_node() {
    let all = r#"{"addressing": "dhcp4"}"#;
    let both = r#"{"addressing": "none", "subnets": {"net-1": {"addressing": "dhcp4"}}}"#;
    let of_another = r#"{"subnets": {"net-2": {"addressing": "dhcp4"}}}"#;
    for (enable_dhcp, networking, annotation, expected) in [
        ("", "", None, None),
        ("", of_another, None, None),
        ("", "", Some("dhcp4"), Some(Addressing::Dhcp4)),
        ("", "", Some(" NONE "), Some(Addressing::None)),
        ("", all, Some("none"), Some(Addressing::Dhcp4)),
        ("", both, Some("slaac"), Some(Addressing::Dhcp4)),
        ("0", both, Some("dhcp4"), Some(Addressing::None)),
        ("1", r#"{"addressing": "none"}"#, Some("none"), Some(Addressing::Dhcp4)),
    ] {
        let found = addressing(&columns(IPV4, enable_dhcp, ""), networking, annotation);
        assert_eq!(found, expected, "{enable_dhcp} {networking} {annotation:?}");
    }
    // Of IPv6 without a mode, enable_dhcp says too little.
    assert_eq!(
        addressing(&columns(IPV6, "1", ""), r#"{"addressing": "slaac"}"#, None),
        Some(Addressing::Slaac)
    );
}

#[test]
fn an_address_in_the_row_wins_whatever_else_is_said_and_cannot_be_read() {
    for columns in [columns(IPV4, "1", ""), columns(IPV4, "banana", "")] {
        let annotations = json!({ ADDRESSING_ANNOTATION: "banana" });
        let decided = decide(
            Some("10.20.0.5/24"),
            &columns,
            r#"{"addressing": "slaac"}"#,
            &annotations,
            &Index::default(),
        );
        assert_eq!(decided, Ok((Routing::default(), vec![])));
    }
}

#[test]
fn how_far_a_nic_is_proven_is_said_with_and_without_addresses() {
    let networking = r#"{"verify": "wire"}"#;
    let wire = Routing { verify: Verify::Wire, ..Routing::default() };
    for address in [None, Some("10.20.0.5/24")] {
        let decided = decide(address, &Columns::default(), networking, &Value::Null, &Index::default());
        assert_eq!(decided, Ok((wire.clone(), vec![])));
    }
}

#[test]
fn a_subnet_that_cannot_be_read_is_a_fault_of_the_row_also_where_the_settings_say_something() {
    let dhcp4 = r#"{"addressing": "dhcp4"}"#;
    for (columns, networking, expected) in [
        (columns(IPV6, "1", "banana"), dhcp4, Reason::InvalidAddressing),
        (columns(IPV4, "perhaps", ""), "", Reason::InvalidAddressing),
        (columns("10.20.0.0", "", ""), dhcp4, Reason::InvalidAddress),
        (columns(IPV4, "", "").merged(&columns("10.20.1.0/24", "", "")), dhcp4, Reason::InvalidAddress),
    ] {
        assert_eq!(get(&columns, networking).unwrap_err().reason, expected);
    }
    // Of a link that is only brought up, nobody asks for the subnet.
    for networking in ["", r#"{"addressing": "none"}"#] {
        assert!(get(&columns("10.20.0.0", "", ""), networking).is_ok());
    }
}

#[test]
fn addresses_of_another_family_than_the_subnets_are_left_out_and_said() {
    let (routing, without) = get(&columns(IPV6, "", ""), r#"{"addressing": "dhcp4"}"#).unwrap();
    assert_eq!(routing, Routing::default());
    let said = "addresses by dhcp4 in subnet net-1, since 2001:db8:20::/64 is of another family";
    assert_eq!(without, [said]);
}

#[test]
fn an_annotation_that_cannot_be_read_leaves_a_nic_what_it_has_and_is_said() {
    let mut before = object("a", 1, &[(1, 0)], Value::Null);
    let decided = |objects: &Index<Object>| {
        let annotations = json!({ ADDRESSING_ANNOTATION: "static" });
        decide(None, &columns(IPV4, "", ""), "", &annotations, objects).unwrap()
    };
    let mut objects = Index::default();
    objects.record(before.clone());
    let (routing, without) = decided(&objects);
    assert_eq!(routing.addressing, None);
    let said = "what the annotation multinic.io/addressing of Node a says, since \"static\" is none of dhcp4, dhcp6, \
        slaac and none";
    assert_eq!(without, [said]);

    let multinic_crds::Guarded::Valid(entry) = &mut before.spec.interfaces[0] else { panic!("{before:?}") };
    entry.addressing = Some(Addressing::Dhcp4);
    objects.record(before);
    assert_eq!(decided(&objects).0.addressing, Some(Addressing::Dhcp4));
}

#[test]
fn the_routes_are_those_of_the_family_and_by_way_of_the_subnet_as_far_as_it_is_known() {
    let said = [("10.30.0.0/16", "10.20.0.1"), ("10.40.0.0/16", "10.99.0.1"), ("2001:db8::/48", "fe80::1")];
    let ways = |columns: Columns, networking: &str| {
        let (routing, without) = get(&with_ways(columns, "", &said), networking).unwrap();
        let routes: Vec<_> = routing.routes.iter().map(|route| route.destination.to_string()).collect();
        (routes, without)
    };
    let (had, without) = ways(columns(IPV4, "1", ""), "");
    assert_eq!(had, ["10.30.0.0/16"]);
    let left = "the route to 10.40.0.0/16 by 10.99.0.1 of subnet net-1: 10.99.0.1 is not in 10.20.0.0/24, so that nothing \
        reaches it";
    assert_eq!(without, [left]);
    for (mode, networking) in [("slaac", ""), ("dhcpv6-stateful", ""), ("", r#"{"addressing": "slaac"}"#)] {
        let expected = (vec!["2001:db8::/48".to_owned()], vec![]);
        assert_eq!(ways(columns(IPV6, "", mode), networking), expected, "{mode}");
    }
    // Of a subnet that is not in the table.
    let both = ["10.30.0.0/16", "10.40.0.0/16"].map(str::to_owned).to_vec();
    assert_eq!(ways(Columns::default(), r#"{"addressing": "dhcp4"}"#), (both, vec![]));
    // Without addresses there is no way over a NIC.
    assert_eq!(ways(columns(IPV4, "0", ""), ""), (vec![], vec![]));
}

#[test]
fn replies_leave_by_the_gateway_that_somebody_says_and_with_dhcp4_else_by_the_one_that_the_network_tells() {
    let replies = |columns: Columns, gateway_ip: &str, networking: &str| {
        let networking = format!(r#"{{"sourceRouting": true{networking}}}"#);
        let decided = get(&with_ways(columns, gateway_ip, &[]), &networking);
        decided.map(|(routing, without)| (routing.replies, without.len())).map_err(|fault| fault.reason)
    };
    let by = |gateway: &str| Ok((Replies::By(gateway.parse().unwrap()), 0));
    let (dhcp4, slaac, dhcp6) =
        (columns(IPV4, "1", ""), columns(IPV6, "", "slaac"), columns(IPV6, "", "dhcpv6-stateful"));
    assert_eq!(replies(dhcp4.clone(), "10.20.0.1", ""), by("10.20.0.1"));
    assert_eq!(replies(dhcp4.clone(), "", ""), Ok((Replies::ByLearned, 0)));
    assert_eq!(replies(dhcp4, "10.99.0.1", ""), Err(Reason::InvalidGateway));
    for addressing in [slaac, dhcp6] {
        assert_eq!(replies(addressing.clone(), "fe80::1", ""), by("fe80::1"));
        assert_eq!(replies(addressing.clone(), "", ""), Ok((Replies::NoGateway, 1)));
        assert_eq!(replies(addressing, "10.20.0.1", ""), Err(Reason::InvalidGateway));
    }
    assert_eq!(replies(columns(IPV4, "0", ""), "10.20.0.1", ""), Ok((Replies::AsTheRest, 0)));
    // Of a subnet that is not in the table, only the family is known.
    let unknown = |gateway| replies(Columns::default(), gateway, r#", "addressing": "dhcp4""#);
    assert_eq!(unknown("10.99.0.1"), by("10.99.0.1"));
    assert_eq!(unknown("fe80::1"), Err(Reason::InvalidGateway));
    assert_eq!(Replies::ByLearned.source_routing(None), Some(SourceRouting { gateways: vec![] }));
}
