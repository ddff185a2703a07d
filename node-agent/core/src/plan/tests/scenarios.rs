//! One decision at a time.

use super::*;

#[test]
fn a_wanted_nic_is_named_addressed_and_up_and_filed_for_the_next_boot() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    let link = scene.link(A);
    assert_eq!((link.name.as_str(), link.up), ("multinic0", true));
    assert_eq!(link.addresses, [address("10.1.0.5/24")]);
    assert_eq!(scene.node.files.keys().collect::<Vec<_>>(), ["/etc/netplan/60-multinic-multinic0.yaml"]);
    assert_eq!(scene.ledger.get(mac(A)).unwrap().original_name.as_deref(), Some("eth1"));
}

#[test]
fn a_nic_that_is_not_there_is_missing_and_nothing_is_written_for_it() {
    let scene = Scene::new(&[nic("fa:16:3e:ff:ff:01", "multinic0", &[])]);
    assert_eq!(scene.verdict("fa:16:3e:ff:ff:01"), Verdict::Missing);
    assert!(scene.plan().is_idle());
}

#[test]
fn removing_one_of_three_touches_only_that_one_and_gives_its_name_back() {
    let three = [nic(A, "multinic0", &["10.1.0.5/24"]), nic(B, "multinic1", &[]), nic(C, "multinic2", &[])];
    let mut scene = Scene::new(&three);
    scene.converge();
    scene.want(&[three[0].clone(), three[2].clone()]);

    let touched: Vec<_> =
        scene.plan().transactions.iter().flat_map(|t| &t.targets).map(|t| t.index).collect();
    assert_eq!(touched, [4]);
    scene.converge();
    let link = scene.link(B);
    assert_eq!((link.name.as_str(), link.up, link.addresses.len()), ("eth2", false, 0));
    assert!(!scene.node.files.contains_key("/etc/netplan/60-multinic-multinic1.yaml"));
    assert_eq!(scene.ledger.get(mac(B)), None);
}

#[test]
fn a_nic_with_a_vlan_on_it_stays_and_the_vlan_is_named() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    scene.converge();
    let vlan = LinkKind::Virtual("vlan".to_owned());
    // The kernel gives it the MAC address of the NIC.
    let vlan = Link { kind: vlan, lower: Some(3), permanent_mac: None, ..link(7, "multinic0.5", A) };
    scene.node.kernel.links.push(vlan);
    scene.want(&[]);
    let Verdict::Keep(refusal) = scene.verdict(A) else { panic!("it is {:?}", scene.verdict(A)) };
    assert_eq!(refusal.reason, Reason::ProtectedInterface);
    assert!(refusal.message.contains("remove multinic0.5 first"), "{}", refusal.message);
}

#[test]
fn a_freed_slot_goes_to_another_nic_in_the_same_pass() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.want(&[nic(B, "multinic0", &["10.1.0.5/24"])]);
    assert_eq!(scene.plan().transactions.len(), 1, "they exchange a name, so they stand or fall together");
    scene.converge();
    assert_eq!((scene.link(A).name.as_str(), scene.link(B).name.as_str()), ("eth1", "multinic0"));
}

#[test]
fn two_nics_of_ours_can_swap_their_names() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["2001:db8::5/64"]), nic(B, "multinic1", &[])]);
    scene.converge();
    scene.want(&[nic(A, "multinic1", &["2001:db8::5/64"]), nic(B, "multinic0", &[])]);
    scene.converge();
    assert_eq!((scene.link(A).name.as_str(), scene.link(B).name.as_str()), ("multinic1", "multinic0"));
}

#[test]
fn the_uplink_is_refused_by_whichever_sign_shows_it() {
    let wanted = [nic(UPLINK, "multinic0", &[])];
    let mut scene = Scene::new(&wanted);
    let remembered = scene.fence().to_remember(&scene.node.kernel);
    assert_eq!(scene.refusal(UPLINK), Reason::ProtectedInterface);
    scene.node.kernel.default_routes.clear();
    assert_eq!(scene.refusal(UPLINK), Reason::ProtectedInterface);
    scene.node.kernel.links[0].addresses.clear();
    assert_eq!(scene.refusal(UPLINK), Reason::ProtectedInterface);
    scene.node.kernel.api_server_routes.clear();
    assert_eq!(scene.refusal(UPLINK), Reason::InUse);
    scene.node.kernel.routed.clear();
    assert_eq!(scene.verdict(UPLINK), Verdict::Change, "nothing shows any more that it is the uplink");
    scene.remembered = remembered;
    assert_eq!(scene.refusal(UPLINK), Reason::ProtectedInterface, "it was the uplink earlier in this boot");
}

#[test]
fn links_that_others_use_or_configure_are_refused() {
    let netplan = "network:\n  ethernets:\n    eth3: {dhcp4: true}\n";
    let file = SourceFile { path: "/etc/netplan/01.yaml".to_owned(), text: netplan.to_owned() };
    let mut scene =
        Scene::new(&[nic(A, "multinic0", &[]), nic(B, "multinic1", &[]), nic(C, "multinic2", &[])]);
    scene.definitions = foreign::netplan(&file);
    scene.node.kernel.links[1].controller = Some(9);
    let mut vlan = link(9, "eth2.7", B);
    vlan.permanent_mac = None;
    vlan.kind = LinkKind::Virtual("vlan".to_owned());
    vlan.lower = Some(4);
    scene.node.kernel.links.push(vlan);
    assert_eq!(scene.refusal(A), Reason::ProtectedInterface);
    assert_eq!(scene.refusal(B), Reason::ProtectedInterface);
    assert_eq!(scene.refusal(C), Reason::ForeignConfiguration);
    assert!(scene.plan().is_idle());
}

#[test]
fn a_nic_that_others_would_configure_under_its_new_name_is_not_renamed() {
    let text = "[Match]\nName=multi*\n[Network]\nDHCP=yes\n".to_owned();
    let path = "/etc/systemd/network/20-multi.network".to_owned();
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    assert_eq!(scene.verdict(A), Verdict::Change);
    scene.definitions.extend(foreign::networkd(
        &SourceFile { path, text },
        &[],
        &OurNetworks(ALL.networks()),
    ));
    assert_eq!(scene.refusal(A), Reason::ForeignConfiguration);
}

#[test]
fn names_files_sizes_and_subnets_that_do_not_fit_are_refused() {
    let mut big = nic(C, "multinic2", &[]);
    big.mtu = Some(9001.try_into().unwrap());
    let mut scene = Scene::new(&[nic(A, "multinic0", &["192.0.2.77/24"]), nic(B, "multinic1", &[]), big]);
    scene.node.files.insert("/etc/netplan/60-multinic-multinic1.yaml".to_owned(), "network: {}\n".to_owned());
    assert_eq!(scene.refusal(A), Reason::SubnetConflict);
    assert_eq!(scene.refusal(B), Reason::ForeignConfiguration);
    assert_eq!(scene.refusal(C), Reason::InvalidMtu);

    scene.want(&[nic(A, "multinic0", &[])]);
    scene.node.kernel.links[3].name = "multinic0".to_owned();
    assert_eq!(scene.refusal(A), Reason::NameInUse);
}

#[test]
fn two_links_with_one_mac_are_ambiguous() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    scene.node.kernel.links.push(link(9, "eth9", A));
    assert_eq!(scene.refusal(A), Reason::AmbiguousMac);
}

#[test]
fn a_file_that_a_person_edited_is_neither_overwritten_nor_removed() {
    let wanted = [nic(A, "multinic0", &[])];
    let mut scene = Scene::new(&wanted);
    scene.converge();
    let text = scene.node.files.get_mut("/etc/netplan/60-multinic-multinic0.yaml").unwrap();
    text.push_str("# mine\n");
    assert_eq!(scene.refusal(A), Reason::EditedByHand);
    scene.want(&[]);
    assert_eq!(scene.refusal(A), Reason::EditedByHand);
    assert!(scene.plan().is_idle());
}

#[test]
fn an_entry_that_hides_its_nic_keeps_every_nic() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    scene.converge();
    scene.want(&[]);
    scene.desired.malformed = vec![Malformed { mac: None, message: String::new() }];
    assert!(scene.plan().is_idle());
    scene.desired.malformed = vec![Malformed { mac: Some(mac(B)), message: String::new() }];
    assert_eq!(scene.verdict(A), Verdict::Remove);
}

#[test]
fn addresses_that_others_put_on_a_nic_stay_and_those_that_were_ours_go() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.node.kernel.links[1].addresses.push(address("10.1.0.200/32"));
    assert!(scene.plan().is_idle(), "an address of somebody else is no drift");
    scene.want(&[nic(A, "multinic0", &["10.1.0.6/24"])]);
    scene.converge();
    assert_eq!(
        scene.link(A).nets(),
        BTreeSet::from(["10.1.0.6/24".parse().unwrap(), "10.1.0.200/32".parse().unwrap()])
    );
}

#[test]
fn an_mtu_that_is_no_longer_wanted_goes_back_to_the_devices_own() {
    let mut wanted = nic(A, "multinic0", &[]);
    wanted.mtu = Some(9000.try_into().unwrap());
    let mut scene = Scene::new(&[wanted.clone()]);
    scene.converge();
    assert_eq!(scene.link(A).mtu, 9000);
    wanted.mtu = None;
    scene.want(&[wanted]);
    scene.converge();
    assert_eq!(scene.link(A).mtu, 1500);
}

#[test]
fn our_files_alone_prove_a_nic_ours_when_the_ledger_is_lost() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.ledger = Ledger::default();
    scene.want(&[]);
    scene.converge();
    assert_eq!((scene.link(A).name.as_str(), scene.link(A).up), ("eth1", false));
    assert!(scene.node.files.is_empty());
}

#[test]
fn an_address_of_ours_that_networkd_brings_back_goes_again() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.want(&[nic(A, "multinic0", &["10.1.0.6/24"])]);
    scene.converge();
    scene.node.kernel.links[1].addresses.push(address("10.1.0.5/24"));
    scene.converge();
    assert_eq!(scene.link(A).addresses, [address("10.1.0.6/24")]);
}

#[test]
fn an_address_that_another_host_has_is_not_right() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["2001:db8::5/64"])]);
    scene.converge();
    scene.node.kernel.links[1].addresses[0].state = AddressState::Duplicate;
    scene.node.answered.insert("2001:db8::5".parse().unwrap());
    assert_eq!(scene.verdict(A), Verdict::Change);
    let plan = scene.plan();
    assert_eq!(scene.carry_out(&plan)[&mac(A)].reason(), Reason::AddressConflict);
    assert_eq!(scene.link(A).addresses[0].state, AddressState::Duplicate, "as it was before");
}

#[test]
fn without_a_carrier_an_address_that_cannot_be_probed_is_right() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["2001:db8::5/64"])]);
    scene.converge();
    scene.node.kernel.links[1].addresses[0].state = AddressState::Tentative;
    assert_eq!(scene.verdict(A), Verdict::Change);
    scene.node.kernel.links[1].carrier = false;
    assert_eq!(scene.verdict(A), Verdict::Right);
}

#[test]
fn a_size_that_leaves_no_ipv6_is_applied_and_given_back() {
    let mut small = nic(A, "multinic0", &["10.1.0.5/24"]);
    small.mtu = Some(1000.try_into().unwrap());
    let mut scene = Scene::new(&[small]);
    scene.converge();
    assert_eq!((scene.link(A).mtu, scene.link(A).ipv6), (1000, None));
    scene.want(&[]);
    scene.converge();
    assert_eq!((scene.link(A).mtu, scene.link(A).ipv6), (1500, Some(Ipv6::KERNEL_DEFAULT)));
}

#[test]
fn a_nic_that_somebody_uses_is_refused_until_it_is_ours() {
    let mut scene =
        Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"]), nic(B, "multinic1", &["10.2.0.5/24"])]);
    scene.node.kernel.links[1].addresses = vec![address("10.9.0.5/24")];
    scene.node.kernel.links[2].addresses = vec![address("10.2.0.5/24")];
    assert_eq!(scene.refusal(A), Reason::InUse);
    assert_eq!(scene.verdict(B), Verdict::Change, "what is wanted there already is nobody else's");
}

#[test]
fn a_nic_that_we_failed_to_configure_is_not_taken_for_ours() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    let plan = scene.plan();
    scene.node.fails_at = Some(0);
    assert_eq!(scene.carry_out(&plan)[&mac(A)].reason(), Reason::ApplyFailed);
    assert_eq!(scene.ledger, Ledger::default());
}

#[test]
fn our_addresses_go_from_a_nic_without_our_name_and_nothing_else_does() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    let link = &mut scene.node.kernel.links[1];
    link.name = "storage".to_owned();
    link.addresses.push(address("10.9.0.5/24"));
    scene.want(&[]);
    scene.converge();
    let link = scene.link(A);
    assert_eq!(
        (link.name.as_str(), link.up, &link.addresses),
        ("storage", true, &vec![address("10.9.0.5/24")])
    );
}

#[test]
fn two_nics_that_had_the_same_name_once_are_given_different_ones() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[]), nic(B, "multinic1", &[])]);
    scene.converge();
    for entry in scene.ledger.nics.values_mut() {
        entry.original_name = Some("eth1".to_owned());
    }
    scene.want(&[]);
    scene.converge();
    assert_eq!((scene.link(A).name.as_str(), scene.link(B).name.as_str()), ("eth1", "eth2"));
}

#[test]
fn a_file_that_is_written_for_one_nic_is_not_removed_for_another() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    scene.converge();
    scene.node.kernel.links.remove(1);
    scene.want(&[nic(B, "multinic0", &[])]);
    scene.converge();
    assert!(scene.node.files["/etc/netplan/60-multinic-multinic0.yaml"].contains(B));
}

#[test]
fn a_link_that_changed_since_the_plan_is_not_touched() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[]), nic(B, "multinic1", &[])]);
    let plan = scene.plan();
    scene.node.kernel.links[1].controller = Some(9);
    scene.node.kernel.default_routes.push(default_route(4, "10.2.0.1"));
    let before = scene.node.clone();
    let failures = scene.carry_out(&plan);
    assert!(failures.values().all(|failure| failure.reason() == Reason::ChangedMeanwhile));
    assert!(failures.len() == 2 && scene.is_untouched_since(&before), "{failures:?}");
}

#[test]
fn an_uplink_with_an_unproven_address_stops_nobody() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    scene.node.kernel.links[0]
        .addresses
        .push(Address { state: AddressState::Duplicate, ..address("2001:db8:ffff::1/64") });
    scene.converge();
    assert_eq!(scene.link(A).name, "multinic0");
}

#[test]
fn a_nic_keeps_its_name_while_the_object_is_new_and_may_not_know_it() {
    let nics = |names: [&str; 2]| [nic(A, names[0], &["10.0.0.5/24"]), nic(B, names[1], &[])];
    let mut scene = Scene::new(&nics(["multinic1", "multinic0"]));
    scene.converge();
    scene.want(&nics(["multinic0", "multinic1"]));
    scene.desired.keeps_unlisted = true;
    let plan = scene.plan();
    assert!(plan.is_idle(), "{:?}", plan.transactions);
    assert_eq!(
        (plan.decisions[&mac(A)].name.as_str(), &plan.decisions[&mac(A)].verdict),
        ("multinic1", &Verdict::Right)
    );

    // One that is new to us gets none that another one keeps.
    scene.want(&[nic(A, "multinic0", &["10.0.0.5/24"])]);
    scene.desired.keeps_unlisted = false;
    scene.converge();
    scene.want(&nics(["multinic1", "multinic0"]));
    scene.desired.keeps_unlisted = true;
    let Verdict::Refuse(refusal) = scene.verdict(B) else { panic!("{:?}", scene.verdict(B)) };
    assert_eq!(refusal.reason, Reason::NameInUse);

    scene.desired.keeps_unlisted = false;
    scene.converge();
    assert_eq!((scene.link(A).name.as_str(), scene.link(B).name.as_str()), ("multinic1", "multinic0"));
}

#[test]
fn what_a_new_object_does_not_list_is_kept_and_told_until_the_object_says_all() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.0.0.5/24"]), nic(B, "multinic1", &[])]);
    scene.converge();
    scene.want(&[nic(B, "multinic1", &[])]);
    scene.desired.keeps_unlisted = true;
    let plan = scene.plan();
    assert!(plan.is_idle(), "{:?}", plan.transactions);
    let kept = &plan.decisions[&mac(A)];
    assert_eq!((kept.name.as_str(), kept.index), ("multinic0", Some(3)));
    let Verdict::Keep(refusal) = &kept.verdict else { panic!("{kept:?}") };
    assert_eq!(refusal.reason, Reason::Unlisted);
    // It is told as well where an entry that cannot be read keeps every NIC.
    scene.desired.malformed.push(Malformed { mac: None, message: String::new() });
    assert!(scene.plan().decisions.contains_key(&mac(A)));

    scene.desired.malformed.clear();
    scene.desired.keeps_unlisted = false;
    assert_eq!(scene.verdict(A), Verdict::Remove);
}
