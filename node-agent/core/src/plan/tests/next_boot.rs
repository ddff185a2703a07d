//! NICs that are right now, and will not be at the next boot.

use super::*;

#[test]
fn a_nic_that_is_right_and_that_somebody_else_configures_at_the_next_boot_is_left_and_is_no_success() {
    let file =
        |text: &str| SourceFile { path: "/etc/netplan/50-cloud-init.yaml".to_owned(), text: text.to_owned() };
    for text in [
        format!("network: {{ethernets: {{eth1: {{match: {{macaddress: '{A}'}}, set-name: eth1}}}}}}"),
        "network: {ethernets: {multinic0: {dhcp4: true}}}".to_owned(),
    ] {
        let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
        scene.converge();
        let before = scene.node.clone();
        scene.definitions = foreign::netplan(&file(&text));
        assert_eq!(scene.refusal(A), Reason::ForeignConfiguration, "{text}");
        assert!(scene.plan().is_idle());
        assert_eq!(scene.node, before);

        // A VLAN on it protects the NIC, too, and says nothing about the next boot.
        let vlan = LinkKind::Virtual("vlan".to_owned());
        let vlan = Link { kind: vlan, lower: Some(3), permanent_mac: None, ..link(7, "multinic0.5", C) };
        scene.node.kernel.links.push(vlan);
        assert_eq!(scene.refusal(A), Reason::ForeignConfiguration, "{text}");
        scene.definitions.clear();
        assert_eq!(scene.verdict(A), Verdict::Right, "{text}");
    }
}

#[test]
fn a_file_of_an_earlier_name_that_was_edited_is_told_before_and_after_the_name_is_another_one() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    let edited = scene.node.files.values().next().unwrap().clone() + "# by hand\n";
    scene.node.files.insert("/etc/netplan/60-multinic-multinic0.yaml".to_owned(), edited.clone());
    scene.want(&[nic(A, "multinic1", &["10.1.0.5/24"])]);
    assert_eq!(scene.refusal(A), Reason::EditedByHand);
    scene.node.files.clear();
    scene.converge();
    assert_eq!(scene.verdict(A), Verdict::Right);
    scene.node.files.insert("/etc/netplan/60-multinic-multinic0.yaml".to_owned(), edited);
    assert_eq!(scene.refusal(A), Reason::EditedByHand);
}

/// Somebody's netplan file, as the fence reads it.
fn netplan_of_others(ethernets: &str) -> Vec<Definition> {
    let text = format!("network: {{version: 2, ethernets: {ethernets}}}\n");
    foreign::netplan(&SourceFile { path: "/etc/netplan/50-cloud-init.yaml".to_owned(), text })
}

#[test]
fn a_nic_that_somebody_elses_file_takes_later_is_not_called_right() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    for ethernets in [
        format!("{{eth1: {{match: {{macaddress: '{A}'}}, set-name: eth1}}}}"),
        "{multinic0: {addresses: [10.3.0.5/24]}}".to_owned(),
        "{up: {match: {macaddress: '02:00:00:00:00:01'}, set-name: multinic0}}".to_owned(),
    ] {
        scene.definitions = netplan_of_others(&ethernets);
        assert_eq!(scene.refusal(A), Reason::ForeignConfiguration, "{ethernets}");
        assert!(scene.plan().is_idle(), "the kernel is left alone");
    }
    let networkd = |path: &str, text: &str| {
        foreign::networkd(
            &SourceFile { path: path.to_owned(), text: text.to_owned() },
            &[],
            &OurNetworks(ALL.networks()),
        )
        .into_iter()
        .collect()
    };
    let all = "[Match]\nName=*\n[Network]\nDHCP=yes\n";
    scene.definitions = networkd("/etc/systemd/network/05-all.network", all);
    assert_eq!(scene.refusal(A), Reason::ForeignConfiguration);
    // networkd would read ours first at the next boot, and takes the link by this one until then.
    scene.definitions = networkd("/etc/systemd/network/90-all.network", all);
    assert_eq!(scene.refusal(A), Reason::ForeignConfiguration);
    scene.definitions = netplan_of_others("{eth0: {dhcp4: true}, eth2: {dhcp4: true}}");
    assert_eq!(scene.verdict(A), Verdict::Right);
}

#[test]
fn an_edited_file_of_the_slot_that_a_nic_had_is_not_passed_over() {
    let mut scene = Scene::new(&[nic(A, "multinic1", &[])]);
    scene.converge();
    scene.node.files.get_mut("/etc/netplan/60-multinic-multinic1.yaml").unwrap().push_str("# mine\n");
    scene.want(&[nic(A, "multinic0", &[])]);
    assert_eq!(scene.refusal(A), Reason::EditedByHand);
    assert!(scene.plan().is_idle());

    // One that comes back later, beside the NIC's present file.
    let edited = scene.node.files.remove("/etc/netplan/60-multinic-multinic1.yaml").unwrap();
    scene.converge();
    scene.node.files.insert("/etc/netplan/60-multinic-multinic1.yaml".to_owned(), edited);
    assert_eq!(scene.refusal(A), Reason::EditedByHand);
}
