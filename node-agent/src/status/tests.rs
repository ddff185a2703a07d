//! Statuses as people and the operator read them.

use multinic_crds::Interface;

use super::*;
use crate::{
    fence::{AllowedKind, Fence, Policy},
    ledger::Ledger,
    plan::{HostFiles, Refusal, World},
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
    let fence = Fence::around(&view, &[], &policy);
    let (files, ledger) = (HostFiles::default(), Ledger::default());
    let world = World { view: &view, fence: &fence, definitions: &[], files: &files, ledger: &ledger };
    let wanted = wanted.iter().map(|nic| (nic.mac_address, nic.clone())).collect();
    let desired = Desired { generation: 3, mode, wanted, malformed: Vec::new() };
    let facts = HostFacts { os_image: "Debian".to_owned(), boot_id: "b".to_owned() };
    Scene { plan: Plan::new(&desired, world, &BTreeMap::new()), desired, view, facts }
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
    let before = NodeNetworkConfigStatus { applied_generation: Some(2), ..Default::default() };

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
    let failure = Failure::RolledBack(Refusal::new(Reason::ApplyFailed, "failed to set the MTU"));
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
fn a_nic_without_a_carrier_is_configured_and_says_so() {
    let mut scene = scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    scene.view.links[0].carrier = false;
    let nic = &scene.settled().interfaces[0];
    assert_eq!((nic.state, nic.reason.as_str()), (InterfaceState::Configured, "NoCarrier"));
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

#[test]
fn not_having_looked_is_no_news_about_any_nic() {
    let scene = scene(&[nic(A, "multinic0", &[])], Mode::Enforce);
    let before = scene.settled();
    let refusal = Refusal::new(Reason::LedgerUnreadable, "repair it");
    let Scene { desired, view, facts, .. } = &scene;
    let failures = BTreeMap::new();
    let report = Report {
        desired,
        plan: None,
        failures: &failures,
        obstacle: Some(&refusal),
        backend: "netplan",
        view,
        phase: Phase::Settled,
    };
    let status = report.status(facts, &before, Timestamp::from_second(2).unwrap());
    assert_eq!(status.interfaces, before.interfaces);
    let other = Desired { generation: 4, ..desired.clone() };
    let status =
        Report { desired: &other, ..report }.status(facts, &before, Timestamp::from_second(2).unwrap());
    assert_eq!(status.observed_generation, Some(3), "nobody may take the old NICs for the new generation's");
    assert_eq!(
        conditions(&status),
        ("Ready=False Degraded=True Progressing=False".to_owned(), "LedgerUnreadable".to_owned())
    );
}

#[test]
fn twenty_nics_with_the_worst_errors_stay_a_small_object() {
    let wanted: Vec<_> = (0..20)
        .map(|slot| nic(&format!("fa:16:3e:00:01:{slot:02x}"), &format!("multinic{slot}"), &[]))
        .collect();
    let scene = scene(&wanted, Mode::Enforce);
    let refusal = Refusal::new(Reason::InvalidBootConfig, "x".repeat(100_000));
    let failures = wanted.iter().map(|nic| (nic.mac_address, Failure::RolledBack(refusal.clone()))).collect();
    let status = scene.status(Phase::Settled, &failures, &NodeNetworkConfigStatus::default(), 1);
    assert_eq!(status.interfaces.len(), 20);
    let bytes = serde_json::to_vec(&status).unwrap().len();
    assert!(bytes < 32 * 1024, "{bytes} bytes");
}
