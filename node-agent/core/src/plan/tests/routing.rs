//! Routes and rules of NICs, beside those of others.

use super::*;
use crate::observed::{
    route::{MAIN, Rule},
    routing::{NicRoute, SourceRule},
};

/// A NIC that answers by the first host of its subnet.
fn answering(of: &str, name: &str, subnet: u8) -> Interface {
    let routing = serde_json::json!({ "gateways": [format!("10.{subnet}.0.1")] });
    Interface {
        source_routing: serde_json::from_value(routing).unwrap(),
        ..nic(of, name, &[&format!("10.{subnet}.0.5/24")])
    }
}

fn with_route(nic: Interface, to: &str) -> Interface {
    let via = nic.addresses[0].net().hosts().next().unwrap();
    let routes = serde_json::json!([{ "destination": to, "via": via }]);
    Interface { routes: serde_json::from_value(routes).unwrap(), ..nic }
}

fn refusal(scene: &Scene, of: &str) -> Option<String> {
    match &scene.plan().decisions[&mac(of)].verdict {
        Verdict::Refuse(refusal) => Some(format!("{}: {}", refusal.reason, refusal.message)),
        _ => None,
    }
}

#[test]
fn nics_that_answer_by_tables_of_their_own_can_swap_their_slots() {
    let mut scene = Scene::new(&[answering(A, "multinic0", 1), answering(B, "multinic1", 2)]);
    scene.converge();
    scene.want(&[answering(A, "multinic1", 1), answering(B, "multinic0", 2)]);
    scene.converge();
    let tables = |of: &str| scene.link(of).routes.keys().map(|route| route.table).collect::<Vec<_>>();
    assert_eq!((tables(A), tables(B)), (vec![5301], vec![5300]));
}

#[test]
fn nics_of_one_subnet_have_the_same_route_each_with_a_metric_of_its_own() {
    let both = [("multinic0", A), ("multinic1", B)].map(|(name, of)| {
        let address = if of == A { "10.1.0.5/24" } else { "10.1.0.6/24" };
        with_route(nic(of, name, &[address]), "10.30.0.0/16")
    });
    let mut scene = Scene::new(&both);
    scene.converge();
    let metrics = |of: &str| scene.link(of).routes.keys().map(|route| route.metric).collect::<Vec<_>>();
    assert_eq!((metrics(A), metrics(B)), (vec![100], vec![101]));
}

#[test]
fn what_others_put_into_a_table_of_ours_stays_and_is_told() {
    let theirs = NicRoute::new("10.9.0.0/16".parse().unwrap(), "10.1.0.9".parse().ok(), 5300);
    let mut scene = Scene::new(&[answering(A, "multinic0", 1)]);
    scene.converge();
    let kernel = scene.node.kernel.clone();
    // Over the NIC itself, and over a link of others.
    for index in [scene.link(A).index, 2] {
        scene.node.kernel = kernel.clone();
        let link = scene.node.kernel.links.iter_mut().find(|link| link.index == index).unwrap();
        link.routes.insert(theirs.clone(), 4);
        scene.want(&[answering(A, "multinic0", 3)]);
        let message = refusal(&scene, A).unwrap();
        assert!(message.starts_with("RoutingConflict: routing table 5300"), "{message}");
    }
}

#[test]
fn a_rule_of_others_with_our_priority_or_to_our_table_is_told() {
    let ours = SourceRule::pair("10.1.0.5".parse().unwrap(), "multinic0".parse().unwrap());
    let like = |change: fn(&mut Rule)| {
        let mut rule = Rule { is_marked: false, ..Rule::from(&ours[0]) };
        change(&mut rule);
        rule
    };
    for rule in [
        like(|rule| rule.from = None),
        like(|rule| rule.from = "10.7.0.1/32".parse().ok()),
        like(|rule| (rule.priority, rule.table) = (100, Some(5300))),
    ] {
        let mut scene = Scene::new(&[answering(A, "multinic0", 1)]);
        scene.node.kernel.rules.push(rule.clone());
        let message = refusal(&scene, A).unwrap_or_default();
        assert!(message.starts_with("RoutingConflict: the rule"), "{rule:?}: {message}");
        // One that does not answer by a table of its own has nothing to do with it.
        scene.want(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
        assert_eq!(refusal(&scene, A), None);
    }
    // What a host's files gave at boot is right.
    let mut scene = Scene::new(&[answering(A, "multinic0", 1)]);
    scene.node.kernel.rules = ours.iter().map(|rule| Rule { is_marked: false, ..Rule::from(rule) }).collect();
    scene.converge();
    assert_eq!(scene.node.kernel.rules.len(), 2);
}

#[test]
fn rules_of_a_nic_that_was_pulled_out_are_swept_and_those_of_others_are_not() {
    let mut scene = Scene::new(&[answering(A, "multinic0", 1), answering(B, "multinic1", 2)]);
    scene.converge();
    let theirs = Rule { is_marked: false, ..scene.node.kernel.rules[0].clone() };
    let theirs = Rule { from: "10.7.0.1/32".parse().ok(), ..theirs };
    scene.node.kernel.rules.push(theirs.clone());
    scene.node.kernel.links.retain(|link| link.index != 3);
    scene.want(&[answering(B, "multinic1", 2)]);
    let plan = scene.plan();
    scene.carry_out(&plan);
    let left: Vec<_> = scene.node.kernel.rules.iter().filter_map(|rule| rule.from).collect();
    assert_eq!(left, ["10.2.0.5/32", "10.2.0.5/32", "10.7.0.1/32"].map(|net| net.parse().unwrap()));
}

#[test]
fn a_route_that_would_take_over_what_the_node_needs_is_refused() {
    for (to, words) in [
        ("203.0.113.0/24", "the API server 203.0.113.10"),
        ("169.254.0.0/16", "the metadata service"),
        ("192.0.2.128/25", "a part of the subnet 192.0.2.0/24, which eth0"),
        ("10.244.1.128/25", "a part of the subnet 10.244.1.0/24, which cni0"),
    ] {
        let mut scene = Scene::new(&[with_route(nic(A, "multinic0", &["10.1.0.5/24"]), to)]);
        let mut bridge = link(9, "cni0", "0a:58:0a:f4:01:01");
        bridge.addresses = vec![address("10.244.1.1/24")];
        scene.node.kernel.links.push(bridge);
        let message = refusal(&scene, A).unwrap_or_default();
        assert!(
            message.starts_with("ReservedAddress: the route") && message.contains(words),
            "{to}: {message}"
        );
    }
    let wide = with_route(nic(A, "multinic0", &["10.1.0.5/24"]), "10.0.0.0/8");
    assert_eq!(refusal(&Scene::new(&[wide]), A), None);
}

#[test]
fn routes_of_others_come_back_after_a_new_name_the_nearest_first() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    let near = NicRoute::new("10.6.0.0/24".parse().unwrap(), None, MAIN);
    let far = NicRoute {
        on_link: true,
        ..NicRoute::new("10.5.0.0/16".parse().unwrap(), "10.6.0.1".parse().ok(), MAIN)
    };
    let found = scene.node.kernel.links.iter_mut().find(|link| link.index == 3).unwrap();
    found.routes = [(near, 4), (far, 3)].into();
    let before = found.routes.clone();
    scene.want(&[nic(A, "multinic1", &["10.1.0.5/24"])]);
    scene.converge();
    assert_eq!(scene.link(A).routes, before);
}
