//! What the chart makes of values about routes and addresses.

use multinic_operator_core::routing::Networking;
use serde_json::{Value, json};

use super::{
    NEWEST, REQUIRED,
    rendered::{Rendered, refusal, variable},
};

/// What people write of routes and addresses, with the values that helm takes for something else elsewhere.
const ROUTES: &str = r#"
networking:
  hostRoutes: false
  subnets:
    6f1c0ab2-0000-4000-8000-000000000001:
      sourceRouting: true
      addressing: dhcp4
      verify: wire
      gateway: 10.20.0.1
      routes:
        - {destination: 10.30.0.0/16, via: 10.20.0.9, metric: 4294967295, table: 1000000}
        - {destination: "2001:db8:30::/48", via: "fe80::1", onLink: true}
    6f1c0ab2-0000-4000-8000-000000000002: null
"#;

#[test]
fn the_operator_is_told_of_routes_and_addresses_what_people_write_and_takes_it() {
    let told = |arguments: &[&str], sets: &[&str]| {
        let rendered = Rendered::with(NEWEST, arguments, &[&REQUIRED, sets].concat()).unwrap();
        let operator = rendered.container("Deployment", "multinic-operator");
        let json = variable(operator, "NETWORKING")["value"].as_str().unwrap().to_owned();
        json.parse::<Networking>().unwrap();
        serde_json::from_str::<Value>(&json).unwrap()
    };
    let nothing = json!({ "hostRoutes": true, "verify": "kernel", "subnets": {} });
    assert_eq!(told(&[], &[]), nothing);
    let all = told(&[], &["networking.sourceRouting=true", "networking.addressing=none"]);
    let mut expected = nothing;
    expected["sourceRouting"] = json!(true);
    expected["addressing"] = json!("none");
    assert_eq!(all, expected);

    let values = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(values.path(), ROUTES).unwrap();
    let mut some = told(&["--values", values.path().to_str().unwrap()], &[]);
    let subnet = some["subnets"]["6f1c0ab2-0000-4000-8000-000000000001"].take();
    assert_eq!((&some["hostRoutes"], &some["sourceRouting"]), (&json!(false), &Value::Null));
    let routes = json!([
        { "destination": "10.30.0.0/16", "via": "10.20.0.9", "metric": 4_294_967_295_u32, "table": 1_000_000 },
        { "destination": "2001:db8:30::/48", "via": "fe80::1", "onLink": true },
    ]);
    let own = json!({
        "sourceRouting": true, "addressing": "dhcp4", "verify": "wire", "gateway": "10.20.0.1", "routes": routes,
    });
    assert_eq!(subnet, own);
}

#[test]
fn what_cannot_be_a_route_or_a_source_of_addresses_is_refused_by_its_name() {
    for (set, named) in [
        ("networking.sourceRouting=maybe", "/networking/sourceRouting"),
        ("networking.hostRoutes=7", "/networking/hostRoutes"),
        // An address that somebody knows is in the table.
        ("networking.addressing=static", "/networking/addressing"),
        ("networking.subnets.net-1.addressing=dhcp", "/networking/subnets/net-1/addressing"),
        ("networking.verify=cable", "/networking/verify"),
        ("networking.subnets.net-1.gw=10.20.0.1", "'gw'"),
        ("networking.subnets.net-1.gateway=router", "/networking/subnets/net-1/gateway"),
        ("networking.subnets.net-1.routes[0].via=10.20.0.1", "'destination'"),
        (
            "networking.subnets.net-1.routes[0].destination=10.30.0.0",
            "/networking/subnets/net-1/routes/0/destination",
        ),
        (
            "networking.subnets.net-1.routes[0].destination=10.30.0.0/16,networking.subnets.net-1.routes[0].table=5319",
            "/networking/subnets/net-1/routes/0/table",
        ),
    ] {
        let complaint = refusal(&[set]);
        assert!(complaint.contains(named), "{set}: {complaint}");
    }
}
