//! What the node itself lives by, and what only looks like it.

use super::*;
use crate::observed::route::{MAIN, Route, Rule};

/// The table that an administrator made for replies over a NIC.
const REPLIES: u32 = 101;

fn rule(from: Option<&str>) -> Rule {
    let from = from.map(|text| text.parse().unwrap());
    Rule {
        ipv6: false,
        priority: 100,
        table: Some(REPLIES),
        from,
        incoming: None,
        outgoing: None,
        inverted: false,
        suppressed_prefix: None,
        is_narrowed: false,
        is_to_one: false,
        is_marked: false,
    }
}

fn refusal_of(scene: &Scene, of: &str) -> (Reason, String) {
    match scene.verdict(of) {
        Verdict::Refuse(refusal) | Verdict::Keep(refusal) => (refusal.reason, refusal.message.to_string()),
        verdict => panic!("{of} is not refused: {verdict:?}"),
    }
}

/// `A` is configured, and a default route in a table of its own leads replies back over it.
fn with_replies(rules: Vec<Rule>) -> Scene {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    let kernel = &mut scene.node.kernel;
    kernel.default_routes.push(Route { table: REPLIES, ..default_route(3, "10.1.0.1") });
    kernel.gateways.insert("10.1.0.1".parse().unwrap());
    kernel.gateway_routes.insert("10.1.0.1".parse().unwrap(), connected(3, "10.1.0.0/24"));
    kernel.routed.insert(3);
    kernel.rules = rules;
    scene
}

#[test]
fn a_nic_of_ours_with_a_default_route_in_a_table_of_its_own_changes_and_goes() {
    let over = |incoming: bool| {
        let name = Some("multinic0".to_owned());
        let (incoming, outgoing) = if incoming { (name, None) } else { (None, name) };
        Rule { incoming, outgoing, ..rule(None) }
    };
    for rules in
        [vec![rule(Some("10.1.0.5/32"))], vec![rule(Some("10.1.0.0/24")), over(true), over(false)], vec![]]
    {
        let mut scene = with_replies(rules);
        assert_eq!(scene.verdict(A), Verdict::Right);
        let mut bigger = nic(A, "multinic0", &["10.1.0.6/24"]);
        bigger.mtu = Some(8900.try_into().unwrap());
        scene.want(&[bigger]);
        assert_eq!(scene.verdict(A), Verdict::Change);
        scene.converge();
        assert_eq!(
            (scene.link(A).mtu, scene.link(A).addresses.as_slice()),
            (8900, &[address("10.1.0.6/24")][..])
        );

        // Going down costs the NIC its routes, which is no harm to the node.
        scene.want(&[]);
        let plan = scene.plan();
        assert_eq!(plan.decisions[&mac(A)].verdict, Verdict::Remove);
        assert_eq!(scene.carry_out(&plan), BTreeMap::new());
        assert_eq!((scene.link(A).name.as_str(), scene.link(A).up), ("eth1", false));
    }
}

#[test]
fn a_default_route_that_the_node_itself_may_take_protects_a_nic_of_ours() {
    let inverted = Rule { inverted: true, ..rule(Some("10.1.0.5/32")) };
    for rules in [vec![rule(None)], vec![inverted], vec![rule(Some("192.0.2.0/24"))]] {
        let mut scene = with_replies(rules.clone());
        scene.want(&[nic(A, "multinic0", &["10.1.0.6/24"])]);
        let (reason, message) = refusal_of(&scene, A);
        assert_eq!(reason, Reason::ProtectedInterface, "{rules:?}");
        assert!(message.contains("in table 101"), "{message}");
    }
    let mut scene = with_replies(vec![rule(Some("10.1.0.5/32"))]);
    scene.node.kernel.default_routes.push(default_route(3, "10.1.0.1"));
    scene.want(&[]);
    assert_eq!(refusal_of(&scene, A).0, Reason::ProtectedInterface, "by the main table");
    scene.node.kernel.default_routes.pop();
    scene.node.kernel.vrf_tables = BTreeMap::from([(9, REPLIES)]);
    assert_eq!(refusal_of(&scene, A).0, Reason::ProtectedInterface, "by the table of a VRF");
    // Rules of one family lead nowhere in the other.
    scene.node.kernel.vrf_tables.clear();
    scene.node.kernel.rules.push(Rule { ipv6: true, ..rule(None) });
    assert_eq!(scene.verdict(A), Verdict::Remove);
}

#[test]
fn any_default_route_protects_a_link_that_is_not_ours() {
    let mut scene = Scene::new(&[nic(UPLINK, "multinic0", &[])]);
    let kernel = &mut scene.node.kernel;
    kernel.default_routes = vec![Route { table: REPLIES, ..default_route(2, "192.0.2.1") }];
    kernel.rules = vec![rule(Some("192.0.2.10/32"))];
    kernel.api_server_routes.clear();
    scene.node_ips.clear();
    let (reason, message) = refusal_of(&scene, UPLINK);
    assert_eq!(reason, Reason::ProtectedInterface);
    assert!(message.ends_with("remove its row"), "{message}");
}

#[test]
fn what_becomes_the_nodes_way_out_after_the_plan_is_left_alone() {
    let mut scene = with_replies(vec![rule(Some("10.1.0.5/32"))]);
    scene.want(&[nic(A, "multinic0", &["10.1.0.6/24"])]);
    let plan = scene.plan();
    scene.node.kernel.rules = vec![rule(None)];
    let before = scene.node.clone();
    assert_eq!(scene.carry_out(&plan)[&mac(A)].reason(), Reason::ChangedMeanwhile);
    assert!(scene.is_untouched_since(&before));
}

#[test]
fn no_message_asks_to_remove_a_row_that_is_gone() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.want(&[]);
    let kept = |change: &dyn Fn(&mut Scene)| {
        let mut scene = scene.clone();
        change(&mut scene);
        let (_, message) = refusal_of(&scene, A);
        assert!(!message.contains("its row"), "{message}");
        message
    };
    kept(&|scene| scene.node.kernel.default_routes.push(default_route(3, "10.1.0.1")));
    kept(&|scene| {
        scene.node.kernel.links[1].addresses.push(address("198.51.100.9/24"));
        scene.node_ips.insert("198.51.100.9".parse().unwrap());
    });
    kept(&|scene| {
        let way = Route {
            gateways: BTreeSet::from(["10.1.0.1".parse().unwrap()]),
            ..connected(3, "198.51.100.0/24")
        };
        scene.node.kernel.api_server_routes.insert("198.51.100.1".parse().unwrap(), way);
    });
    kept(&|scene| {
        scene
            .node
            .kernel
            .links
            .push(Link { kind: LinkKind::Virtual("bond".to_owned()), ..link(9, "bond1", B) });
        scene.node.kernel.links[1].controller = Some(9);
    });
    let file = SourceFile {
        path: "/etc/netplan/90.yaml".to_owned(),
        text: "network: {ethernets: {multinic0: {dhcp4: true}}}".to_owned(),
    };
    kept(&|scene| scene.definitions = foreign::netplan(&file));
}

#[test]
fn whatever_shares_its_mac_address_with_an_uplink_is_refused_and_not_renumbered() {
    let made_of = |kind: &str, lower: Option<u32>| Link {
        kind: LinkKind::Virtual(kind.to_owned()),
        permanent_mac: None,
        lower,
        ..link(9, "upper", UPLINK)
    };
    for (upper, enslaved) in [
        (made_of("bond", None), true),
        (made_of("bridge", None), true),
        (made_of("vlan", Some(2)), false),
        // As with Open vSwitch, nothing tells that one is made of the other.
        (made_of("openvswitch", None), false),
    ] {
        let mut scene = Scene::new(&[nic(UPLINK, "multinic0", &[])]);
        let kernel = &mut scene.node.kernel;
        kernel.links[0].controller = enslaved.then_some(9);
        let mut upper = upper;
        upper.addresses = std::mem::take(&mut kernel.links[0].addresses);
        kernel.links.push(upper);
        kernel.default_routes = vec![default_route(9, "192.0.2.1")];
        kernel.api_server_routes.clear();
        let (reason, message) = refusal_of(&scene, UPLINK);
        assert_eq!(reason, Reason::ProtectedInterface, "{message}");
        assert!(message.contains("upper") && message.ends_with("remove its row"), "{message}");
        assert!(!message.contains("take it out") && !message.contains("remove upper"), "{message}");
    }
}

#[test]
fn a_port_of_the_uplinks_bond_with_a_mac_address_of_its_own_is_not_to_be_taken_out_of_it() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    let kernel = &mut scene.node.kernel;
    let bond =
        Link { kind: LinkKind::Virtual("bond".to_owned()), permanent_mac: None, ..link(9, "bond0", UPLINK) };
    kernel.links.push(bond);
    kernel.links[1].controller = Some(9);
    kernel.default_routes = vec![default_route(9, "192.0.2.1")];
    let (_, message) = refusal_of(&scene, A);
    assert_eq!(
        message,
        "eth1 is below bond0, by which the node lives, so it is never touched; remove its row"
    );
}

#[test]
fn of_a_failover_device_and_its_ports_the_device_is_the_nic() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.node.kernel.links.push(Link { controller: Some(3), ..link(9, "enP1s1", A) });
    scene.converge();
    assert_eq!(scene.node.kernel.link(3).unwrap().name, "multinic0");
    assert_eq!(scene.node.kernel.link(9).unwrap().name, "enP1s1");

    scene.node.kernel.links[4].controller = None;
    let (reason, message) = refusal_of(&scene, A);
    assert_eq!(reason, Reason::AmbiguousMac);
    assert!(!message.contains("different"), "{message}");
}

#[test]
fn a_subport_with_its_parents_mac_address_is_named_as_what_lies_on_it() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    let vlan = LinkKind::Virtual("vlan".to_owned());
    let vlan = Link { kind: vlan, lower: Some(3), permanent_mac: None, ..link(9, "eth1.100", A) };
    scene.node.kernel.links.push(vlan);
    let (reason, message) = refusal_of(&scene, A);
    assert_eq!(reason, Reason::ProtectedInterface);
    assert!(message.starts_with("eth1.100 is stacked on eth1"), "{message}");
}

#[test]
fn addresses_that_the_node_needs_itself_are_refused() {
    let scene = Scene::new(&[]);
    for (net, about) in [
        ("169.254.7.7/16", "link-local"),
        ("169.254.169.254/32", "link-local"),
        ("168.0.0.5/7", "metadata service"),
        ("192.0.2.1/32", "gateway"),
        ("203.0.113.10/32", "API server"),
        ("203.0.113.77/24", "API server"),
        ("200.0.0.5/6", "API server"),
    ] {
        let mut scene = scene.clone();
        scene.want(&[nic(A, "multinic0", &[net])]);
        let (reason, message) = refusal_of(&scene, A);
        assert_eq!(reason, Reason::ReservedAddress, "{net}: {message}");
        assert!(message.starts_with(net) && message.contains(about), "{message}");
    }
    // Host addresses, as some clouds give them, are in no subnet that could overlap.
    let mut scene = scene;
    scene.node.kernel.links[0].addresses = vec![address("192.0.2.10/32")];
    scene.want(&[nic(A, "multinic0", &["192.0.2.77/24"]), nic(B, "multinic1", &["10.2.0.5/24"])]);
    assert_eq!(refusal_of(&scene, A).0, Reason::ReservedAddress);
    assert_eq!(scene.verdict(B), Verdict::Change);
}

#[test]
fn a_prefix_that_a_longer_one_goes_before_takes_nothing_over() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["203.0.0.5/16"])]);
    let way = Route { destination: "203.0.113.0/24".parse().unwrap(), ..default_route(2, "192.0.2.1") };
    scene.node.kernel.api_server_routes.insert("203.0.113.10".parse().unwrap(), way);
    assert_eq!(scene.verdict(A), Verdict::Change);
    scene.converge();
}

#[test]
fn a_change_that_takes_over_the_way_to_the_api_server_or_a_gateway_is_taken_back() {
    for ip in ["10.96.0.1", "10.0.0.1"] {
        let mut scene = Scene::new(&[nic(A, "multinic0", &["10.0.0.5/8"])]);
        let plan = scene.plan();
        // As where it was not known yet when the plan was made.
        let way = default_route(2, "192.0.2.1");
        let ways = if ip == "10.96.0.1" {
            &mut scene.node.kernel.api_server_routes
        } else {
            &mut scene.node.kernel.gateway_routes
        };
        ways.insert(ip.parse().unwrap(), way);
        let before = scene.link(A).clone();
        let failures = scene.carry_out(&plan);
        let Failure::RolledBack(refusal) = &failures[&mac(A)] else { panic!("{failures:?}") };
        assert_eq!(refusal.reason, Reason::FenceChanged);
        assert!(refusal.message.contains(ip), "{}", refusal.message);
        assert_eq!(scene.link(A), &before);
    }
}

#[test]
fn a_nic_is_not_protected_by_a_route_that_only_its_own_address_made() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.0.0.5/8"])]);
    scene.converge();
    // The API server has become known, or has moved, later.
    scene.node.kernel.api_server_routes.insert("10.96.0.1".parse().unwrap(), connected(3, "10.0.0.0/8"));
    scene.want(&[nic(A, "multinic0", &["10.0.0.5/24"])]);
    assert_eq!(scene.verdict(A), Verdict::Change, "the corrected row is applied");
    scene.want(&[]);
    assert_eq!(scene.verdict(A), Verdict::Remove);
    // A route that somebody led over it is another matter.
    let led = Route { by_kernel: false, ..connected(3, "10.0.0.0/8") };
    scene.node.kernel.api_server_routes.insert("10.96.0.1".parse().unwrap(), led);
    assert_eq!(refusal_of(&scene, A).0, Reason::ProtectedInterface);
}

#[test]
fn an_address_of_ours_that_the_node_is_told_is_its_own_protects_nothing_and_is_told() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.node_ips = BTreeSet::from(["10.1.0.5".parse().unwrap()]);
    let told: Vec<_> =
        scene.plan().leaks.iter().map(|leak| (leak.address.to_string(), leak.name.clone())).collect();
    assert_eq!(told, [("10.1.0.5".to_owned(), "multinic0".to_owned())]);
    assert!(
        scene.fence().addresses().contains(&"192.0.2.10".parse::<IpAddr>().unwrap()),
        "the uplink's count"
    );

    scene.want(&[nic(A, "multinic0", &["10.1.0.6/24"])]);
    scene.converge();
    assert_eq!(scene.plan().leaks, Vec::new());
    scene.node_ips = BTreeSet::from(["10.1.0.6".parse().unwrap()]);
    scene.want(&[]);
    scene.converge();
    assert_eq!(scene.link(A).name, "eth1");
    // The row of the uplink is refused as ever.
    scene.want(&[nic(UPLINK, "multinic0", &[])]);
    assert_eq!(refusal_of(&scene, UPLINK).0, Reason::ProtectedInterface);
}

#[test]
fn without_another_way_out_the_address_that_the_node_is_told_protects() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.node_ips = BTreeSet::from(["10.1.0.5".parse().unwrap()]);
    scene.node.kernel.default_routes.clear();
    scene.node.kernel.api_server_routes.clear();
    scene.want(&[]);
    assert_eq!(refusal_of(&scene, A).0, Reason::ProtectedInterface);
    assert_eq!(scene.plan().leaks, Vec::new());
}

#[test]
fn an_address_that_others_gave_a_nic_of_ours_may_be_the_nodes() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.node.kernel.links[1].addresses.push(address("10.1.0.77/24"));
    scene.node_ips.insert("10.1.0.77".parse().unwrap());
    scene.want(&[]);
    assert_eq!(refusal_of(&scene, A).0, Reason::ProtectedInterface);
}

#[test]
fn only_links_of_others_are_remembered_as_vital() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    let way_out = default_route(3, "10.1.0.1");
    assert_eq!(way_out.table, MAIN);
    scene.node.kernel.default_routes.push(way_out);
    scene.remembered = scene.fence().to_remember(&scene.node.kernel);
    assert_eq!(scene.remembered, BTreeSet::from([mac(UPLINK)]));
    // Whoever takes the route away again, as the message says, has the NIC free.
    scene.node.kernel.default_routes.pop();
    scene.want(&[]);
    scene.converge();
}

#[test]
fn a_nic_that_only_looked_vital_for_a_while_is_not_remembered_beside_the_uplink() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    let kernel = &mut scene.node.kernel;
    // Somebody configured it by hand, and the cloud counts its address among the Node's.
    kernel.links[1].addresses = vec![address("10.1.0.5/24")];
    kernel.default_routes.push(Route { table: REPLIES, ..default_route(3, "10.1.0.1") });
    kernel.rules = vec![rule(Some("10.1.0.5/32"))];
    scene.node_ips.insert("10.1.0.5".parse().unwrap());
    assert_eq!(refusal_of(&scene, A).0, Reason::ProtectedInterface);
    assert_eq!(scene.fence().to_remember(&scene.node.kernel), BTreeSet::from([mac(UPLINK)]));

    // Where nothing better is known, every sign counts.
    scene.node.kernel.default_routes.remove(0);
    scene.node.kernel.api_server_routes.clear();
    assert_eq!(scene.fence().to_remember(&scene.node.kernel), BTreeSet::from([mac(UPLINK), mac(A)]));
}

#[test]
fn services_that_the_node_answers_itself_are_no_way_out() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    let kernel = &mut scene.node.kernel;
    let ipvs = Link { kind: LinkKind::Virtual("dummy".to_owned()), ..link(9, "kube-ipvs0", C) };
    kernel.links.push(Link { permanent_mac: None, mac: None, ..ipvs });
    let local = Route { table: crate::observed::route::LOCAL, ..connected(9, "10.96.0.1/32") };
    kernel.api_server_routes = BTreeMap::from([("10.96.0.1".parse().unwrap(), local)]);
    kernel.default_routes.clear();
    scene.node_ips = BTreeSet::from(["10.1.0.5".parse().unwrap()]);
    assert!(!scene.fence().vital().contains(&9), "its addresses change with every Service");
    scene.want(&[]);
    assert_eq!(refusal_of(&scene, A).0, Reason::ProtectedInterface, "it may be the only way out");
}
