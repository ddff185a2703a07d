//! What holds for whatever is wanted, and however it fails.

use multinic_crds::{Addressing, SourceRouting};
use proptest::prelude::*;

use super::*;
use crate::{
    leases::Word,
    observed::{lease::Lease, link::is_link_local},
    parse::{
        self,
        bootfile::{Owner, owner},
        desired::nets,
    },
};

/// Any three free NICs, wanted or not, under any names, with any addresses.
pub(super) fn wanted() -> impl Strategy<Value = Vec<Interface>> {
    let nic_of = |of: &'static str| {
        (
            any::<bool>(),
            0usize..4,
            prop::sample::subsequence(vec!["10.1.0.5/24", "10.2.0.5/24", "2001:db8::5/64"], 0..3),
            prop::option::of(1280i64..9000),
            (
                any::<bool>(),
                prop::sample::subsequence(vec!["10.30.0.0/16", "10.40.0.0/16", "2001:db8:30::/48"], 0..3),
            ),
        )
            .prop_map(move |(wanted, slot, addresses, mtu, (answers, destinations))| {
                wanted.then(|| {
                    let mut nic = nic(of, &format!("multinic{slot}"), &addresses);
                    nic.mtu = mtu.map(|bytes| bytes.try_into().unwrap());
                    lead_out(&mut nic, answers, &destinations);
                    nic
                })
            })
    };
    (nic_of(A), nic_of(B), nic_of(C)).prop_map(|(a, b, c)| {
        let mut names = BTreeSet::new();
        [a, b, c].into_iter().flatten().filter(|nic| names.insert(nic.name)).collect()
    })
}

/// Gives the NIC routes to `destinations` by the first hosts of its own subnets, and has it answer by those, where it
/// `answers` at all.
fn lead_out(nic: &mut Interface, answers: bool, destinations: &[&str]) {
    let gateway = |ipv6: bool| {
        let nets = nets(nic);
        let net = nets.into_iter().find(|net| net.addr().is_ipv6() == ipv6)?;
        net.hosts().next().map(|ip| serde_json::json!(ip))
    };
    let all: Vec<_> = [gateway(false), gateway(true)].into_iter().flatten().collect();
    let routes: Vec<_> = destinations
        .iter()
        .filter_map(|to| Some(serde_json::json!({ "destination": to, "via": gateway(to.contains(':'))? })))
        .collect();
    nic.routes = serde_json::from_value(routes.into()).unwrap();
    let routing = serde_json::json!({ "gateways": all });
    nic.source_routing = (answers && !all.is_empty()).then(|| serde_json::from_value(routing).unwrap());
}

/// Has a server lease what `nics` are wanted to have, where that is one IPv4 address and its NIC is among those that ask one.
pub(super) fn lease(scene: &mut Scene, nics: &[Interface], asks: [bool; 3]) -> Vec<Interface> {
    let mut seen = BTreeSet::new();
    // What no object may ask for is refused together with what it contradicts.
    if !nics.iter().flat_map(|nic| &nic.addresses).all(|address| seen.insert(*address)) {
        return nics.to_vec();
    }
    let asking: Vec<MacAddress> =
        [A, B, C].into_iter().zip(asks).filter(|(_, asks)| *asks).map(|(of, _)| mac(of)).collect();
    let of_server = |nic: &Interface| {
        let [address] = nic.addresses[..] else { return nic.clone() };
        if address.is_ipv6() || !asking.contains(&nic.mac_address) {
            return nic.clone();
        }
        let gateway = nic.source_routing.as_ref().map(|routing| routing.gateways[0].ip());
        let lease = Lease {
            addressing: Addressing::Dhcp4,
            address: address.net(),
            expires: 600,
            mtu: None,
            gateway,
            routes: BTreeMap::new(),
        };
        scene.leases.words.insert(nic.mac_address, Word::Leased(lease));
        let source_routing = gateway.map(|_| SourceRouting { gateways: Vec::new() });
        Interface {
            addressing: Some(Addressing::Dhcp4),
            addresses: Vec::new(),
            source_routing,
            ..nic.clone()
        }
    };
    nics.iter().map(of_server).collect()
}

/// Whether udev knows each NIC, and whether it is called by its first name.
pub(super) fn named() -> impl Strategy<Value = [Option<bool>; 3]> {
    prop::array::uniform3(prop::option::of(any::<bool>()))
}

/// What configures the host at boot.
pub(super) fn backend() -> impl Strategy<Value = &'static dyn Backend> {
    let all: Vec<&'static dyn Backend> = vec![&Netplan, &Networkd, &NetworkManager, &Wicked];
    prop::sample::select(all)
}

pub(super) fn named_scene(
    first: &[Interface],
    named: [Option<bool>; 3],
    backend: &'static dyn Backend,
) -> Scene {
    let mut scene = Scene { backend, ..Scene::new(first) };
    for (index, named) in (3..).zip(named) {
        if let Some(is_called) = named {
            scene.name_by_udev(index, is_called);
        }
    }
    scene
}

proptest! {
    #[test]
    fn any_want_converges_in_one_pass_and_never_touches_the_uplink(
        first in wanted(), then in wanted(), named in named(), (was, is) in (backend(), backend()),
        (asked, asks) in (any::<[bool; 3]>(), any::<[bool; 3]>()),
    ) {
        let mut scene = named_scene(&[], named, was);
        let first = lease(&mut scene, &first, asked);
        scene.want(&first);
        let uplink = scene.link(UPLINK).clone();
        scene.converge();
        if was.name() != is.name() {
            // It was restarted meanwhile.
            scene.node.remembered.clear();
            scene.backend = is;
        }
        let leased = lease(&mut scene, &then, asks);
        scene.want(&leased);
        for transaction in scene.plan().transactions {
            for member in &transaction.members {
                let known = scene.desired.wanted.contains_key(&member.mac) || scene.ledger.get(member.mac).is_some();
                prop_assert!(known, "{} is neither wanted nor ours", member.mac);
            }
            prop_assert!(transaction.targets.iter().all(|target| target.index != uplink.index));
        }
        scene.converge();
        prop_assert_eq!(scene.link(UPLINK), &uplink);
        for nic in &then {
            let found = scene.link(&nic.mac_address.to_string()).nets();
            prop_assert_eq!(found.into_iter().filter(|net| !is_link_local(net)).collect::<BTreeSet<_>>(), nets(nic));
            let routes = scene.link(&nic.mac_address.to_string()).routes.keys().cloned().collect::<BTreeSet<_>>();
            prop_assert_eq!(routes, parse::routing::routes(nic));
        }
        let rules: BTreeSet<_> = then.iter().flat_map(parse::routing::rules).collect();
        prop_assert_eq!(scene.node.kernel.source_rules(), rules);
    }

    #[test]
    fn what_is_written_for_a_nic_gives_it_its_addresses_and_is_known_as_its_own(wanted in wanted(), backend in backend()) {
        for nic in wanted {
            let files = backend.render(&nic).unwrap();
            let given: BTreeSet<_> = files.iter().flat_map(|file| ALL.addresses(&file.path, &file.text)).collect();
            prop_assert_eq!(given, nets(&nic));
            let paths = backend.paths(nic.name);
            prop_assert!(files.iter().all(|file| paths.contains(&file.path)));
            for file in files {
                prop_assert_eq!(ALL.owner_of(&file.path), Some(nic.name));
                prop_assert_eq!(owner(&file.text), Owner::Us(nic.mac_address));
            }
        }
    }

    #[test]
    fn a_failure_at_any_change_leaves_the_nic_as_it_was(
        first in wanted(), then in wanted(), named in named(), at in 0usize..30, backend in backend(),
        (asked, asks) in (any::<[bool; 3]>(), any::<[bool; 3]>()),
    ) {
        let mut scene = named_scene(&[], named, backend);
        let first = lease(&mut scene, &first, asked);
        scene.want(&first);
        scene.converge();
        let then = lease(&mut scene, &then, asks);
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
        if failures.len() == plan.transactions.iter().map(|transaction| transaction.members.len()).sum::<usize>() {
            prop_assert_eq!(scene.node.kernel.source_rules(), before.kernel.source_rules());
        }
        for change in plan.transactions.iter().filter(|t| t.members.iter().any(|m| failures.contains_key(&m.mac))).flat_map(|t| &t.files) {
            prop_assert_eq!(scene.node.files.get(&change.path), change.from.as_ref());
        }
        for failure in failures.values() {
            let untold = matches!(failure, Failure::NotBegun(why) if why.reason == Reason::ManagerUnreachable);
            prop_assert!(untold || matches!(failure, Failure::RolledBack(_)), "{}", failure);
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
