//! NICs whose networks give them their addresses.

use super::*;
use crate::{
    asking::asking,
    leases::{Word, extension},
    observed::{lease::Lease, link::Advertised, routing::NicRoute},
    report::{HostFacts, Phase, Report},
};
use multinic_crds::{Addressing, InterfaceState, Mtu, NodeNetworkConfigStatus};

fn by(addressing: Addressing, of: &str, name: &str) -> Interface {
    Interface { addressing: Some(addressing), ..nic(of, name, &[]) }
}

fn lease(address: &str) -> Lease {
    Lease {
        addressing: Addressing::Dhcp4,
        address: address.parse().unwrap(),
        expires: 3_600,
        mtu: None,
        gateway: "10.20.0.1".parse().ok(),
        routes: [("10.30.0.0/16".parse().unwrap(), "10.20.0.2".parse().unwrap())].into(),
    }
}

/// One of a `DHCPv6` server.
fn lease6(address: &str) -> Lease {
    Lease { addressing: Addressing::Dhcp6, gateway: None, routes: [].into(), ..lease(address) }
}

/// What the status says of `A`, once everything is done.
fn told(scene: &Scene) -> (InterfaceState, String) {
    let view = scene.node.look();
    let desired = learned(scene.desired.clone(), &scene.leases, &view, &scene.ledger);
    let (plan, failures) = (scene.plan(), BTreeMap::new());
    let report = Report {
        desired: &desired,
        plan: Some(&plan),
        failures: &failures,
        obstacle: None,
        backend: "netplan",
        view: &view,
        phase: Phase::Settled,
    };
    let facts = HostFacts { os_image: String::new(), boot_id: String::new(), agent_version: "0" };
    let status =
        report.status(&facts, &NodeNetworkConfigStatus::default(), k8s_openapi::jiff::Timestamp::UNIX_EPOCH);
    (status.interfaces[0].state, status.interfaces[0].reason.clone())
}

fn nets(scene: &Scene) -> Vec<String> {
    scene.link(A).nets().iter().map(ToString::to_string).collect()
}

fn lifetime(scene: &Scene) -> Option<u32> {
    scene.link(A).addresses[0].manner.lifetimes.map(|(_, valid)| valid)
}

#[test]
fn a_lease_is_given_for_as_long_as_it_lasts_and_its_files_say_nothing_of_it() {
    let mut scene = Scene::new(&[by(Addressing::Dhcp4, A, "multinic0")]);
    scene.converge();
    assert_eq!(nets(&scene), [""; 0]);
    assert_eq!(told(&scene), (InterfaceState::Pending, "AwaitingAddress".to_owned()));
    let files = scene.node.files.clone();

    scene.leases.words.insert(mac(A), Word::Leased(lease("10.20.0.5/24")));
    scene.converge();
    assert_eq!(nets(&scene), ["10.20.0.5/24"]);
    assert_eq!((lifetime(&scene), told(&scene).0), (Some(3_600), InterfaceState::Configured));
    assert_eq!(scene.ledger.nics[&mac(A)].lease, Some(lease("10.20.0.5/24")));
    assert!(scene.link(A).routes.is_empty(), "nothing asks for routes: {:?}", scene.link(A).routes);
    assert_eq!(scene.node.files, files);
}

#[test]
fn a_lease_that_goes_on_is_given_longer_and_one_that_ends_is_taken_back() {
    let mut scene = Scene::new(&[by(Addressing::Dhcp4, A, "multinic0")]);
    scene.leases.words.insert(mac(A), Word::Leased(lease("10.20.0.5/24")));
    scene.converge();
    // The kernel counts down as the clock goes on.
    scene.leases.now = 1_800;
    scene.node.kernel.links[1].addresses[0].manner.lifetimes = Some((1_800, 1_800));
    assert!(scene.plan().is_idle(), "{:?}", scene.plan().transactions);

    let renewed = Lease { expires: 5_400, ..lease("10.20.0.5/24") };
    scene.leases.words.insert(mac(A), Word::Leased(renewed.clone()));
    let plan = scene.plan();
    assert_eq!(plan.transactions[0].steps.len(), 1, "{:?}", plan.transactions[0].steps);
    scene.converge();
    assert_eq!(lifetime(&scene), Some(3_600));
    assert_eq!(scene.ledger.nics[&mac(A)].lease, Some(renewed));

    scene.leases.now = 5_400;
    scene.converge();
    assert_eq!(nets(&scene), [""; 0]);
    assert_eq!(told(&scene), (InterfaceState::Failed, "LeaseLost".to_owned()));
}

#[test]
fn another_address_takes_the_place_of_the_first() {
    let mut scene = Scene::new(&[by(Addressing::Dhcp4, A, "multinic0")]);
    for address in ["10.20.0.5/24", "10.20.0.6/24"] {
        scene.leases.words.insert(mac(A), Word::Leased(lease(address)));
        scene.converge();
        assert_eq!(nets(&scene), [address]);
    }
    // What somebody else gives the NIC beside it stays.
    scene.node.kernel.links[1].addresses.push(address("10.77.0.1/24"));
    scene.leases.words.insert(mac(A), Word::Lost(lease("10.20.0.6/24")));
    scene.converge();
    assert_eq!(nets(&scene), ["10.77.0.1/24"]);
}

#[test]
fn what_a_server_says_of_routes_counts_in_the_table_of_replies_only() {
    let answering = Interface {
        source_routing: serde_json::from_str("{}").ok(),
        ..by(Addressing::Dhcp4, A, "multinic0")
    };
    let mut scene = Scene::new(&[answering]);
    scene.leases.words.insert(mac(A), Word::Leased(lease("10.20.0.5/24")));
    scene.converge();
    let tables: Vec<_> =
        scene.link(A).routes.keys().map(|route| (route.table, route.destination.to_string())).collect();
    assert_eq!(tables, [(5300, "0.0.0.0/0".to_owned()), (5300, "10.30.0.0/16".to_owned())]);
    assert_eq!(scene.node.look().source_rules().len(), 2);
    scene.leases.now = 3_600;
    scene.converge();
    assert_eq!(scene.link(A).routes, BTreeMap::<NicRoute, u8>::new());
    assert_eq!(scene.node.look().source_rules().len(), 0);
}

#[test]
fn the_mtu_of_a_lease_is_an_upper_bound() {
    let mtu_with = |wanted: Option<i64>, leased: u16| {
        let wanted = wanted.and_then(|bytes| Mtu::try_from(bytes).ok());
        let mut scene = Scene::new(&[Interface { mtu: wanted, ..by(Addressing::Dhcp4, A, "multinic0") }]);
        let lease = Lease { mtu: Some(leased), ..lease("10.20.0.5/24") };
        scene.leases.words.insert(mac(A), Word::Leased(lease));
        scene.converge();
        scene.link(A).mtu
    };
    assert_eq!(mtu_with(None, 1400), 1400);
    assert_eq!(mtu_with(None, 9000), 1500);
    assert_eq!(mtu_with(Some(9000), 1400), 1400);
    assert_eq!(mtu_with(Some(1300), 1400), 1300);
}

#[test]
fn a_router_may_give_an_address_and_never_the_default_route() {
    let mut scene = Scene::new(&[by(Addressing::Slaac, A, "multinic0")]);
    scene.converge();
    let listening = Advertised { addresses: 1, default_route: 0, routes: 0, temporary: 0 };
    let expected =
        Ipv6 { addr_gen_mode: Ipv6::EUI64, accept_ra: Ipv6::EVERY_RA, advertised: Some(listening) };
    assert_eq!(scene.link(A).ipv6, Some(expected));
    assert_eq!(told(&scene), (InterfaceState::Pending, "AwaitingAddress".to_owned()));

    let made = "2001:db8:20:0:f816:3eff:fe00:a/64";
    let manner =
        Manner { lifetimes: Some((600, 900)), flags: Manner::MANAGES_TEMPORARY, ..Manner::default() };
    // What somebody else gives the NIC for a while is no answer of a router.
    let of_others = Manner { flags: 0, ..manner.clone() };
    scene.node.kernel.links[1].addresses.push(Address { manner: of_others, ..address("2001:db8:77::1/64") });
    assert_eq!(told(&scene), (InterfaceState::Pending, "AwaitingAddress".to_owned()));
    scene.node.kernel.links[1].addresses.push(Address { manner, ..address(made) });
    assert_eq!(scene.plan().transactions[0].steps, []);
    scene.converge();
    assert_eq!(told(&scene).0, InterfaceState::Configured);
    // Its lifetime is the kernel's to say.
    scene.node.kernel.links[1].addresses.last_mut().unwrap().manner.lifetimes = Some((5, 10));
    assert!(scene.plan().is_idle());
}

#[test]
fn a_dhcpv6_nic_hears_of_its_subnet_and_makes_no_address_of_it() {
    let mut scene = Scene::new(&[by(Addressing::Dhcp6, A, "multinic0")]);
    scene.leases.words.insert(mac(A), Word::Leased(lease6("2001:db8:20::5/128")));
    scene.converge();
    assert_eq!(nets(&scene), ["2001:db8:20::5/128", "fe80::1/64"]);
    assert_eq!(
        scene.link(A).ipv6.unwrap().advertised.map(|taken| (taken.addresses, taken.default_route)),
        Some((0, 0))
    );
    // Given back as it was found.
    scene.want(&[]);
    scene.converge();
    assert_eq!(scene.link(A).ipv6.map(|ipv6| ipv6.accept_ra), Some(1));
}

#[test]
fn addresses_that_were_leased_in_this_boot_hold_after_a_restart() {
    let mut scene = Scene::new(&[by(Addressing::Dhcp4, A, "multinic0")]);
    scene.leases.words.insert(mac(A), Word::Leased(lease("10.20.0.5/24")));
    scene.converge();
    let mut anew = Leases { now: 10, ..Leases::default() };
    anew.recall(&scene.ledger);
    assert_eq!(anew.current(mac(A), Addressing::Dhcp4), Some(&lease("10.20.0.5/24")));
    // In another boot nobody knows it until a server says so.
    scene.ledger.nics.get_mut(&mac(A)).unwrap().addresses.clear();
    let mut after_boot = Leases { now: 10, ..Leases::default() };
    after_boot.recall(&scene.ledger);
    assert_eq!(after_boot.words, BTreeMap::new());
}

#[test]
fn a_leased_address_that_the_node_has_elsewhere_is_refused() {
    let mut scene = Scene::new(&[by(Addressing::Dhcp4, A, "multinic0")]);
    scene.leases.words.insert(mac(A), Word::Leased(lease("192.0.2.77/24")));
    assert_eq!(scene.refusal(A), Reason::SubnetConflict);
}

#[test]
fn an_address_that_was_leased_and_is_the_objects_own_now_does_not_end() {
    let mut scene = Scene::new(&[by(Addressing::Dhcp4, A, "multinic0")]);
    scene.leases.words.insert(mac(A), Word::Leased(lease("10.20.0.5/24")));
    scene.converge();
    scene.want(&[nic(A, "multinic0", &["10.20.0.5/24"])]);
    scene.converge();
    assert_eq!((nets(&scene), lifetime(&scene)), (vec!["10.20.0.5/24".to_owned()], None));
    assert_eq!(scene.ledger.nics[&mac(A)].lease, None);
}

#[test]
fn a_lease_that_contradicts_another_nic_costs_only_its_own_nic() {
    let mut scene =
        Scene::new(&[by(Addressing::Dhcp4, A, "multinic0"), nic(B, "multinic1", &["10.20.0.5/24"])]);
    scene.leases.words.insert(mac(A), Word::Leased(lease("10.20.0.5/24")));
    scene.converge();
    assert_eq!(nets(&scene), [""; 0]);
    assert_eq!(told(&scene), (InterfaceState::Failed, "LeaseUnusable".to_owned()));
    assert_eq!((scene.verdict(B), scene.link(B).addresses.len()), (Verdict::Right, 1));
}

#[test]
fn a_dhcpv6_nic_reaches_a_router_though_its_address_has_no_subnet() {
    let routing = serde_json::json!({ "gateways": ["2001:db8:20::1"] });
    let answering = Interface {
        source_routing: serde_json::from_value(routing).ok(),
        ..by(Addressing::Dhcp6, A, "multinic0")
    };
    let mut scene = Scene::new(&[answering]);
    scene.leases.words.insert(mac(A), Word::Leased(lease6("2001:db8:20::5/128")));
    scene.converge();
    let routes: Vec<_> = scene.link(A).routes.keys().map(ToString::to_string).collect();
    assert_eq!(routes, ["::/0 via 2001:db8:20::1 onlink table 5300"]);
}

#[test]
fn a_nic_that_may_not_be_changed_keeps_its_lease() {
    let mut scene = Scene::new(&[by(Addressing::Dhcp4, A, "multinic0")]);
    scene.leases.words.insert(mac(A), Word::Leased(lease("10.20.0.5/24")));
    scene.converge();
    let mut vlan = link(9, "multinic0.5", A);
    (vlan.kind, vlan.lower) = (LinkKind::Virtual("vlan".to_owned()), Some(3));
    scene.node.kernel.links.push(vlan);
    let view = scene.node.look();
    let asks = |scene: &Scene, leases: &Leases| {
        let desired = learned(scene.desired.clone(), leases, &view, &scene.ledger);
        asking(&desired, &scene.plan(), &view, leases, &scene.ledger).contains_key(&mac(A))
    };
    assert!(asks(&scene, &scene.leases));
    scene.desired.mode = multinic_crds::Mode::Paused;
    assert!(asks(&scene, &scene.leases) && !asks(&scene, &Leases::default()));

    let renewed = Lease { expires: 7_200, ..lease("10.20.0.5/24") };
    let step = extension(mac(A), &renewed, 1_800, &view, &scene.ledger).unwrap();
    assert!(matches!(&step, Step::RestoreAddress { manner, .. } if manner.lifetimes == Some((5_400, 5_400))));
    let elsewhere = Lease { address: "10.20.0.6/24".parse().unwrap(), ..renewed };
    assert_eq!(extension(mac(A), &elsewhere, 1_800, &view, &scene.ledger), None);
    assert_eq!(extension(mac(B), &lease("10.20.0.5/24"), 0, &view, &scene.ledger), None);
}

#[test]
fn a_lease_that_was_taken_back_does_not_return_with_the_next_agent() {
    let mut scene = Scene::new(&[by(Addressing::Dhcp4, A, "multinic0")]);
    scene.leases.words.insert(mac(A), Word::Leased(lease("10.20.0.5/24")));
    scene.converge();
    scene.leases.words.insert(mac(A), Word::Lost(lease("10.20.0.5/24")));
    scene.converge();
    let mut anew = Leases { now: 10, ..Leases::default() };
    anew.recall(&scene.ledger);
    assert_eq!(anew.words, BTreeMap::new());
    assert!(scene.ledger.nics[&mac(A)].lease.is_some(), "it is worth asking for");
}
