//! Statuses as people and the operator read them.

use multinic_crds::{Explanation, Interface};

use super::*;
use crate::{
    backend::{ALL, netplan::Netplan},
    leases::Leases,
    observed::{files::HostFiles, ledger::Ledger},
    plan::{Blocked, World},
    protected::{AllowedKind, Fence, Leak, Past, Policy},
    testing::{link, nic},
};

const A: &str = "fa:16:3e:00:00:0a";
const B: &str = "fa:16:3e:00:00:0b";

struct Scene {
    desired: Desired,
    plan: Plan,
    view: KernelView,
    facts: HostFacts,
}

/// A node with one free NIC, `A`, where these NICs are wanted.
fn scene(wanted: &[Interface], mode: Mode) -> Scene {
    let view = KernelView { links: vec![link(3, "eth1", A)], ..KernelView::default() };
    let policy = Policy { link_kinds: [AllowedKind::Physical].into(), ..Policy::default() };
    let fence = Fence::around(&view, &[], &policy, &Past::default());
    let (files, ledger) = (HostFiles::default(), Ledger::default());
    let world = World {
        backend: &Netplan,
        backends: ALL,
        view: &view,
        fence: &fence,
        definitions: &[],
        files: &files,
        ledger: &ledger,
        leases: &Leases::default(),
    };
    let wanted = wanted.iter().map(|nic| (nic.mac_address, nic.clone())).collect();
    let desired = Desired { generation: 3, mode, wanted, ..Desired::default() };
    let facts = HostFacts { os_image: "Debian".to_owned(), boot_id: "b".to_owned(), agent_version: "0.1.0" };
    Scene { plan: Plan::new(&desired, world, &Blocked::default()), desired, view, facts }
}

impl Scene {
    fn status(
        &self,
        phase: Phase,
        failures: &BTreeMap<MacAddress, Failure>,
        previous: &NodeNetworkConfigStatus,
        second: i64,
    ) -> NodeNetworkConfigStatus {
        let Self { desired, plan, view, facts } = self;
        let report =
            Report { desired, plan: Some(plan), failures, obstacle: None, backend: "netplan", view, phase };
        report.status(facts, previous, Timestamp::from_second(second).unwrap())
    }

    fn settled(&self) -> NodeNetworkConfigStatus {
        self.status(Phase::Settled, &BTreeMap::new(), &NodeNetworkConfigStatus::default(), 1)
    }
}

/// `Ready`, `Degraded`, `Progressing` and the reason of `Ready`.
fn conditions(status: &NodeNetworkConfigStatus) -> (String, String) {
    let parts = status.conditions.iter().map(|one| format!("{}={}", one.type_, one.status));
    (parts.collect::<Vec<_>>().join(" "), status.conditions[0].reason.clone())
}

#[test]
fn a_generation_is_progressing_first_and_ready_once_it_is_proven() {
    let scene = scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    let boot_id = scene.facts.boot_id.clone();
    let before = NodeNetworkConfigStatus { applied_generation: Some(2), boot_id, ..Default::default() };

    let first = scene.status(Phase::Progressing, &BTreeMap::new(), &before, 1);
    assert_eq!(
        conditions(&first),
        ("Ready=False Degraded=False Progressing=True".to_owned(), "Applying".to_owned())
    );
    assert_eq!((first.observed_generation, first.applied_generation), (Some(3), Some(2)));
    assert_eq!((first.interfaces[0].state, first.summary.as_str()), (InterfaceState::Pending, "0/1"));

    let then = scene.status(Phase::Settled, &BTreeMap::new(), &first, 2);
    assert_eq!(
        conditions(&then),
        ("Ready=True Degraded=False Progressing=False".to_owned(), "Configured".to_owned())
    );
    assert_eq!((then.observed_generation, then.applied_generation), (Some(3), Some(3)));
    assert_eq!((then.interfaces[0].state, then.summary.as_str()), (InterfaceState::Configured, "1/1"));
}

#[test]
fn a_status_that_says_the_same_is_the_same_whatever_the_clock_says() {
    let scene = scene(&[nic(A, "multinic0", &[]), nic(B, "multinic1", &[])], Mode::Enforce);
    let first = scene.settled();
    assert_eq!(scene.status(Phase::Settled, &BTreeMap::new(), &first, 999), first);
}

#[test]
fn a_missing_device_is_not_ready_and_no_fault_of_the_node() {
    let status = scene(&[nic(A, "multinic0", &[]), nic(B, "multinic1", &[])], Mode::Enforce).settled();
    assert_eq!(
        conditions(&status),
        ("Ready=False Degraded=False Progressing=False".to_owned(), "DeviceMissing".to_owned())
    );
    assert_eq!(status.summary, "1/2");
}

#[test]
fn a_failure_is_the_nics_own_and_names_its_reason() {
    let scene = scene(&[nic(A, "multinic0", &[]), nic(B, "multinic1", &[])], Mode::Enforce);
    let failure = Failure::RolledBack(Explanation::new(Reason::ApplyFailed, "failed to set the MTU"));
    let failures = BTreeMap::from([(A.parse().unwrap(), failure)]);
    let status = scene.status(Phase::Settled, &failures, &NodeNetworkConfigStatus::default(), 1);
    assert_eq!(
        conditions(&status),
        ("Ready=False Degraded=True Progressing=False".to_owned(), "InterfaceFailed".to_owned())
    );
    assert_eq!(
        (status.interfaces[0].state, status.interfaces[0].reason.as_str()),
        (InterfaceState::Failed, "ApplyFailed")
    );
    assert_eq!(status.interfaces[0].message, "failed to set the MTU; rolled back");
    assert_eq!(status.applied_generation, None);
}

#[test]
fn a_nic_that_changed_while_its_change_was_prepared_has_not_failed() {
    let scene = scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    let failure = Failure::NotBegun(Explanation::new(Reason::ChangedMeanwhile, "planned anew"));
    let failures = BTreeMap::from([(A.parse().unwrap(), failure)]);
    let status = scene.status(Phase::Settled, &failures, &NodeNetworkConfigStatus::default(), 1);
    assert_eq!(
        conditions(&status),
        ("Ready=False Degraded=False Progressing=False".to_owned(), "Applying".to_owned())
    );
    assert_eq!(status.interfaces[0].state, InterfaceState::Pending);
}

#[test]
fn a_nic_without_a_carrier_is_configured_and_says_so() {
    let mut scene = scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    scene.view.links[0].carrier = false;
    let nic = &scene.settled().interfaces[0];
    assert_eq!((nic.state, nic.reason.as_str()), (InterfaceState::Configured, "NoCarrier"));
}

#[test]
fn a_nic_whose_network_does_not_say_that_it_works_is_configured_and_the_node_says_so() {
    let mut scene = scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    let mac = A.parse().unwrap();
    scene.plan.decisions.get_mut(&mac).unwrap().verdict = Verdict::Right;
    scene.plan.unproven.insert(mac, Explanation::new(Reason::GatewaySilent, "10.1.0.1 does not answer"));
    let status = scene.settled();
    assert_eq!(
        conditions(&status),
        ("Ready=True Degraded=True Progressing=False".to_owned(), "GatewaySilent".to_owned())
    );
    let said = &status.interfaces[0];
    assert_eq!((said.state, said.reason.as_str()), (InterfaceState::Configured, "GatewaySilent"));
    assert_eq!(status.conditions[0].message, format!("multinic0 {A}: 10.1.0.1 does not answer"));
    assert_eq!(status.applied_generation, Some(3));
    scene.view.links[0].carrier = false;
    assert_eq!(scene.settled().interfaces[0].reason, "NoCarrier", "there is no network to say anything");
}

#[test]
fn a_dry_run_says_what_it_would_do() {
    let status = scene(&[nic(A, "multinic0", &["10.1.0.5/24"])], Mode::DryRun).settled();
    assert_eq!(conditions(&status).1, "DryRun");
    let message = &status.interfaces[0].message;
    for part in [
        "would rename link 3 to multinic0",
        "add 10.1.0.5/24 to link 3",
        "write /etc/netplan/60-multinic-multinic0.yaml",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

/// What is said where the node cannot be looked at.
fn blind(scene: &Scene, generation: i64, previous: &NodeNetworkConfigStatus) -> NodeNetworkConfigStatus {
    let Scene { desired, view, facts, .. } = scene;
    let refusal = Explanation::new(Reason::LedgerUnreadable, "repair it");
    let report = Report {
        desired: &Desired { generation, ..desired.clone() },
        plan: None,
        failures: &BTreeMap::new(),
        obstacle: Some(&refusal),
        backend: "netplan",
        view,
        phase: Phase::Settled,
    };
    report.status(facts, previous, Timestamp::from_second(2).unwrap())
}

#[test]
fn a_node_that_cannot_be_looked_at_vouches_for_nothing() {
    let both = scene(&[nic(A, "multinic0", &[]), nic(B, "multinic1", &[])], Mode::Enforce);
    let mut before = both.settled();
    assert_eq!(before.interfaces[0].state, InterfaceState::Configured);
    let scene = scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    let status = blind(&scene, 3, &before);
    let [wanted, unwanted] = status.interfaces.as_slice() else { panic!("{status:?}") };
    assert_eq!((wanted.name.as_str(), wanted.state), ("multinic0", InterfaceState::Pending));
    assert_eq!((unwanted.name.as_str(), unwanted.state), ("multinic1", InterfaceState::Removing));
    for nic in [wanted, unwanted] {
        assert_eq!((nic.reason.as_str(), nic.message.as_str()), ("LedgerUnreadable", "repair it"));
        assert_eq!(nic.observed, None, "what was seen before is not what is");
    }
    assert_eq!(
        conditions(&status),
        ("Ready=False Degraded=True Progressing=False".to_owned(), "LedgerUnreadable".to_owned())
    );
    assert_eq!(status.summary, "0/1");
    assert_eq!(status.observed_generation, Some(3));
    let next = blind(&scene, 4, &before);
    assert_eq!(next.observed_generation, Some(3), "nobody has looked at what the new generation asks for");
    assert_eq!(blind(&scene, 3, &status), status);

    before.boot_id = "earlier".to_owned();
    before.applied_generation = Some(3);
    let status = blind(&scene, 3, &before);
    assert_eq!((status.observed_generation, status.applied_generation), (None, None));
}

#[test]
fn an_unwanted_nic_that_cannot_be_given_back_is_a_fault_of_the_node() {
    let mut scene = scene(&[], Mode::Enforce);
    let decision = |verdict| crate::plan::Decision {
        name: "multinic0".to_owned(),
        port_id: String::new(),
        index: Some(3),
        verdict,
        awaited: None,
    };
    scene.plan.decisions.insert(A.parse().unwrap(), decision(Verdict::Remove));
    let under_way =
        scene.status(Phase::Progressing, &BTreeMap::new(), &NodeNetworkConfigStatus::default(), 1);
    assert_eq!(conditions(&under_way).0, "Ready=False Degraded=False Progressing=True");

    let cause = Explanation::new(Reason::VerifyFailed, "the kernel does not show the result");
    let failure = Failure::RollbackFailed { cause, rollback: "no such device".to_owned() };
    let later = Explanation::new(failure.reason(), failure.to_string());
    let failures = BTreeMap::from([(A.parse().unwrap(), failure)]);
    let failed = scene.status(Phase::Settled, &failures, &NodeNetworkConfigStatus::default(), 1);
    // As long as it is not tried again.
    scene.plan.decisions.insert(A.parse().unwrap(), decision(Verdict::Keep(later)));
    for status in [failed, scene.settled()] {
        assert_eq!(
            (status.interfaces[0].state, status.interfaces[0].reason.as_str()),
            (InterfaceState::Removing, "RollbackFailed")
        );
        assert_eq!(
            conditions(&status),
            ("Ready=False Degraded=True Progressing=False".to_owned(), "Removing".to_owned())
        );
    }
}

#[test]
fn a_change_that_met_another_one_is_no_failure() {
    let mut scene = scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    let race = Explanation::new(Reason::ChangedMeanwhile, "the NIC changed");
    let failures = BTreeMap::from([(A.parse().unwrap(), Failure::NotBegun(race.clone()))]);
    let raced = scene.status(Phase::Settled, &failures, &NodeNetworkConfigStatus::default(), 1);
    // As long as it is not tried again.
    scene.plan.decisions.get_mut(&A.parse().unwrap()).unwrap().verdict = Verdict::Unfit(race);
    for status in [raced, scene.settled()] {
        assert_eq!(
            (status.interfaces[0].state, status.interfaces[0].reason.as_str()),
            (InterfaceState::Pending, "ChangedMeanwhile")
        );
        assert_eq!(conditions(&status).0, "Ready=False Degraded=False Progressing=False");
    }
}

#[test]
fn the_end_of_a_success_and_an_answer_are_told_at_once_and_a_flapping_carrier_is_not() {
    let mut scene = scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    let configured = scene.settled();
    scene.view.links[0].carrier = false;
    let flapped = scene.settled();
    assert_ne!(flapped, configured);
    assert!(!is_pressing(&configured, &flapped) && !is_pressing(&flapped, &configured));
    let blind = blind(&scene, 3, &configured);
    assert!(is_pressing(&configured, &blind), "success is taken back");
    assert!(!is_pressing(&blind, &configured), "and given again when there is time");
    let next = NodeNetworkConfigStatus { observed_generation: Some(4), ..configured.clone() };
    assert!(is_pressing(&configured, &next));

    let progressing = scene.status(Phase::Progressing, &BTreeMap::new(), &configured, 1);
    let failure = Failure::RolledBack(Explanation::new(Reason::ApplyFailed, "failed"));
    let failures = BTreeMap::from([(A.parse().unwrap(), failure)]);
    let failed = scene.status(Phase::Settled, &failures, &progressing, 1);
    assert!(is_pressing(&progressing, &failed), "an answer, be it a failure");
    assert!(!is_pressing(&failed, &scene.status(Phase::Settled, &BTreeMap::new(), &configured, 1)));
}

#[test]
fn twenty_nics_with_the_worst_errors_stay_a_small_object() {
    let wanted: Vec<_> = (0..20)
        .map(|slot| nic(&format!("fa:16:3e:00:01:{slot:02x}"), &format!("multinic{slot}"), &[]))
        .collect();
    let scene = scene(&wanted, Mode::Enforce);
    let refusal = Explanation::new(Reason::InvalidBootConfig, "x".repeat(100_000));
    let failures = wanted.iter().map(|nic| (nic.mac_address, Failure::RolledBack(refusal.clone()))).collect();
    let status = scene.status(Phase::Settled, &failures, &NodeNetworkConfigStatus::default(), 1);
    assert_eq!(status.interfaces.len(), 20);
    let bytes = serde_json::to_vec(&status).unwrap().len();
    assert!(bytes < 32 * 1024, "{bytes} bytes");
}

#[test]
fn an_address_of_a_nic_among_the_nodes_own_is_told_with_the_key_to_set_and_then_taken_back() {
    let mut scene = scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    let leaked = |status: &NodeNetworkConfigStatus| {
        status.conditions.iter().find(|one| one.type_ == "NodeAddressLeaked").cloned()
    };
    let nothing_failed = BTreeMap::new();
    assert_eq!(leaked(&scene.settled()), None, "where all is well nothing is written");

    scene.plan.leaks = vec![Leak { address: "10.1.0.5".parse().unwrap(), name: "multinic0".to_owned() }];
    let with = scene.settled();
    let told = leaked(&with).unwrap();
    assert_eq!((told.status.as_str(), told.reason.as_str()), ("True", "NicAddressOnNode"));
    for part in ["10.1.0.5 of multinic0", "[Networking]", "cloud.conf", "internal-network-name", "--node-ip"]
    {
        assert!(told.message.contains(part), "{part} is not in {}", told.message);
    }
    assert_eq!(scene.status(Phase::Settled, &nothing_failed, &with, 2), with, "only time has passed");

    scene.plan.leaks.clear();
    let without = scene.status(Phase::Settled, &nothing_failed, &with, 3);
    let told = leaked(&without).unwrap();
    assert_eq!((told.status.as_str(), told.reason.as_str()), ("False", "NodeAddressesOwn"));
    assert_eq!(told.last_transition_time, Time(Timestamp::from_second(3).unwrap()));
    assert_eq!(scene.status(Phase::Settled, &nothing_failed, &without, 4), without);
}

#[test]
fn not_having_looked_says_nothing_new_about_a_leak() {
    let mut scene = scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    scene.plan.leaks = vec![Leak { address: "10.1.0.5".parse().unwrap(), name: "multinic0".to_owned() }];
    let before = scene.settled();
    let blind = Report {
        desired: &scene.desired,
        plan: None,
        failures: &BTreeMap::new(),
        obstacle: None,
        backend: "netplan",
        view: &scene.view,
        phase: Phase::Settled,
    };
    let after = blind.status(&scene.facts, &before, Timestamp::from_second(9).unwrap());
    let leaked = |status: &NodeNetworkConfigStatus| {
        status.conditions.iter().find(|one| one.type_ == "NodeAddressLeaked").cloned()
    };
    assert_eq!(leaked(&after), leaked(&before));
}

#[test]
fn a_mac_address_that_is_only_in_use_is_not_asked_to_be_attached() {
    let mut scene = scene(&[nic(B, "multinic0", &[])], Mode::Enforce);
    assert!(scene.settled().interfaces[0].message.contains("attach the port"));
    scene.view.links[0].mac = Some(B.parse().unwrap());
    let message = scene.settled().interfaces[0].message.clone();
    assert!(message.contains(&format!("write {A} into its row")) && !message.contains("attach"), "{message}");
}

#[test]
fn a_nic_that_nobody_asks_for_is_listed_until_somebody_does_and_a_carrier_counts_only_while_it_is_up() {
    let mut scene = scene(&[], Mode::Enforce);
    let unclaimed =
        |up, carrier| UnclaimedLink { mac_address: A.to_owned(), link_name: "eth1".to_owned(), up, carrier };
    let first = scene.settled();
    assert_eq!(first.unclaimed, [unclaimed(false, false)]);
    assert_eq!(scene.status(Phase::Settled, &BTreeMap::new(), &first, 2), first, "only time has passed");
    scene.view.links[0].up = true;
    assert_eq!(scene.settled().unclaimed, [unclaimed(true, true)]);
    let wanted = self::scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    assert_eq!(wanted.settled().unclaimed, []);
}

#[test]
fn of_very_many_nics_that_nobody_asks_for_the_first_are_listed() {
    let mut scene = scene(&[], Mode::Enforce);
    scene
        .view
        .links
        .extend((10..60).map(|n| link(n, &format!("eth{n}"), &format!("fa:16:3e:00:01:{n:02x}"))));
    scene.plan.unclaimed =
        scene.view.links.iter().filter_map(|link| Some((link.identity()?, link.index))).collect();
    let status = scene.settled();
    assert_eq!((status.unclaimed.len(), status.unclaimed[0].mac_address.as_str()), (MAX_UNCLAIMED, A));
}
