//! A backend that no host has: the contract is enough for more than netplan.

use multinic_crds::InterfaceName;

use super::*;
use crate::{
    backend::Place,
    parse::bootfile::{BootFile, seal},
};

/// Two files for each NIC, one for its name and one for its addresses, and nothing generated from them.
#[derive(Debug)]
struct TwoFiles;

const NAMES: &str = "/etc/names/";
const ADDRESSES: &str = "/etc/addresses/";

impl Backend for TwoFiles {
    fn name(&self) -> &'static str {
        "two files"
    }

    fn render(&self, nic: &Interface) -> Result<Vec<BootFile>, Explanation> {
        let file = |directory: &str, body: String| BootFile {
            path: format!("{directory}{}", nic.name),
            text: seal(nic.mac_address, &body),
        };
        let lines: Vec<_> = nic.addresses.iter().map(|address| format!("{address}\n")).collect();
        Ok(vec![file(NAMES, format!("{}\n", nic.name)), file(ADDRESSES, lines.concat())])
    }

    fn paths(&self, name: InterfaceName) -> Vec<String> {
        [NAMES, ADDRESSES].map(|directory| format!("{directory}{name}")).into()
    }

    fn addresses(&self, text: &str) -> Vec<IpNet> {
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    fn places(&self) -> &'static [Place] {
        &[]
    }
}

fn scene(wanted: &[Interface]) -> Scene {
    Scene { backend: &TwoFiles, ..Scene::new(wanted) }
}

fn paths(scene: &Scene) -> Vec<&str> {
    scene.node.files.keys().map(String::as_str).collect()
}

#[test]
fn every_file_of_a_nic_is_written_renamed_and_removed_with_it() {
    let mut scene = scene(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    assert_eq!(paths(&scene), ["/etc/addresses/multinic0", "/etc/names/multinic0"]);
    scene.want(&[nic(A, "multinic3", &["10.1.0.6/24"])]);
    scene.converge();
    assert_eq!(paths(&scene), ["/etc/addresses/multinic3", "/etc/names/multinic3"]);
    scene.want(&[]);
    scene.converge();
    assert_eq!((paths(&scene), scene.link(A).name.as_str()), (vec![], "eth1"));
}

#[test]
fn one_of_several_files_that_somebody_edited_keeps_the_nic_as_it_is() {
    let mut scene = scene(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.node.files.get_mut("/etc/addresses/multinic0").unwrap().push_str("10.9.0.9/24\n");
    assert_eq!(scene.refusal(A), Reason::EditedByHand);
    scene.want(&[]);
    assert_eq!(scene.refusal(A), Reason::EditedByHand);
}

#[test]
fn files_alone_tell_after_a_loss_of_the_ledger_what_is_ours_and_what_it_was_given() {
    let mut scene = scene(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.ledger = Ledger::default();
    let files = HostFiles { boot: scene.node.files.clone(), ..HostFiles::default() };
    scene.ledger.recall("a boot", &files, Backends::of(&[&TwoFiles]));
    let known = scene.ledger.get(mac(A)).unwrap();
    assert_eq!(
        (known.name.to_string(), known.addresses.len(), known.adopted),
        ("multinic0".to_owned(), 1, true)
    );
}

#[test]
fn a_second_file_that_cannot_be_written_takes_back_the_first_and_the_kernel() {
    let mut scene = scene(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    let (plan, before) = (scene.plan(), scene.link(A).clone());
    let steps = plan.transactions[0].steps.len();
    scene.node.fails_at = Some(steps + 1);
    assert_eq!(scene.carry_out(&plan)[&mac(A)].reason(), Reason::NotPersisted);
    assert_eq!((paths(&scene), scene.link(A)), (vec![], &before));
}

#[test]
fn a_host_that_changes_its_backend_has_the_files_of_the_new_one_and_no_link_is_touched() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"]), nic(B, "multinic1", &[])]);
    scene.converge();
    let backends: [&'static dyn Backend; 5] = [&Networkd, &NetworkManager, &TwoFiles, &Wicked, &Netplan];
    for backend in backends {
        scene.backend = backend;
        let kernel = scene.node.kernel.clone();
        let plan = scene.plan();
        let steps = plan.transactions.iter().flat_map(|transaction| &transaction.steps);
        assert_eq!(steps.collect::<Vec<_>>(), [&Step::SetUp { index: 0 }; 0]);
        scene.converge();
        let of_backend = |path: &String| backend.owner_of(path).is_some();
        let wanted = scene.desired.wanted.values();
        let files: usize = wanted.map(|nic| backend.render(nic).unwrap().len()).sum();
        assert!(
            scene.node.files.keys().all(of_backend) && scene.node.files.len() == files,
            "{:?}",
            paths(&scene)
        );
        assert_eq!(scene.node.kernel, kernel);
    }
}

#[test]
fn a_file_of_the_old_backend_that_somebody_edited_is_told_and_kept() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.converge();
    scene.node.files.values_mut().next().unwrap().push_str("# mine\n");
    scene.backend = &Networkd;
    assert_eq!(scene.refusal(A), Reason::EditedByHand);
    assert!(scene.plan().is_idle());
}

/// A host that remembers of `multinic0` what the NIC with the MAC address `A` was given.
fn remembering() -> Scene {
    let mut scene =
        Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"]), nic(C, "multinic1", &["10.3.0.5/24"])]);
    scene.backend = &Wicked;
    scene.converge();
    scene
}

fn remembered(scene: &Scene) -> Vec<(&str, String)> {
    let of =
        |(name, nets): (&'static str, &Vec<IpNet>)| (name, nets.iter().map(ToString::to_string).collect());
    ["multinic0", "multinic1", "multinic3"]
        .into_iter()
        .filter_map(|name| Some(of((name, scene.node.remembered.get(name)?))))
        .collect()
}

fn addresses(scene: &Scene, of: &str) -> Vec<String> {
    scene.link(of).addresses.iter().map(|address| address.net.to_string()).collect()
}

#[test]
fn a_name_that_another_nic_gets_brings_it_nothing_of_the_one_before() {
    let mut scene = remembering();
    scene.want(&[nic(B, "multinic0", &["10.1.0.6/24"]), nic(C, "multinic1", &["10.3.0.5/24"])]);
    scene.converge();
    assert_eq!(addresses(&scene, B), ["10.1.0.6/24"]);
    assert_eq!((scene.link(A).name.as_str(), addresses(&scene, A)), ("eth1", vec![]));
    assert_eq!(
        remembered(&scene),
        [("multinic0", "10.1.0.6/24".to_owned()), ("multinic1", "10.3.0.5/24".to_owned())]
    );
}

#[test]
fn a_nic_that_changes_is_taken_up_as_it_has_become_and_one_that_is_away_is_forgotten() {
    let mut scene = remembering();
    scene.want(&[nic(A, "multinic3", &["10.1.0.6/24"]), nic(C, "multinic1", &["10.3.0.6/24"])]);
    scene.converge();
    assert_eq!(
        remembered(&scene),
        [("multinic1", "10.3.0.6/24".to_owned()), ("multinic3", "10.1.0.6/24".to_owned())]
    );
    scene.node.kernel.links.retain(|link| link.mac != Some(mac(A)));
    scene.want(&[nic(C, "multinic1", &["10.3.0.6/24"])]);
    scene.converge();
    assert_eq!(remembered(&scene), [("multinic1", "10.3.0.6/24".to_owned())]);
}

#[test]
fn a_host_that_cannot_be_told_or_anything_that_fails_later_leaves_every_nic_as_it_was() {
    let wants: [&[Interface]; 3] = [
        &[nic(B, "multinic0", &["10.1.0.6/24"]), nic(C, "multinic1", &["10.3.0.5/24"])],
        &[nic(A, "multinic3", &["10.1.0.5/24"]), nic(C, "multinic1", &["10.3.0.7/24"])],
        &[],
    ];
    for want in wants {
        let mut scene = remembering();
        scene.want(want);
        let plan = scene.plan();
        let before = scene.node.clone();
        let ledger = scene.ledger.clone();
        for fails_at in 0..40 {
            (scene.node, scene.ledger) = (before.clone(), ledger.clone());
            scene.node.fails_at = Some(before.changes() + fails_at);
            for mac in scene.carry_out(&plan).into_keys() {
                let link =
                    |node: &PlainNode| node.kernel.links.iter().find(|link| link.mac == Some(mac)).cloned();
                assert_eq!(link(&scene.node), link(&before), "{fails_at} of {plan:?}");
            }
            if !scene.node.recorded.is_empty() && scene.node.files == before.files {
                assert_eq!(scene.node.remembered, before.remembered, "{fails_at} of {plan:?}");
            }
        }
    }
}

#[test]
fn a_manager_of_links_is_told_of_what_changes_and_of_no_repair() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.backend = &NetworkManager;
    let notices = |scene: &Scene| {
        let told = scene.plan().transactions.into_iter().map(|transaction| transaction.notices);
        told.map(|notices| (notices.forget, notices.adopt)).collect::<Vec<_>>()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let multinic0 = BTreeSet::from(["multinic0".parse().unwrap()]);
    assert_eq!(notices(&scene), [(names(&["eth1"]), multinic0.clone())]);
    scene.converge();
    scene.node.kernel.links.iter_mut().find(|link| link.mac == Some(mac(A))).unwrap().mtu = 1400;
    scene.node.kernel.links.iter_mut().find(|link| link.mac == Some(mac(A))).unwrap().addresses.clear();
    assert_eq!(notices(&scene), [(names(&[]), BTreeSet::new())]);
    scene.converge();
    scene.want(&[]);
    assert_eq!(notices(&scene), [(names(&["multinic0"]), multinic0)]);
}

#[test]
fn where_nobody_listens_nothing_is_begun_that_would_have_to_be_told() {
    for want in [vec![nic(A, "multinic0", &["10.1.0.6/24"])], vec![nic(B, "multinic5", &[])], vec![]] {
        let mut scene = remembering();
        scene.want(&want);
        scene.node.is_deaf = true;
        let (plan, before) = (scene.plan(), scene.node.clone());
        let failures = scene.carry_out(&plan);
        assert!(!failures.is_empty());
        for failure in failures.values() {
            assert!(matches!(failure, Failure::NotBegun(_)), "{failure}");
            assert_eq!(failure.reason(), Reason::ManagerUnreachable);
        }
        assert!(scene.is_untouched_since(&before));
    }
}

#[test]
fn what_somebody_else_has_made_of_a_link_or_a_name_of_ours_is_not_told_about() {
    let told = |scene: &Scene| {
        let notices = scene.plan().transactions.into_iter().map(|transaction| transaction.notices);
        notices.map(|notices| (notices.forget, notices.forget_names)).collect::<Vec<_>>()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    // The NIC is away, and another link has its name.
    let mut scene = remembering();
    scene.node.kernel.links.retain(|link| link.mac != Some(mac(A)));
    scene.node.kernel.links.iter_mut().find(|link| link.mac == Some(mac(B))).unwrap().name =
        "multinic0".to_owned();
    scene.want(&[nic(C, "multinic1", &["10.3.0.5/24"])]);
    assert_eq!(told(&scene), [(names(&[]), names(&["multinic0"]))]);
    // The NIC has neither our name nor our address any more.
    let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
    scene.backend = &NetworkManager;
    scene.converge();
    let link = scene.node.kernel.links.iter_mut().find(|link| link.mac == Some(mac(A))).unwrap();
    (link.name, link.addresses) = ("eth1".to_owned(), vec![address("10.9.0.9/24")]);
    scene.want(&[]);
    assert_eq!(told(&scene), [(names(&[]), names(&[]))]);
}

#[test]
fn what_others_put_on_a_nic_stays_though_the_host_forgets_the_nic_before_it_changes() {
    let mut scene = Scene { backend: &Wicked, ..Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]) };
    scene.converge();
    let guest = Address {
        manner: Manner { lifetimes: Some((60, 120)), ..Manner::default() },
        ..address("10.1.0.200/32")
    };
    scene.node.kernel.links[1].addresses.push(guest.clone());
    scene.want(&[nic(A, "multinic1", &["10.1.0.5/24"])]);
    scene.converge();
    assert_eq!(scene.link(A).addresses, [address("10.1.0.5/24"), guest]);
}
