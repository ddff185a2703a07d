//! Which NICs are told as those that nobody asks for.

use super::*;

fn unclaimed(scene: &Scene) -> Vec<String> {
    scene.plan().unclaimed.keys().map(ToString::to_string).collect()
}

#[test]
fn neither_the_uplink_nor_a_wanted_nic_is_unclaimed_and_one_that_others_configure_is() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    assert_eq!(unclaimed(&scene), [B, C]);
    scene.converge();
    assert_eq!(unclaimed(&scene), [B, C]);
    let path = "/etc/netplan/50-cloud-init.yaml".to_owned();
    let text = format!("network: {{ethernets: {{any: {{match: {{macaddress: '{B}'}}, dhcp4: true}}}}}}");
    scene.definitions = foreign::netplan(&SourceFile { path, text });
    assert_eq!(unclaimed(&scene), [B, C]);
}

#[test]
fn parts_of_other_links_and_virtual_ones_are_not_unclaimed() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    let mut vlan = link(9, "eth2.7", B);
    vlan.kind = LinkKind::Virtual("vlan".to_owned());
    vlan.lower = Some(4);
    scene.node.kernel.links.push(vlan);
    assert_eq!(unclaimed(&scene), [C]);
    scene.node.kernel.links[3].controller = Some(2);
    assert_eq!(unclaimed(&scene), [""; 0]);
}

#[test]
fn a_nic_of_an_entry_that_cannot_be_read_is_not_unclaimed_and_one_that_is_given_back_is() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    scene.converge();
    let message = "why".to_owned();
    scene.desired.malformed.push(Malformed { mac: Some(mac(B)), message });
    assert_eq!(unclaimed(&scene), [C]);
    scene.want(&[]);
    scene.desired.malformed.clear();
    assert_eq!(unclaimed(&scene), [B, C]);
    scene.converge();
    assert_eq!(unclaimed(&scene), [A, B, C]);
}
