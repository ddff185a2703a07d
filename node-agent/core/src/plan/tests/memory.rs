//! What the ledger is for: telling what is ours from what was there before, and from what came later.

use super::*;

const BOOT: &str = "this boot";

impl Scene {
    fn recall(&mut self, boot_id: &str) {
        let files = HostFiles { boot: self.node.files.clone(), ..HostFiles::default() };
        self.ledger.recall(boot_id, &files, Backends::of(&self.backends()));
    }
}

fn sized(bytes: i64, addresses: &[&str]) -> Interface {
    Interface { mtu: Some(bytes.try_into().unwrap()), ..nic(A, "multinic0", addresses) }
}

#[test]
fn a_nic_that_was_away_when_its_row_went_is_given_back_when_it_returns() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.recall(BOOT);
    scene.converge();
    let gone = scene.node.kernel.links.remove(1);
    scene.want(&[]);
    scene.converge();
    assert_eq!(
        (scene.node.files.len(), scene.plan().decisions.len()),
        (0, 0),
        "nothing is said of it any more"
    );

    scene.want(&[nic(B, "multinic0", &[])]);
    scene.node.kernel.links.push(gone);
    scene.converge();
    assert_eq!((scene.link(A).name.as_str(), scene.link(A).up), ("eth1", false));
    assert_eq!(scene.link(B).name, "multinic0", "its slot is free");
    assert_eq!(scene.ledger.get(mac(A)), None);
}

#[test]
fn a_nic_that_returns_as_another_is_not_ours_any_more() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.node.kernel.links.remove(1);
    scene.want(&[]);
    scene.converge();
    let mut anew = link(9, "ens9", A);
    anew.addresses = vec![address("10.7.0.5/24")];
    scene.node.kernel.links.push(anew.clone());
    scene.converge();
    assert_eq!((scene.link(A), scene.ledger.get(mac(A))), (&anew, None));
}

#[test]
fn a_nic_that_is_wanted_again_while_it_is_away_is_as_it_was_known() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    scene.converge();
    let gone = scene.node.kernel.links.remove(1);
    scene.want(&[]);
    scene.converge();
    scene.want(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.node.kernel.links.push(gone);
    scene.converge();
    let entry = scene.ledger.get(mac(A)).unwrap();
    assert_eq!((entry.away, entry.original_name.as_deref()), (None, Some("eth1")));
}

#[test]
fn without_the_ledger_what_we_gave_a_nic_is_not_taken_for_what_it_was() {
    let mut scene = Scene::new(&[sized(1400, &["10.1.0.5/24"])]);
    scene.converge();
    scene.ledger = Ledger::default();
    scene.want(&[sized(1300, &["10.1.0.6/24"])]);
    scene.recall(BOOT);
    scene.converge();
    assert_eq!(scene.link(A).addresses, [address("10.1.0.6/24")], "the old one is known by our boot file");
    let entry = scene.ledger.get(mac(A)).unwrap().clone();
    assert_eq!((entry.original_name, entry.original_mtu, entry.original_ipv6), (None, None, None));

    scene.want(&[]);
    scene.converge();
    assert_eq!(scene.link(A).ipv6, Some(Ipv6::KERNEL_DEFAULT));
}

#[test]
fn without_ledger_and_file_one_of_our_names_says_as_much() {
    let mut scene = Scene::new(&[sized(1400, &[])]);
    scene.converge();
    (scene.ledger, scene.node.files) = (Ledger::default(), BTreeMap::new());
    scene.converge();
    let entry = scene.ledger.get(mac(A)).unwrap();
    assert_eq!((entry.adopted, entry.original_mtu, entry.original_ipv6), (true, None, None));
}

#[test]
fn what_a_nic_was_known_for_is_written_down_again_once_the_ledger_is_lost() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.ledger = Ledger::default();
    scene.recall(BOOT);
    assert_eq!(scene.verdict(A), Verdict::Change);
    scene.converge();
    assert_eq!(scene.verdict(A), Verdict::Right);
}

#[test]
fn an_address_that_we_gave_in_an_earlier_boot_is_somebody_elses_now() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.recall("earlier boot");
    scene.converge();
    scene.want(&[nic(A, "multinic0", &["10.1.0.6/24"])]);
    scene.converge();
    scene.recall(BOOT);
    scene.node.kernel.links[1].addresses.push(address("10.1.0.5/24"));
    scene.converge();
    assert_eq!(scene.link(A).addresses, [address("10.1.0.6/24"), address("10.1.0.5/24")]);
}

#[test]
fn of_a_nic_whose_entry_cannot_be_read_nothing_is_given_back() {
    let mut scene = Scene::new(&[]);
    let damaged = serde_json::json!({ "version": 1, "nics": { A: { "name": 7 } } });
    scene.ledger = serde_json::from_value(damaged).unwrap();
    let before = scene.node.clone();
    let files = HostFiles::default();
    let (view, fence) = (&scene.node.kernel, &scene.fence());
    let backends = scene.backends();
    let world = World {
        backend: &Netplan,
        backends: Backends::of(&backends),
        view,
        fence,
        definitions: &[],
        files: &files,
        ledger: &scene.ledger,
        leases: &scene.leases,
    };
    for wanted in [vec![], vec![nic(A, "multinic0", &[])]] {
        let mut scene = scene.clone();
        scene.want(&wanted);
        let plan = Plan::new(&scene.desired, world, &Blocked::default());
        let (Verdict::Keep(refusal) | Verdict::Unfit(refusal)) = &plan.decisions[&mac(A)].verdict else {
            panic!("{plan:?}");
        };
        assert_eq!((refusal.reason, plan.is_idle()), (Reason::LedgerUnreadable, true));
    }
    assert_eq!(scene.node, before);
}
