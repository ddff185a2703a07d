//! Decisions over whole worlds of plain data, and what executing them does to one.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use multinic_crds::{Interface, MacAddress, Mode};
use proptest::prelude::*;

use super::*;
use crate::{
    desired::Malformed,
    execute::{Failure, Lifeline, execute},
    fence::{AllowedKind, Policy},
    foreign::{self, SourceFile},
    link::LinkKind,
    testing::{PlainNode, address, link, mac, nic},
};

const UPLINK: &str = "fa:16:3e:00:00:ee";
const A: &str = "fa:16:3e:00:00:0a";
const B: &str = "fa:16:3e:00:00:0b";
const C: &str = "fa:16:3e:00:00:0c";

/// A node with an uplink and three free NICs, and everything that was ever done to it.
#[derive(Debug, Clone)]
struct Scene {
    node: PlainNode,
    ledger: Ledger,
    definitions: Vec<Definition>,
    desired: Desired,
}

impl Scene {
    fn new(wanted: &[Interface]) -> Self {
        let mut uplink = link(2, "eth0", UPLINK);
        uplink.up = true;
        uplink.addresses = vec![address("192.0.2.10/24")];
        let kernel = KernelView {
            links: vec![uplink, link(3, "eth1", A), link(4, "eth2", B), link(5, "eth3", C)],
            default_routes: BTreeSet::from([2]),
            api_server_routes: BTreeSet::from([2]),
        };
        let mut scene = Self {
            node: PlainNode::new(kernel, BTreeMap::new()),
            ledger: Ledger::default(),
            definitions: Vec::new(),
            desired: Desired {
                generation: 0,
                mode: Mode::Enforce,
                wanted: BTreeMap::new(),
                malformed: Vec::new(),
            },
        };
        scene.want(wanted);
        scene
    }

    fn want(&mut self, wanted: &[Interface]) {
        self.desired.generation += 1;
        self.desired.wanted = wanted.iter().map(|nic| (nic.mac_address, nic.clone())).collect();
    }

    fn fence(&self) -> Fence {
        let policy = Policy {
            node_ips: BTreeSet::from(["192.0.2.10".parse().unwrap()]),
            link_kinds: BTreeSet::from([AllowedKind::Physical]),
        };
        Fence::around(&self.node.kernel, &self.definitions, &policy)
    }

    fn plan(&self) -> Plan {
        let files = HostFiles { boot: self.node.files.clone(), generated: BTreeMap::new() };
        let (view, fence) = (&self.node.kernel, &self.fence());
        let world =
            World { view, fence, definitions: &self.definitions, files: &files, ledger: &self.ledger };
        Plan::new(&self.desired, world, &BTreeMap::new())
    }

    /// Carries `plan` out as the agent does.
    fn carry_out(&mut self, plan: &Plan) -> BTreeMap<MacAddress, Failure> {
        let lifeline = Lifeline::of(&self.node.kernel, self.fence().vital());
        plan.transactions.iter().for_each(|transaction| self.ledger.intend(transaction));
        let results = execute(&mut self.node, &plan.transactions, &lifeline).now_or_never().unwrap();
        let mut failures = BTreeMap::new();
        for (transaction, result) in plan.transactions.iter().zip(results) {
            match result {
                Ok(()) => self.ledger.settle(transaction),
                Err(failure) => failures.extend(transaction.members.iter().map(|m| (m.mac, failure.clone()))),
            }
        }
        failures
    }

    fn converge(&mut self) {
        let plan = self.plan();
        assert_eq!(self.carry_out(&plan), BTreeMap::new());
        assert!(self.plan().is_idle(), "a second pass finds something: {:?}", self.plan().transactions);
    }

    fn verdict(&self, of: &str) -> Verdict {
        self.plan().decisions[&mac(of)].verdict.clone()
    }

    fn link(&self, of: &str) -> &Link {
        self.node.kernel.links.iter().find(|link| link.mac == Some(mac(of))).unwrap()
    }

    fn refusal(&self, of: &str) -> &'static str {
        match self.verdict(of) {
            Verdict::Refuse(refusal) | Verdict::Keep(refusal) => refusal.reason,
            verdict => panic!("{of} is not refused: {verdict:?}"),
        }
    }
}

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
    assert_eq!(scene.refusal(UPLINK), "ProtectedInterface");
    scene.node.kernel.default_routes.clear();
    assert_eq!(scene.refusal(UPLINK), "ProtectedInterface");
    scene.node.kernel.links[0].addresses.clear();
    assert_eq!(scene.refusal(UPLINK), "ProtectedInterface");
    scene.node.kernel.api_server_routes.clear();
    assert_eq!(scene.verdict(UPLINK), Verdict::Change, "nothing shows any more that it is the uplink");
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
    assert_eq!(scene.refusal(A), "ProtectedInterface");
    assert_eq!(scene.refusal(B), "ProtectedInterface");
    assert_eq!(scene.refusal(C), "ForeignConfiguration");
    assert!(scene.plan().is_idle());
}

#[test]
fn names_files_sizes_and_subnets_that_do_not_fit_are_refused() {
    let mut big = nic(C, "multinic2", &[]);
    big.mtu = Some(9001.try_into().unwrap());
    let mut scene = Scene::new(&[nic(A, "multinic0", &["192.0.2.77/24"]), nic(B, "multinic1", &[]), big]);
    scene.node.files.insert("/etc/netplan/60-multinic-multinic1.yaml".to_owned(), "network: {}\n".to_owned());
    assert_eq!(scene.refusal(A), "SubnetConflict");
    assert_eq!(scene.refusal(B), "ForeignConfiguration");
    assert_eq!(scene.refusal(C), "InvalidMtu");

    scene.want(&[nic(A, "multinic0", &[])]);
    scene.node.kernel.links[3].name = "multinic0".to_owned();
    assert_eq!(scene.refusal(A), "NameInUse");
}

#[test]
fn two_links_with_one_mac_are_ambiguous() {
    let mut scene = Scene::new(&[nic(A, "multinic0", &[])]);
    scene.node.kernel.links.push(link(9, "eth9", A));
    assert_eq!(scene.refusal(A), "AmbiguousMac");
}

#[test]
fn a_file_that_a_person_edited_is_neither_overwritten_nor_removed() {
    let wanted = [nic(A, "multinic0", &[])];
    let mut scene = Scene::new(&wanted);
    scene.converge();
    let text = scene.node.files.get_mut("/etc/netplan/60-multinic-multinic0.yaml").unwrap();
    text.push_str("# mine\n");
    assert_eq!(scene.refusal(A), "EditedByHand");
    scene.want(&[]);
    assert_eq!(scene.refusal(A), "EditedByHand");
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

/// Any three free NICs, wanted or not, under any names, with any addresses.
fn wanted() -> impl Strategy<Value = Vec<Interface>> {
    let nic_of = |of: &'static str| {
        (
            any::<bool>(),
            0usize..4,
            prop::sample::subsequence(vec!["10.1.0.5/24", "10.2.0.5/24", "2001:db8::5/64"], 0..3),
            prop::option::of(1280i64..9000),
        )
            .prop_map(move |(wanted, slot, addresses, mtu)| {
                wanted.then(|| {
                    let mut nic = nic(of, &format!("multinic{slot}"), &addresses);
                    nic.mtu = mtu.map(|bytes| bytes.try_into().unwrap());
                    nic
                })
            })
    };
    (nic_of(A), nic_of(B), nic_of(C)).prop_map(|(a, b, c)| {
        let mut names = BTreeSet::new();
        [a, b, c].into_iter().flatten().filter(|nic| names.insert(nic.name)).collect()
    })
}

proptest! {
    #[test]
    fn any_want_converges_in_one_pass_and_never_touches_the_uplink(first in wanted(), then in wanted()) {
        let mut scene = Scene::new(&first);
        let uplink = scene.link(UPLINK).clone();
        scene.converge();
        scene.want(&then);
        for transaction in scene.plan().transactions {
            for member in &transaction.members {
                let known = scene.desired.wanted.contains_key(&member.mac) || scene.ledger.get(member.mac).is_some();
                prop_assert!(known, "{} is neither wanted nor ours", member.mac);
            }
            prop_assert!(transaction.targets.iter().all(|target| target.index != uplink.index));
        }
        scene.converge();
        prop_assert_eq!(scene.link(UPLINK), &uplink);
    }

    #[test]
    fn a_failure_at_any_change_leaves_the_nic_as_it_was(first in wanted(), then in wanted(), at in 0usize..30) {
        let mut scene = Scene::new(&first);
        scene.converge();
        scene.want(&then);
        let plan = scene.plan();
        let before = scene.node.clone();
        scene.node.fails_at = Some(before.changes() + at);
        let failures = scene.carry_out(&plan);
        let failed: BTreeSet<u32> = plan
            .transactions
            .iter()
            .filter(|transaction| transaction.members.iter().any(|member| failures.contains_key(&member.mac)))
            .flat_map(|transaction| transaction.targets.iter().map(|target| target.index))
            .collect();
        for index in failed {
            prop_assert_eq!(scene.node.kernel.link(index), before.kernel.link(index));
        }
        for change in plan.transactions.iter().filter(|t| t.members.iter().any(|m| failures.contains_key(&m.mac))).flat_map(|t| &t.files) {
            prop_assert_eq!(scene.node.files.get(&change.path), change.from.as_ref());
        }
        for failure in failures.values() {
            prop_assert!(matches!(failure, Failure::RolledBack(_)), "{}", failure);
        }
        // What failed once works the next time.
        scene.node.fails_at = None;
        scene.converge();
    }
}

/// Objects as no API server would let them in: every field may be anything.
fn anything() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,20}".prop_map(Into::into),
        prop::sample::select(vec![
            A,
            B,
            C,
            UPLINK,
            "FA-16-3E-00-00-0A",
            "multinic0",
            "multinic19",
            "eth0",
            "10.1.0.5/24",
            "::/0"
        ])
        .prop_map(Into::into),
    ];
    let keys = prop::sample::select(vec!["macAddress", "name", "addresses", "mtu", "portId", "x"]);
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map(keys.clone(), inner, 0..6).prop_map(|map| serde_json::Value::Object(
                map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn an_object_of_anything_never_panics_and_never_plans_for_a_nic_that_it_does_not_name(
        interfaces in prop::collection::vec(anything(), 0..6),
        mode in anything(),
    ) {
        let mut scene = Scene::new(&[nic(A, "multinic0", &["10.1.0.5/24"])]);
        scene.converge();
        let object = serde_json::json!({ "metadata": {}, "spec": { "interfaces": interfaces, "mode": mode } });
        let Ok(object) = serde_json::from_value(object) else { return Ok(()) };
        scene.desired = Desired::parse(&object);
        let plan = scene.plan();
        for member in plan.transactions.iter().flat_map(|transaction| &transaction.members) {
            let ours = scene.ledger.get(member.mac).is_some() && scene.desired.is_absent(member.mac);
            prop_assert!(ours || scene.desired.wanted.contains_key(&member.mac));
        }
        let uplink = scene.link(UPLINK).index;
        prop_assert!(plan.transactions.iter().flat_map(|t| &t.targets).all(|target| target.index != uplink));
    }
}
