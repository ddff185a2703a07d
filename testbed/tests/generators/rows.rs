//! What people have on their hosts, and what the agent says to it.

use multinic_agent::host::backend::StageError;
use multinic_agent_core::plan::Verdict;
use multinic_crds::{Interface, Reason};
use serde_json::json;

use crate::host::{A, B, Host, nic};

type Row = (&'static str, fn(&mut Host));

pub(crate) const ROWS: [Row; 17] = [
    ("a NIC is configured and given back beside an uplink", beside_an_uplink),
    ("a NIC is configured where netplan has no other link", without_other_links),
    ("a boot that waits for other links goes on waiting", waiting_for_other_links),
    ("every kind of file that we write is taken", every_kind_of_file),
    ("a NIC below a VLAN of others stays, and changes its address", below_a_vlan),
    ("a NIC in a bond, bridge or VRF of others stays", in_a_bond_bridge_or_vrf),
    ("a NIC below a tunnel of others stays", below_a_tunnel),
    ("a purge keeps only the NIC that is needed", a_purge),
    ("a NIC that others would take in is not written", taken_in_by_others),
    ("a VLAN that waits for its NIC gets it", a_vlan_that_waits),
    ("a global renderer NetworkManager is named", network_manager),
    ("a second definition of a NIC is told", second_definition),
    ("a set-name of our name is told", set_name_of_ours),
    ("a match that covers every NIC is told", covering_every_nic),
    ("invalid files are told by place and not by content", invalid_files),
    ("what is invalid anyway keeps nothing that nobody speaks of", invalid_anyway),
    ("a generator that does not work is no invalid file", broken_generator),
];

const SITE: &str = "/etc/netplan/70-site.yaml";

fn one() -> [Interface; 1] {
    [nic(A, "multinic0", &["10.1.0.5/24"])]
}

fn beside_an_uplink(host: &mut Host) {
    host.with_uplink().configure(&one());
    assert_eq!(host.netplan_files(), ["50-cloud-init.yaml", "60-multinic-multinic0.yaml"]);
    let plan = host.decide(&[]);
    host.carry_out(&plan);
    assert_eq!(host.netplan_files(), ["50-cloud-init.yaml"]);
}

fn without_other_links(host: &mut Host) {
    host.put("/etc/netplan/00-empty.yaml", "network: {version: 2}\n");
    host.configure(&one());
    assert_eq!(host.verdict(&[], A), Verdict::Remove);
}

fn waiting_for_other_links(host: &mut Host) {
    let wants = "/etc/systemd/system/network-online.target.wants/systemd-networkd-wait-online.service";
    host.put(wants, "");
    if host.is_before(1, 0) {
        assert_eq!(host.verdict(&one(), A), Verdict::Change);
    } else {
        host.assert_refused(&one(), A, Reason::MergeConflict, &["systemd-networkd-wait-online", "uplink"]);
    }
    host.with_uplink().configure(&one());
    assert_eq!(host.verdict(&[], A), Verdict::Remove);
}

fn every_kind_of_file(host: &mut Host) {
    host.with_uplink();
    let mut jumbo = nic(A, "multinic0", &["10.1.0.5/24", "2001:db8::5/64"]);
    jumbo.mtu = Some(9000.try_into().unwrap());
    for wanted in [vec![jumbo], vec![nic(A, "multinic19", &[]), nic(B, "multinic1", &["2001:db8::5/64"])]] {
        assert!(
            wanted.iter().all(|nic| host.verdict(&wanted, &nic.mac_address.to_string()) == Verdict::Change)
        );
    }
    // They exchange their slots.
    host.configure(&[nic(A, "multinic0", &[]), nic(B, "multinic1", &[])]);
    host.configure(&[with_routes(nic(A, "multinic0", &["10.1.0.5/24", "2001:db8::5/64"]))]);
    assert_eq!(host.verdict(&[nic(A, "multinic1", &[]), nic(B, "multinic0", &[])], A), Verdict::Change);
}

/// The NIC is configured, somebody's `site` file comes to rest on it, and then it is unplugged and no longer wanted.
fn stays_for(host: &mut Host, site: &str) {
    host.with_uplink().configure(&one());
    host.put(SITE, site);
    host.unplug(A);
    host.assert_refused(&[], A, Reason::MergeConflict, &["/etc/netplan/70-site.yaml:", "multinic0"]);
    assert!(host.decide(&[]).is_idle());
    host.take(SITE);
    assert_eq!(host.verdict(&[], A), Verdict::Remove);
}

fn below_a_vlan(host: &mut Host) {
    let site =
        "network:\n  version: 2\n  vlans: {storage5: {id: 5, link: multinic0, addresses: [10.9.0.5/24]}}\n";
    host.with_uplink().configure(&one());
    host.put(SITE, site);
    assert_eq!(host.verdict(&one(), A), Verdict::Right, "it is what it was, and carries more");
    assert_eq!(host.verdict(&[nic(A, "multinic0", &["10.1.0.6/24"])], A), Verdict::Change);
    // Another slot would leave the VLAN without its link.
    host.assert_refused(&[nic(A, "multinic3", &[])], A, Reason::MergeConflict, &[SITE]);
    host.again();
    stays_for(host, site);
}

fn in_a_bond_bridge_or_vrf(host: &mut Host) {
    let vrf = "vrfs: {red: {table: 1000, interfaces: [multinic0]}}";
    for (group, since) in [
        ("bonds: {bond0: {interfaces: [multinic0]}}", (0, 0)),
        ("bridges: {br0: {interfaces: [multinic0]}}", (0, 0)),
        (vrf, (0, 105)),
    ] {
        if host.is_before(since.0, since.1) {
            continue;
        }
        host.again();
        let site = format!("network:\n  version: 2\n  {group}\n");
        host.with_uplink().configure(&one());
        host.put(SITE, &site);
        host.assert_refused(&one(), A, Reason::ForeignConfiguration, &[SITE, "a part of"]);
        assert!(host.decide(&one()).is_idle(), "the kernel is left alone");
        host.again();
        stays_for(host, &site);
    }
}

fn below_a_tunnel(host: &mut Host) {
    if host.is_before(0, 105) {
        // vxlan is the first kind that names its link, and 0.105 the first that has it.
        return;
    }
    stays_for(host, "network:\n  version: 2\n  tunnels: {vx: {mode: vxlan, id: 7, link: multinic0}}\n");
}

fn a_purge(host: &mut Host) {
    let both = [nic(A, "multinic0", &[]), nic(B, "multinic1", &[])];
    host.with_uplink().configure(&both);
    host.put(SITE, "network:\n  version: 2\n  vlans: {v: {id: 5, link: multinic1}}\n");
    host.unplug(A);
    host.unplug(B);
    let plan = host.decide(&[]);
    let gone: Vec<_> = plan.transactions.iter().flat_map(|transaction| &transaction.members).collect();
    assert_eq!(gone.iter().map(|member| member.mac.to_string()).collect::<Vec<_>>(), [A]);
    host.assert_refused(&[], B, Reason::MergeConflict, &[SITE]);
    host.carry_out(&plan);
    host.assert_refused(&[], B, Reason::MergeConflict, &[SITE]);
}

fn taken_in_by_others(host: &mut Host) {
    host.with_uplink().put(SITE, "network:\n  version: 2\n  bonds: {bond0: {interfaces: [multinic0]}}\n");
    host.assert_refused(&one(), A, Reason::ForeignConfiguration, &[SITE, "bond0"]);
}

fn a_vlan_that_waits(host: &mut Host) {
    host.with_uplink().put(SITE, "network:\n  version: 2\n  vlans: {v: {id: 5, link: multinic0}}\n");
    // Without it, netplan takes nothing on this host, and another NIC does not help.
    host.assert_refused(&[nic(B, "multinic1", &[])], B, Reason::HostNetplanInvalid, &[SITE]);
    host.configure(&one());
}

fn network_manager(host: &mut Host) {
    host.with_uplink().put("/etc/netplan/01-nm.yaml", "network: {version: 2, renderer: NetworkManager}\n");
    // What is read of the files says so before the generator does.
    let words = ["renderer: NetworkManager", "/etc/netplan/01-nm.yaml"];
    host.assert_refused(&one(), A, Reason::ForeignConfiguration, &words);
}

fn second_definition(host: &mut Host) {
    for ethernets in [
        format!("eth1: {{match: {{macaddress: '{A}'}}, set-name: eth1, dhcp4: true}}"),
        format!("zz: {{match: {{macaddress: '{}'}}, dhcp4: true}}", A.to_uppercase()),
        "multinic0: {addresses: [10.3.0.1/24]}".to_owned(),
    ] {
        host.again();
        host.with_uplink().configure(&one());
        host.put(SITE, &format!("network:\n  version: 2\n  ethernets: {{{ethernets}}}\n"));
        host.assert_refused(&one(), A, Reason::ForeignConfiguration, &[SITE]);
        assert!(host.decide(&one()).is_idle(), "the kernel is left alone");
    }
}

fn set_name_of_ours(host: &mut Host) {
    let text = format!(
        "network:\n  version: 2\n  ethernets: {{x: {{match: {{macaddress: '{B}'}}, set-name: multinic0}}}}\n"
    );
    host.with_uplink().configure(&one());
    host.put(SITE, &text);
    host.assert_refused(&one(), A, Reason::ForeignConfiguration, &[SITE]);
    host.again();
    host.put(SITE, &text);
    host.assert_refused(&one(), A, Reason::ForeignConfiguration, &[SITE]);
}

fn covering_every_nic(host: &mut Host) {
    let all = |id: &str| {
        format!("network:\n  version: 2\n  ethernets: {{{id}: {{match: {{name: '*'}}, dhcp4: true}}}}\n")
    };
    host.with_uplink().configure(&one());
    for id in ["all", "zz-all"] {
        host.put(SITE, &all(id));
        host.assert_refused(&one(), A, Reason::ForeignConfiguration, &[SITE, id]);
        assert!(host.decide(&one()).is_idle(), "the kernel is left alone");
    }
}

fn invalid_files(host: &mut Host) {
    // What is no YAML is refused for what is read of the files, before the generator is asked.
    let (unreadable, invalid) = (Reason::ForeignConfiguration, Reason::HostNetplanInvalid);
    for (text, reason) in [
        (
            "network:\n  version: 2\n  wifis:\n    wlan0:\n      access-points:\n        home:\n           password \"s3cr3t\"\n",
            invalid,
        ),
        ("network:\n  version: 2\n  ethernets:\n    eth9: {s3cr3t: true}\n", invalid),
        (
            "network:\n  version: 2\n  tunnels:\n    t0: {mode: gre, local: 10.0.0.1, remote: 10.0.0.2, key: 's3cr3t'}\n",
            invalid,
        ),
        ("network:\n  version: 2\n ethernets:\n   password: s3cr3t\n", unreadable),
    ] {
        let text = format!("{text}# of multinic0\n");
        host.again();
        host.with_uplink().configure(&one());
        host.put(SITE, &text);
        host.assert_refused(&one(), A, reason, &[SITE]);
        let right = host.refusal(&one(), A).message;
        let new = host.refusal(&[one()[0].clone(), nic(B, "multinic1", &[])], B).message;
        host.unplug(A);
        host.assert_refused(&[], A, Reason::HostNetplanInvalid, &[SITE]);
        let removed = host.refusal(&[], A).message;
        for message in [right, new, removed] {
            assert!(message.contains(SITE) && !message.contains("s3cr3t"), "{message}");
        }
    }
}

fn invalid_anyway(host: &mut Host) {
    let invalid = "network:\n  version: 2\n  ethernets:\n    eth9: {no-such-key: true}\n";
    host.with_uplink().configure(&one());
    host.put("/etc/netplan/01-invalid.yaml", invalid);
    host.unplug(A);
    assert_eq!(host.verdict(&[], A), Verdict::Remove, "the rest stays as it is");
    host.put(SITE, "network:\n  version: 2\n  vlans: {v: {id: 5, link: multinic0}}\n");
    host.assert_refused(&[], A, Reason::HostNetplanInvalid, &[SITE, "01-invalid.yaml"]);
}

fn broken_generator(host: &mut Host) {
    host.with_uplink().configure(&one());
    let place = match () {
        () if host.is_before(0, 105) => "/lib/netplan/generate",
        () if host.is_before(1, 2) => "/usr/libexec/netplan/generate",
        () => "/usr/libexec/netplan/configure",
    };
    let (program, broken) = (host.path(place), host.path("/broken"));
    std::fs::rename(&program, &broken).unwrap();
    // The loader is a program as well, and takes none of netplan's options.
    std::fs::copy(host.path("/lib64/ld-linux-x86-64.so.2"), &program).unwrap();
    let decided = host.try_decide(&[nic(A, "multinic0", &["10.1.0.6/24"])]);
    std::fs::rename(&broken, &program).unwrap();
    let error = decided.unwrap_err();
    assert!(matches!(error, StageError::Broken { .. } | StageError::Command(_)), "{error}");
    assert!(error.to_string().contains(place), "{error}");
}

/// The same with a route of every kind.
pub(crate) fn with_routes(nic: Interface) -> Interface {
    let routes = json!([
        { "destination": "10.30.0.0/16", "via": "10.1.0.1" },
        { "destination": "10.40.0.0/16", "via": "192.0.2.1", "onLink": true, "metric": 7, "table": 100 },
        { "destination": "10.50.0.0/16" },
        { "destination": "2001:db8:30::/48", "via": "2001:db8::1", "metric": 8 },
        { "destination": "2001:db8:50::/48" },
    ]);
    let routing = json!({ "gateways": ["10.1.0.1", "fe80::1"] });
    Interface {
        routes: serde_json::from_value(routes).unwrap(),
        source_routing: serde_json::from_value(routing).unwrap(),
        ..nic
    }
}
