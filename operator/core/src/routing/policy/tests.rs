use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{cluster::WatchedNode, fixtures::mac, routing::RawColumns};

mod dynamic;

const SUBNET: &str = "net-1";

/// What a NIC gets, and goes without, with these columns, settings and annotation.
fn decided(
    address: &str,
    (gateway_ip, host_routes): (&str, &str),
    networking: &str,
    annotation: Option<&str>,
) -> Result<(Routing, Vec<String>), Explanation> {
    let annotations = annotation.map(|said| json!({ SOURCE_ROUTING_ANNOTATION: said }));
    let (gateway_ip, host_routes) = (Some(gateway_ip.as_bytes()), Some(host_routes.as_bytes()));
    let columns = Columns::read(RawColumns { gateway_ip, host_routes, ..RawColumns::default() });
    decide(Some(address), &columns, networking, &json!(annotations), &Index::default())
}

/// The same of the NIC of a Node with these annotations, of which the objects say something already.
fn decide(
    address: Option<&str>,
    columns: &Columns,
    networking: &str,
    annotations: &Value,
    objects: &Index<Object>,
) -> Result<(Routing, Vec<String>), Explanation> {
    let mut nodes = Index::default();
    let node = json!({ "metadata": { "name": "a", "uid": "uid-a", "annotations": annotations } });
    nodes.record(serde_json::from_value::<WatchedNode>(node).unwrap());
    let policy = Policy { networking: &networking.parse().unwrap(), nodes: &nodes, objects };
    let address = address.map(|address| address.parse().unwrap());
    policy.decide(&"a".into(), Said { mac: mac(1), subnet_id: SUBNET, address, columns })
}

fn routes(routes: &[(&str, &str)]) -> String {
    let one =
        |(destination, nexthop): &(&str, &str)| json!({ "destination": destination, "nexthop": nexthop });
    json!(routes.iter().map(one).collect::<Vec<_>>()).to_string()
}

/// The routes of a NIC in 10.20.0.0/24, and what it goes without.
fn with_routes(said: &[(&str, &str)], networking: &str) -> (Vec<String>, Vec<String>) {
    let (routing, without) = decided("10.20.0.5/24", ("", &routes(said)), networking, None).unwrap();
    (routing.routes.iter().map(|route| format!("{}{}", route.destination, by(route))).collect(), without)
}

#[test]
fn where_nobody_says_anything_a_nic_gets_nothing_and_goes_without_nothing() {
    for columns in [("", ""), ("10.20.0.1", ""), ("nonsense", "[]")] {
        assert_eq!(
            decided("10.20.0.5/24", columns, "", None),
            Ok((Routing::default(), vec![])),
            "{columns:?}"
        );
    }
}

#[test]
fn the_tables_routes_are_had_by_every_nic_of_their_family_unless_they_are_switched_off() {
    let said = [("10.30.0.0/16", "10.20.0.1"), ("2001:db8:30::/48", "2001:db8:20::1")];
    assert_eq!(with_routes(&said, ""), (vec!["10.30.0.0/16 by 10.20.0.1".to_owned()], vec![]));
    for off in [r#"{"hostRoutes": false}"#, r#"{"subnets": {"net-1": {"hostRoutes": false}}}"#] {
        assert_eq!(with_routes(&said, off), (vec![], vec![]));
        // Nor is what nobody uses a fault.
        assert_eq!(decided("10.20.0.5/24", ("", "nonsense"), off, None), Ok((Routing::default(), vec![])));
    }
    let ipv6 = decided("2001:db8:20::5/64", ("", &routes(&said)), "", None).unwrap().0.routes;
    assert_eq!(ipv6, [Route::by("2001:db8:30::/48".parse().unwrap(), "2001:db8:20::1".parse().unwrap())]);
}

#[test]
fn the_settings_routes_count_where_the_table_has_none() {
    let settings = r#"{"subnets": {"net-1": {"routes": [
        {"destination": "10.40.0.0/16", "via": "10.20.0.9", "metric": 5}, {"destination": "0.0.0.0/0", "via": "10.20.0.9",
        "table": 100}, {"destination": "10.50.0.0/16", "via": "10.99.0.1", "onLink": true}]}}}"#;
    let all = ["10.40.0.0/16 by 10.20.0.9", "0.0.0.0/0 by 10.20.0.9", "10.50.0.0/16 by 10.99.0.1"]
        .map(str::to_owned);
    assert_eq!(with_routes(&[], settings), (all.to_vec(), vec![]));
    let of_table = [("10.30.0.0/16", "10.20.0.1")];
    assert_eq!(with_routes(&of_table, settings), (vec!["10.30.0.0/16 by 10.20.0.1".to_owned()], vec![]));
}

#[test]
fn a_route_that_a_nic_cannot_have_is_left_out_and_said_and_the_others_are_had() {
    for (destination, nexthop, why) in [
        ("0.0.0.0/0", "10.20.0.1", "the node's own default route leads over its uplink"),
        ("10.20.0.0/24", "10.20.0.1", "it is the subnet of the NIC itself"),
        ("10.40.0.0/16", "10.99.0.1", "10.99.0.1 is not in 10.20.0.0/24, so that nothing reaches it"),
        ("10.30.0.0/16", "10.20.0.9", "another one leads there by 10.20.0.1"),
    ] {
        let (had, without) = with_routes(&[("10.30.0.0/16", "10.20.0.1"), (destination, nexthop)], "");
        assert_eq!(had, ["10.30.0.0/16 by 10.20.0.1"], "{destination}");
        assert_eq!(without, [format!("the route to {destination} by {nexthop} of subnet net-1: {why}")]);
    }
}

#[test]
fn the_router_itself_has_no_route_by_way_of_itself_and_no_gateway() {
    let said = routes(&[("10.30.0.0/16", "10.20.0.1"), ("10.40.0.0/16", "10.20.0.2")]);
    let router = decided("10.20.0.1/24", ("10.20.0.1", &said), r#"{"sourceRouting": true}"#, None);
    let route = Route::by("10.40.0.0/16".parse().unwrap(), "10.20.0.2".parse().unwrap());
    assert_eq!(router, Ok((Routing { routes: vec![route], ..Routing::default() }, vec![])));
}

#[test]
fn more_routes_than_a_nic_can_have_are_a_fault() {
    let nets: Vec<_> = (0..=MAX_ROUTES).map(|number| format!("10.30.{number}.0/24")).collect();
    let all: Vec<_> = nets.iter().map(|net| (net.as_str(), "10.20.0.1")).collect();
    let fault = decided("10.20.0.5/24", ("", &routes(&all)), "", None).unwrap_err();
    assert_eq!(fault.reason, Reason::InvalidHostRoutes);
    assert!(fault.message.contains("33 routes are more than the 32"), "{fault}");
    assert_eq!(with_routes(&all[1..], "").0.len(), MAX_ROUTES);
}

fn replies(
    address: &str,
    gateway_ip: &str,
    networking: &str,
    annotation: Option<&str>,
) -> Result<Replies, Reason> {
    let decided = decided(address, (gateway_ip, ""), networking, annotation);
    decided.map(|(routing, _)| routing.replies).map_err(|fault| fault.reason)
}

#[test]
fn a_subnets_section_goes_before_the_one_for_all_and_both_before_the_node() {
    let by = Ok(Replies::By("10.20.0.1".parse().unwrap()));
    let off = Ok(Replies::AsTheRest);
    for (networking, annotation, expected) in [
        ("", None, off),
        ("", Some("true"), by),
        ("", Some(" True "), by),
        ("", Some("false"), off),
        (r#"{"sourceRouting": true}"#, None, by),
        (r#"{"sourceRouting": true}"#, Some("false"), by),
        (r#"{"sourceRouting": false}"#, Some("true"), off),
        (r#"{"sourceRouting": true, "subnets": {"net-1": {"sourceRouting": false}}}"#, Some("true"), off),
        (r#"{"sourceRouting": false, "subnets": {"net-1": {"sourceRouting": true}}}"#, None, by),
        (r#"{"subnets": {"other": {"sourceRouting": true}}}"#, None, off),
    ] {
        assert_eq!(
            replies("10.20.0.5/24", "10.20.0.1", networking, annotation),
            expected,
            "{networking} {annotation:?}"
        );
    }
}

#[test]
fn the_tables_gateway_goes_before_the_one_of_the_settings() {
    let settings = r#"{"sourceRouting": true, "subnets": {"net-1": {"gateway": "10.20.0.9"}}}"#;
    let by = |gateway: &str| Ok(Replies::By(gateway.parse().unwrap()));
    assert_eq!(replies("10.20.0.5/24", "10.20.0.1", settings, None), by("10.20.0.1"));
    assert_eq!(replies("10.20.0.5/24", "", settings, None), by("10.20.0.9"));
    let on = r#"{"sourceRouting": true}"#;
    assert_eq!(replies("2001:db8::5/64", "fe80::1", on, None), by("fe80::1"));
}

#[test]
fn a_gateway_that_is_needed_and_cannot_be_one_is_a_fault_and_otherwise_nobody_asks_for_it() {
    let on = r#"{"sourceRouting": true}"#;
    for (address, gateway) in [
        ("10.20.0.5/24", "10.20.1.1"),
        ("10.20.0.5/24", "router"),
        ("10.20.0.5/24", "2001:db8::1"),
        ("10.20.0.5/24", "fe80::1"),
        ("2001:db8::5/64", "2001:db8:1::1"),
    ] {
        assert_eq!(replies(address, gateway, on, None), Err(Reason::InvalidGateway), "{gateway}");
        assert_eq!(replies(address, gateway, "", None), Ok(Replies::AsTheRest), "{gateway}");
    }
}

#[test]
fn source_routing_without_a_gateway_is_not_given_and_said() {
    let (routing, without) = decided("10.20.0.5/24", ("", ""), "", Some("true")).unwrap();
    assert_eq!(routing.replies, Replies::NoGateway);
    assert!(
        without.len() == 1 && without[0].starts_with("source routing of subnet net-1, since"),
        "{without:?}"
    );
}

#[test]
fn an_annotation_that_cannot_be_read_changes_nothing_and_is_said_unless_nobody_asks_for_it() {
    let (routing, without) = decided("10.20.0.5/24", ("10.20.0.1", ""), "", Some("maybe")).unwrap();
    assert_eq!(routing.replies, Replies::Unclear);
    assert!(without[0].contains("\"maybe\" is neither"), "{without:?}");
    let now = SourceRouting { gateways: vec!["10.20.0.1".parse().unwrap()] };
    assert_eq!(Replies::Unclear.source_routing(Some(&now)), Some(now));
    assert_eq!(Replies::Unclear.source_routing(None), None);
    let off = decided("10.20.0.5/24", ("10.20.0.1", ""), r#"{"sourceRouting": false}"#, Some("maybe"));
    assert_eq!(off, Ok((Routing::default(), vec![])));
}

fn any_route() -> impl Strategy<Value = (&'static str, &'static str)> {
    const DESTINATIONS: [&str; 5] =
        ["0.0.0.0/0", "10.20.0.0/24", "10.30.0.0/16", "10.20.0.128/25", "10.0.0.0/8"];
    const NEXTHOPS: [&str; 4] = ["10.20.0.1", "10.20.0.5", "10.20.0.9", "10.99.0.1"];
    (prop::sample::select(&DESTINATIONS[..]), prop::sample::select(&NEXTHOPS[..]))
}

proptest! {
    #[test]
    fn whatever_the_table_says_a_nic_gets_what_the_api_server_takes_in_whatever_order_it_is_said(
        said in prop::collection::vec(any_route(), 0..12)
    ) {
        let decided = |said: &[(&str, &str)]| decided("10.20.0.5/24", ("", &routes(said)), "", None).unwrap();
        let (routing, without) = decided(&said);
        let mut destinations: Vec<_> = routing.routes.iter().map(|route| route.destination).collect();
        prop_assert!(routing.routes.iter().all(|route| route.contradiction().is_none()));
        destinations.dedup();
        prop_assert_eq!(destinations.len(), routing.routes.len());
        let backwards: Vec<_> = said.iter().rev().copied().collect();
        prop_assert_eq!(decided(&backwards), (routing, without));
    }
}
