//! Our connections, as `NetworkManager`'s own parser reads them.

use std::{cell::RefCell, collections::BTreeSet, fs::File, io::Write, process::Command};

use anyhow::Result;
use multinic_agent_core::{
    backend::{
        Backend,
        network_manager::{NetworkManager, connection},
    },
    plan::{Transaction, Verdict},
};
use multinic_crds::{Interface, Reason};
use multinic_testbed::{
    System,
    setup::{self, bare_root::BareRoot, system},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{
    host::{A, Host, nic},
    rows::with_routes,
};

type Row = (&'static str, fn(&mut Host));

pub(crate) const RELEASES: [(&str, &System); 2] =
    [("1.42", &system::NETWORK_MANAGER_1_42), ("1.52", &system::NETWORK_MANAGER_1_52)];
pub(crate) const ROWS: [Row; 4] = [
    ("every kind of NIC is read as it is meant", every_kind),
    ("any NIC is read as it is meant", any_nic),
    ("what is read otherwise is refused", read_otherwise),
    ("a host without nmcli is not asked", without_parser),
];

const PROGRAM: &str = "/usr/bin/nmcli";
const DUAL: [&str; 2] = ["10.1.0.5/24", "2001:db8::5/56"];

/// A root that only the parser can run in.
pub(crate) fn root(system: &System) -> Result<BareRoot> {
    BareRoot::of_program(&setup::ensure_system(system)?, PROGRAM)
}

fn every_kind(host: &mut Host) {
    let free = free(host);
    for addresses in [&DUAL[..], &DUAL[..1], &DUAL[1..], &[], &["10.1.0.5/24", "10.2.0.5/32", "10.3.0.5/8"]] {
        for mtu in [None, Some(1280), Some(9000)] {
            for name in ["multinic0", "multinic9"] {
                let mtu = mtu.map(|bytes: i64| bytes.try_into().unwrap());
                assert_read_back(host, &free, &Interface { mtu, ..nic(A, name, addresses) });
            }
        }
    }
    assert_read_back(host, &free, &with_routes(nic(A, "multinic7", &DUAL)));
}

fn any_nic(host: &mut Host) {
    let address = prop_oneof![
        (any::<[u8; 4]>(), 1..=32u8)
            .prop_map(|(bytes, length)| format!("{}/{length}", std::net::Ipv4Addr::from(bytes))),
        (any::<[u16; 8]>(), 1..=128u8)
            .prop_map(|(words, length)| format!("{}/{length}", std::net::Ipv6Addr::from(words))),
    ];
    let addresses =
        prop::collection::vec(address.prop_filter_map("no address of a NIC", |text| text.parse().ok()), 0..4);
    let nic = (0..10, any::<[u8; 5]>(), addresses, prop::option::of(1280i64..9217)).prop_map(
        |(slot, [a, b, c, d, e], addresses, mtu)| Interface {
            mac_address: format!("fa:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}").parse().unwrap(),
            mtu: mtu.map(|bytes| bytes.try_into().unwrap()),
            addresses,
            ..nic(A, &format!("multinic{slot}"), &[])
        },
    );
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let free = free(host);
    let host = RefCell::new(host);
    let read_back = |nic| {
        assert_read_back(&mut host.borrow_mut(), &free, &nic);
        Ok(())
    };
    TestRunner::new(config).run(&nic, read_back).unwrap();
}

/// The agent finds nothing wrong with what it writes for `nic`; and every line of that comes back, or is the default.
fn assert_read_back(host: &mut Host, free: &Transaction, nic: &Interface) {
    let text = rendered(nic);
    let transaction = written(free, nic, &text);
    assert_eq!(host.unfit(&[transaction]), [].into(), "{text}");
    let (printed, words) = parsed(host, &text);
    assert_eq!(words, "", "{text}");
    let defaults = ["autoconnect=true", "may-fail=true"];
    let lines = |text: &str| -> BTreeSet<String> {
        let lines = text.lines().map(str::to_lowercase);
        // It prints a group that has nothing in it.
        lines
            .filter(|line| !line.starts_with('#') && !defaults.contains(&line.as_str()) && line != "[proxy]")
            .collect()
    };
    assert_eq!(lines(&printed), lines(&text));
}

fn read_otherwise(host: &mut Host) {
    let nic = Interface { mtu: Some(9000.try_into().unwrap()), ..nic(A, "multinic0", &DUAL) };
    let nic = with_routes(nic);
    let (good, free) = (rendered(&nic), free(host));
    for (from, to) in [
        ("mtu=9000", "mtu=abc"),
        ("mtu=9000", "mtu=1500"),
        ("10.1.0.5/24", "10.1.0.500/24"),
        ("method=manual", "method=manual\nroute9=10.9.0.0/16,10.1.0.1"),
        ("2001:db8::5/56", "2001:db8::5/129"),
        // The words of `ip rule`, which it drops without a word of its own.
        ("suppress_prefixlength", "suppress-prefixlength"),
        ("table=5300", "table=5301"),
        ("onlink=true", "onlink=maybe"),
        ("10.30.0.0/16,10.1.0.1", "10.30.0.0/16,10.1.0.300"),
        ("mac-address=fa:", "mac-address="),
        ("[ipv4]", "[ipv4"),
        ("type=ethernet", "type=nothing"),
        ("interface-name=multinic0", "interface-name=a-name-that-is-too-long"),
        ("autoconnect=true", "autoconnect=false"),
        ("never-default=true", "never-default=false"),
        ("method=manual", "method=auto"),
        ("method=manual\naddr", "method=disabled\naddr"),
    ] {
        assert!(good.contains(from), "{from}");
        let transaction = written(&free, &nic, &good.replacen(from, to, 1));
        let unfit = host.unfit(&[transaction]);
        let refusal = unfit.get(&nic.mac_address).unwrap_or_else(|| panic!("{to} is taken"));
        assert_eq!(refusal.reason, Reason::InvalidBootConfig, "{to}");
        assert!(refusal.message.contains("the node's NetworkManager "), "{to}: {}", refusal.message);
    }
    assert!(!host.path("/run/multinic/stage").exists(), "copies of connections are left");
}

fn without_parser(host: &mut Host) {
    let nic = nic(A, "multinic0", &DUAL);
    let away = host.path("/usr/bin/away");
    std::fs::rename(host.path(PROGRAM), &away).unwrap();
    let verdict = host.verdict(std::slice::from_ref(&nic), A);
    std::fs::rename(away, host.path(PROGRAM)).unwrap();
    assert_eq!(verdict, Verdict::Change);
}

fn rendered(nic: &Interface) -> String {
    let files = NetworkManager.render(nic).unwrap();
    files.into_iter().find(|file| file.path == connection(nic.name)).unwrap().text
}

/// What is done on a host for its free NIC.
fn free(host: &mut Host) -> Transaction {
    host.decide(&[nic(A, "multinic0", &[])]).transactions.remove(0)
}

/// The same, if the NIC were this one, and `text` its connection.
fn written(free: &Transaction, nic: &Interface, text: &str) -> Transaction {
    let mut transaction = free.clone();
    let member = &mut transaction.members[0];
    (member.mac, member.wanted) = (nic.mac_address, Some(nic.clone()));
    let change = transaction.files.iter_mut().find(|change| change.path.ends_with(".nmconnection")).unwrap();
    (change.path, change.to) = (connection(nic.name), Some(text.to_owned()));
    transaction
}

/// What the parser prints of a connection, and of what it complains.
fn parsed(host: &Host, text: &str) -> (String, String) {
    let path = host.path("/run/connection");
    File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    let output = Command::new("/usr/sbin/chroot")
        .env_clear()
        .arg(host.path("/"))
        .args([PROGRAM, "--offline", "connection", "modify"])
        .stdin(File::open(&path).unwrap())
        .output()
        .unwrap();
    let [printed, words] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (printed, words)
}
