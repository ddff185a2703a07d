//! What the kernel, udev and others do by themselves, and what becomes of it.

use super::*;

#[test]
fn a_nic_is_given_back_the_name_that_udev_made_an_alternative_one() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.name_by_udev(3, true);
    scene.converge();
    let alternatives = ["ens3", "enp0s3"].map(str::to_owned);
    assert_eq!(scene.link(A).alt_names, alternatives.into(), "udev's manner");
    scene.want(&[]);
    let drops = Step::DropAltName { index: 3, name: "ens3".to_owned() };
    assert!(scene.plan().transactions[0].steps.contains(&drops), "{:?}", scene.plan().transactions);
    scene.converge();
    let link = scene.link(A);
    assert_eq!((link.name.as_str(), &link.alt_names), ("ens3", &BTreeSet::from(["enp0s3".to_owned()])));
}

#[test]
fn a_roll_back_brings_back_a_name_that_udev_made_an_alternative_one() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["2001:db8::5/64"])]);
    scene.name_by_udev(3, true);
    let before = scene.link(A).clone();
    scene.node.answered.insert("2001:db8::5".parse().unwrap());
    let plan = scene.plan();
    let failure = &scene.carry_out(&plan)[&mac(A)];
    assert_eq!((failure.reason(), failure.is_as_before()), (Reason::AddressConflict, true), "{failure}");
    assert_eq!((scene.link(A), &scene.ledger), (&before, &Ledger::default()));
}

#[test]
fn a_nic_that_bears_nothing_of_ours_after_a_failed_roll_back_is_not_ours() {
    let scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    let plan = scene.plan();
    let mut ledger = Ledger::default();
    ledger.intend(&plan.transactions[0]);
    let mut view = scene.node.kernel.clone();
    assert!(!ledger.marks([mac(A)].into_iter(), &view));
    view.links[1].addresses.push(address("10.1.0.5/24"));
    assert!(ledger.marks([mac(A)].into_iter(), &view), "to be given back");
    view.links[1].addresses.clear();
    view.links[1].name = "mnictmp3".to_owned();
    assert!(ledger.marks([mac(A)].into_iter(), &view), "to be given back");
}

#[test]
fn a_nic_that_was_left_under_a_temporary_name_is_given_back() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.node.kernel.links[1].name = "mnictmp3".to_owned();
    scene.want(&[]);
    scene.converge();
    assert_eq!((scene.link(A).name.as_str(), scene.link(A).addresses.len()), ("eth1", 0));
}

#[test]
fn a_nic_whose_first_name_is_not_known_goes_back_to_one_that_udev_calls_it() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    scene.name_by_udev(3, true);
    scene.converge();
    scene.ledger = Ledger::default();
    scene.want(&[]);
    scene.converge();
    assert_eq!(scene.link(A).name, "ens3");
}

#[test]
fn an_alternative_name_of_the_nic_itself_is_no_obstacle_and_that_of_another_link_is() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    scene.node.kernel.links[1].alt_names.insert("multinic0".to_owned());
    scene.converge();
    assert_eq!(scene.link(A).name, "multinic0");

    let both = [nic(A, "multinic1", &[]), nic(B, "multinic0", &[])];
    let mut scene = Scene::new(&both);
    scene.node.kernel.links[1].alt_names.insert("multinic0".to_owned());
    assert_eq!(scene.refusal(B), Reason::NameInUse, "A gets another name and keeps the alternative one");
}

#[test]
fn a_roll_back_leaves_what_others_did_meanwhile() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24", "2001:db8::5/64"])]);
    scene.converge();
    let virtual_ips = ["10.1.0.200/32", "2001:db8::77/64"].map(address);
    scene.node.kernel.links[1].addresses.extend(virtual_ips);
    scene.want(&[nic(A, "multinic1", &["10.1.0.5/24", "2001:db8::6/64"])]);
    scene.node.answered.insert("2001:db8::6".parse().unwrap());
    let plan = scene.plan();
    // A peer takes one of the virtual addresses over, and another one comes.
    scene.node.meanwhile = Some((scene.node.changes() + 3, |kernel| {
        let addresses = &mut kernel.links[1].addresses;
        addresses.retain(|other| *other != address("10.1.0.200/32"));
        addresses.push(address("10.1.0.201/32"));
    }));
    let failure = &scene.carry_out(&plan)[&mac(A)];
    assert_eq!((failure.reason(), failure.is_as_before()), (Reason::AddressConflict, true), "{failure}");
    let expected = ["10.1.0.5/24", "10.1.0.201/32", "2001:db8::5/64", "2001:db8::77/64", "fe80::1/64"];
    let expected: BTreeSet<IpNet> = expected.iter().map(|net| net.parse().unwrap()).collect();
    assert_eq!((scene.link(A).name.as_str(), scene.link(A).nets()), ("multinic0", expected));
}

#[test]
fn addresses_of_others_come_back_as_they_were_given_where_our_own_steps_cost_them() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24", "2001:db8::5/64"])]);
    scene.converge();
    let manner = Manner { flags: 0x200, lifetimes: Some((60, 120)), ..Manner::default() };
    let of_others = ["10.1.0.200/24", "2001:db8::77/64"];
    let of_others = of_others.map(|net| Address { manner: manner.clone(), ..address(net) });
    scene.node.kernel.links[1].addresses.extend(of_others.clone());
    // The name costs the IPv6 one, and the new address of the subnet the other.
    scene.want(&[nic(A, "multinic1", &["10.1.0.6/24", "2001:db8::5/64"])]);
    scene.converge();
    let kept = &scene.link(A).addresses;
    assert!(of_others.iter().all(|address| kept.contains(address)), "{kept:?}");
}

#[test]
fn what_a_device_that_was_plugged_anew_cannot_have_is_not_given_back() {
    let mut wanted = nic(A, "multinic0", &[]);
    wanted.mtu = Some(1400.try_into().unwrap());
    let mut scene = Scene::new(&[wanted]);
    scene.converge();
    let entry = scene.ledger.nics.get_mut(&mac(A)).unwrap();
    entry.original_mtu = Some(8950);
    entry.original_ipv6 = Some(Ipv6 { addr_gen_mode: Ipv6::STABLE_PRIVACY, accept_ra: 1, advertised: None });
    scene.node.kernel.links[1].mtu_range = (68, Some(1450));
    scene.want(&[]);
    scene.converge();
    let link = scene.link(A);
    assert_eq!((link.mtu, link.ipv6), (1450, Some(Ipv6::KERNEL_DEFAULT)));
}

#[test]
fn ipv6_that_is_off_is_said_before_anything_is_touched() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24", "2001:db8::5/64"])]);
    scene.node.kernel.links[1].ipv6_disabled = true;
    assert_eq!(scene.refusal(A), Reason::Ipv6Disabled);
    scene.node.kernel.links[1].ipv6_disabled = false;
    scene.node.kernel.links[1].ipv6 = None;
    assert_eq!(scene.refusal(A), Reason::Ipv6Disabled);
    scene.want(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    assert_eq!(scene.link(A).name, "multinic0", "IPv4 alone needs no IPv6");
}

#[test]
fn a_nic_that_becomes_large_enough_for_ipv6_takes_no_router_advertisements() {
    let mut wanted = nic(A, "multinic0", &["10.1.0.5/24"]);
    wanted.mtu = Some(1000.try_into().unwrap());
    let mut scene = Scene::new(&[wanted.clone()]);
    scene.converge();
    wanted.mtu = Some(1500.try_into().unwrap());
    scene.want(&[wanted]);
    scene.converge();
    let off = Ipv6 { addr_gen_mode: Ipv6::NO_LINK_LOCAL, accept_ra: 0, advertised: None };
    assert_eq!((scene.link(A).ipv6, scene.link(A).addresses.len()), (Some(off), 1));
}

#[test]
fn a_missing_route_to_the_nics_own_subnet_is_added_again() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.node.kernel.links[1].addresses[0].lacks_route = true;
    scene.node.kernel.links[0].addresses[0].lacks_route = true;
    assert_eq!(
        scene.plan().transactions[0].steps,
        [Step::AddSubnetRoute { index: 3, net: "10.1.0.5/24".parse().unwrap() }]
    );
    scene.converge();
    assert!(scene.link(UPLINK).addresses[0].lacks_route, "the uplink's routes are not ours");
}

#[test]
fn a_nic_that_one_look_missed_is_not_forgotten() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    scene.converge();
    scene.want(&[]);
    let missed = scene.node.kernel.links.remove(1);
    let plan = scene.plan();
    scene.node.kernel.links.insert(1, missed);
    let before = scene.node.clone();
    assert_eq!(scene.carry_out(&plan)[&mac(A)].reason(), Reason::ChangedMeanwhile);
    assert!(scene.is_untouched_since(&before) && scene.ledger.get(mac(A)).is_some());
}

#[test]
fn an_address_that_another_host_had_is_probed_anew_and_right_once_that_one_is_gone() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["2001:db8::5/64"])]);
    scene.converge();
    scene.node.kernel.links[1].addresses[0].state = AddressState::Duplicate;
    scene.converge();
    assert!(scene.link(A).addresses.contains(&address("2001:db8::5/64")), "and ready");
}

#[test]
fn the_kernel_is_waited_for_as_long_as_it_probes() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["2001:db8::5/64"])]);
    scene.node.kernel.links[1].probing = Duration::from_secs(6);
    scene.converge();
    assert_eq!(scene.verdict(A), Verdict::Right);

    let mut scene = Scene::new(&[nic(A, "multinic0", &["2001:db8::5/64"])]);
    scene.node.kernel.links[1].probing = Duration::from_hours(1);
    let plan = scene.plan();
    assert_eq!(scene.carry_out(&plan)[&mac(A)].reason(), Reason::AddressTentative, "but not for ever");
}

#[test]
fn a_change_after_which_the_api_server_takes_no_connection_is_taken_back() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"]), nic(B, "multinic1", &[])]);
    scene.node.reached = BTreeSet::from(["203.0.113.10".parse().unwrap()]);
    scene.node.last_probe = Some(1);
    let (before, plan) = (scene.node.kernel.clone(), scene.plan());
    let failures = scene.carry_out(&plan);
    assert_eq!(failures.len(), 2);
    for failure in failures.values() {
        assert_eq!((failure.reason(), failure.is_as_before()), (Reason::FenceChanged, true), "{failure}");
    }
    assert_eq!((&scene.node.kernel, &scene.ledger), (&before, &Ledger::default()));
    let shown = [What::Changing, What::Changing, What::Proving, What::TakingBack, What::TakingBack];
    assert_eq!(scene.node.shown, shown, "where the pass is");
    // It took none before either, so that nobody can say what that is due to.
    scene.converge();
}

#[test]
fn a_device_that_takes_the_number_of_a_nic_in_the_middle_of_its_change_is_left_alone() {
    let becomes_another = |kernel: &mut KernelView| kernel.links[1] = link(3, "eth7", B);
    for done in 1..4 {
        let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24", "10.1.0.6/24"])]);
        let plan = scene.plan();
        assert!(plan.transactions[0].steps.len() > 4, "{:?}", plan.transactions);
        scene.node.meanwhile = Some((scene.node.changes() + done, becomes_another));
        assert!(scene.carry_out(&plan).contains_key(&mac(A)));
        assert_eq!(scene.link(B), &link(3, "eth7", B), "after {done} steps");
    }
}
