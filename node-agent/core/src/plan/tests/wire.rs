//! Addresses that other hosts have, where the network is asked.

use multinic_crds::Verify;

use super::*;
use crate::wire::{Findings, Proofs, Question, present, questions};

fn proven(nic: Interface) -> Interface {
    Interface { verify: Verify::Wire, ..nic }
}

#[test]
fn an_address_of_another_host_is_not_given_and_no_other_nic_suffers() {
    let wanted = [
        proven(nic(A, "multinic0", &["10.1.0.5/24", "10.1.0.6/24"])),
        proven(nic(B, "multinic1", &["10.2.0.5/24"])),
        nic(C, "multinic2", &["10.3.0.5/24"]),
    ];
    let mut scene = Scene::new(&wanted);
    scene.node.answered = ["10.1.0.6", "10.3.0.5"].map(|ip| ip.parse().unwrap()).into();
    let before = scene.link(A).clone();
    let plan = scene.plan();
    let failures = scene.carry_out(&plan);
    assert_eq!(failures.keys().collect::<Vec<_>>(), [&mac(A)], "who is not asked says nothing");
    let failure = &failures[&mac(A)];
    assert_eq!((failure.reason(), failure.is_as_before()), (Reason::AddressInUse, true), "{failure}");
    assert!(failure.to_string().contains("fa:16:3e:99:99:99"), "{failure}");
    assert_eq!(scene.link(A), &before);
    assert_eq!(scene.link(B).name, "multinic1");
    assert!(scene.ledger.get(mac(A)).is_none());

    scene.node.answered.clear();
    scene.converge();
    assert_eq!(scene.link(A).addresses.len(), 2);
}

#[test]
fn nics_that_exchange_their_names_are_asked_about_each_for_its_own_address() {
    let [one, other] = [["10.1.0.5/24"], ["10.2.0.5/24"]];
    let mut scene = Scene::new(&[proven(nic(A, "multinic0", &one)), proven(nic(B, "multinic1", &other))]);
    scene.converge();
    scene.want(&[proven(nic(A, "multinic1", &other)), proven(nic(B, "multinic0", &one))]);
    scene.node.answered.insert("10.1.0.5".parse().unwrap());
    let before = scene.node.kernel.clone();
    let plan = scene.plan();
    assert_eq!(scene.carry_out(&plan).len(), 2, "both or none");
    let names = |kernel: &KernelView| {
        kernel.links.iter().map(|link| (link.name.clone(), link.nets())).collect::<Vec<_>>()
    };
    assert_eq!(names(&scene.node.kernel), names(&before));
    scene.node.answered.clear();
    scene.converge();
}

#[test]
fn an_address_that_turns_out_to_be_taken_is_let_go_and_comes_back_once_it_is_free() {
    let all = [proven(nic(A, "multinic0", &["10.1.0.5/24", "2001:db8::5/64"]))];
    let mut scene = Scene::new(&all);
    scene.converge();
    let (mut proofs, now) = (Proofs::default(), std::time::Instant::now());
    let desired = scene.desired.clone();
    let asked = |scene: &Scene, proofs: &Proofs| -> Vec<Question> {
        let (plan, failures) = (judged(scene, proofs, &desired), BTreeMap::new());
        let (fence, view) = (&scene.fence(), &scene.node.look());
        let done = crate::wire::Done { desired: &desired, plan: &plan, failures: &failures, fence, view };
        questions(present(done, &proofs.withheld()))
    };
    let due = proofs.due(&desired, asked(&scene, &proofs), now);
    let taken = [("10.1.0.5".parse().unwrap(), mac(B))].into();
    assert!(proofs.learn(&due[0], Ok(Findings { taken, ..Findings::default() }), now));

    scene.desired = proofs.narrow(&desired);
    scene.converge();
    let left: BTreeSet<IpNet> = ["2001:db8::5/64", "fe80::1/64"].map(|net| net.parse().unwrap()).into();
    assert_eq!((scene.link(A).name.as_str(), scene.link(A).nets()), ("multinic0", left));
    let held = judged(&scene, &proofs, &desired).decisions[&mac(A)].verdict.clone();
    assert!(matches!(&held, Verdict::Held(why) if why.reason == Reason::AddressInUse), "{held:?}");

    let later = now + Duration::from_secs(1);
    let due = proofs.due(&desired, asked(&scene, &proofs), later);
    assert_eq!(due.len(), 1, "it is asked on");
    assert!(proofs.learn(&due[0], Ok(Findings::default()), later));
    scene.desired = proofs.narrow(&desired);
    assert_eq!(scene.desired, desired);
    scene.converge();
    assert_eq!(scene.link(A).addresses.len(), 3);
}

/// The plan of what may be given, with what the networks say of it.
fn judged(scene: &Scene, proofs: &Proofs, desired: &Desired) -> Plan {
    let mut plan = scene.plan();
    proofs.judge(desired, &mut plan);
    plan
}

#[test]
fn the_network_of_a_link_that_the_node_lives_by_is_left_alone() {
    let mut scene = Scene::new(&[proven(nic(A, "multinic0", &["10.1.0.5/24"]))]);
    scene.converge();
    let present = |scene: &Scene| {
        let (plan, failures) = (scene.plan(), BTreeMap::new());
        let (desired, fence, view) = (&scene.desired, &scene.fence(), &scene.node.look());
        let done = crate::wire::Done { desired, plan: &plan, failures: &failures, fence, view };
        crate::wire::present(done, &BTreeSet::new()).count()
    };
    assert_eq!(present(&scene), 1);
    // Somebody stacks a VLAN on it.
    let upper = Link { lower: Some(3), ..link(9, "multinic0.7", C) };
    scene.node.kernel.links.push(upper);
    assert_eq!((scene.verdict(A), present(&scene)), (Verdict::Right, 0));
    scene.node.kernel.links.pop();
    scene.node.kernel.links[1].carrier = false;
    assert_eq!(present(&scene), 0, "nobody is there");
}
