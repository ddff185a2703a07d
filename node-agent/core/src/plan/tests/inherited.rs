//! What the Go agent left is taken over as it is.

use super::*;

const OLD: &str = "/etc/netplan/90-multinic0.yaml";
const OURS: &str = "/etc/netplan/60-multinic-multinic0.yaml";

/// A node on which the Go agent configured A.
fn left(wanted: &[Interface]) -> Scene {
    let mut scene = Scene::new(wanted);
    let nic = scene.node.kernel.links.iter_mut().find(|link| link.mac == Some(mac(A))).unwrap();
    nic.name = "multinic0".to_owned();
    nic.up = true;
    nic.addresses = vec![address("10.1.0.5/24")];
    let text = format!(
        "network: {{version: 2, ethernets: {{multinic0: {{match: {{macaddress: '{A}'}}, set-name: multinic0, \
         dhcp4: false, addresses: [10.1.0.5/24]}}}}}}\n"
    );
    scene.node.files.insert(OLD.to_owned(), text);
    scene
}

#[test]
fn its_file_makes_room_for_ours_and_name_state_and_addresses_are_not_touched() {
    let mut scene = left(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    let plan = scene.plan();
    let [transaction] = &plan.transactions[..] else { panic!("{:?}", plan.transactions) };
    let paths: Vec<_> = transaction.files.iter().map(|change| (&*change.path, change.to.is_some())).collect();
    assert_eq!(paths, [(OURS, true), (OLD, false)]);
    let before = scene.link(A).clone();
    scene.converge();
    let after = scene.link(A);
    assert_eq!(
        (&after.name, after.up, &after.addresses, after.mtu),
        (&before.name, before.up, &before.addresses, before.mtu)
    );
    let quiet = |step: &Step| matches!(step, Step::SetIpv6 { .. });
    assert!(transaction.steps.iter().all(quiet), "{:?}", transaction.steps);
    assert_eq!(scene.node.files.keys().collect::<Vec<_>>(), [OURS]);
}

#[test]
fn a_nic_that_is_right_but_for_the_old_file_is_not_right() {
    let mut scene = left(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    let old = scene.node.files[OLD].clone();
    scene.converge();
    scene.node.files.insert(OLD.to_owned(), old);
    assert_eq!(scene.verdict(A), Verdict::Change);
    scene.converge();
}

#[test]
fn the_file_of_a_nic_that_nobody_wants_stays_and_so_does_its_nic() {
    let mut scene = left(&[nic(B, "multinic1", &["10.2.0.5/24"])]);
    let before = scene.link(A).clone();
    scene.converge();
    assert_eq!(scene.link(A), &before);
    assert!(scene.node.files.contains_key(OLD));
}

#[test]
fn an_address_that_is_not_wanted_is_somebodys() {
    let scene = left(&[nic(A, "multinic0", &["10.1.0.6/24"])]);
    assert_eq!(scene.refusal(A), Reason::InUse);
    assert!(scene.plan().is_idle());
}
