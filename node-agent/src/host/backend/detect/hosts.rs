//! Distributions as light roots: what each is taken for, and what would be written on it for a NIC.
//!
//! Where Debian's packages put things was looked up in the roots that the testbed makes of them (11, 12, 13, and netplan
//! 1.2.2 of Debian 14); Ubuntu's have the same sources. SUSE's and Red Hat's own packages were not at hand: of these only
//! the paths count that their programs make themselves when they run.

use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
};

use multinic_crds::Interface;

use super::*;
use crate::host::testing::host;

const NETWORKD: &str = "/run/systemd/netif/state";
const NETWORK_MANAGER: [&str; 2] = ["/usr/bin/nmcli", "/run/NetworkManager/devices/2"];
const WICKED: [&str; 2] = ["/usr/sbin/wicked", "/run/wicked/state-2.xml"];
/// As most have it by now.
const MERGED: (&str, &str) = ("/lib", "usr/lib");
/// As Debian 12 has it beside its generator, for older programs.
const OLD_NAME: (&str, &str) = ("/usr/lib/netplan/generate", "../../libexec/netplan/generate");

enum Is {
    /// What is written for the NIC called `multinic0`, and by which backend.
    Supported(&'static str, &'static [&'static str]),
    /// What is said of it.
    Refused(&'static [&'static str]),
}
use Is::{Refused, Supported};

const BY_NETPLAN: Is = Supported("netplan", &["/etc/netplan/60-multinic-multinic0.yaml"]);
const BY_NETWORKD: Is = Supported(
    "networkd",
    &[
        "/etc/systemd/network/00-multinic-multinic0.link",
        "/etc/systemd/network/00-multinic-multinic0.network",
    ],
);
const BY_NETWORK_MANAGER: Is = Supported(
    "NetworkManager",
    &[
        "/etc/systemd/network/00-multinic-multinic0.link",
        "/etc/NetworkManager/system-connections/multinic0.nmconnection",
    ],
);
const BY_WICKED: Is = Supported(
    "wicked",
    &[
        "/etc/sysconfig/network/ifsysctl-multinic0",
        "/etc/sysconfig/network/ifcfg-multinic0",
        "/etc/udev/rules.d/90-multinic-multinic0.rules",
    ],
);
const NOTHING_RUNS: Is = Refused(&["none of systemd-networkd, NetworkManager and wicked runs on it"]);

struct Row {
    name: &'static str,
    links: &'static [(&'static str, &'static str)],
    files: Vec<&'static str>,
    is: Is,
}

fn row(
    name: &'static str,
    links: &'static [(&'static str, &'static str)],
    files: &[&'static str],
    is: Is,
) -> Row {
    Row { name, links, files: files.to_vec(), is }
}

fn of_netplan() -> Vec<Row> {
    let libexec = "/usr/libexec/netplan/generate";
    vec![
        // Not merged yet.
        row("Ubuntu 18.04, netplan 0.99", &[], &["/lib/netplan/generate", NETWORKD], BY_NETPLAN),
        row("Ubuntu 20.04, netplan 0.104", &[MERGED], &["/usr/lib/netplan/generate", NETWORKD], BY_NETPLAN),
        row("Ubuntu 22.04, netplan 0.107", &[MERGED, OLD_NAME], &[libexec, NETWORKD], BY_NETPLAN),
        row("Ubuntu 24.04, netplan 1.1", &[MERGED], &[libexec, NETWORKD], BY_NETPLAN),
        row(
            "Ubuntu 26.04, netplan 1.2",
            &[MERGED, ("/usr/lib/systemd/system-generators/netplan", "../../../libexec/netplan/generate")],
            &["/usr/libexec/netplan/configure", libexec, NETWORKD],
            BY_NETPLAN,
        ),
        row("Debian 11 with netplan 0.101", &[], &["/lib/netplan/generate", NETWORKD], BY_NETPLAN),
        row("Debian 12 with netplan 0.106", &[MERGED, OLD_NAME], &[libexec, NETWORKD], BY_NETPLAN),
        row("Debian 13 with netplan 1.1", &[MERGED], &[libexec, NETWORKD], BY_NETPLAN),
        row(
            "Ubuntu Desktop, renderer NetworkManager",
            &[MERGED],
            &[libexec, NETWORK_MANAGER[0], NETWORK_MANAGER[1]],
            BY_NETWORK_MANAGER,
        ),
    ]
}

fn without_netplan() -> Vec<Row> {
    vec![
        row("SLES 15, Leap 15", &[], &WICKED, BY_WICKED),
        row("SLES 16, Leap 16", &[MERGED], &NETWORK_MANAGER, BY_NETWORK_MANAGER),
        row("Rocky 9, SUSE Liberty 9", &[MERGED], &NETWORK_MANAGER, BY_NETWORK_MANAGER),
        row(
            "a host as Fedora CoreOS, whose /etc can be written and /usr cannot",
            &[MERGED],
            &NETWORK_MANAGER,
            BY_NETWORK_MANAGER,
        ),
        row("Flatcar", &[MERGED], &[NETWORKD], BY_NETWORKD),
        row("Debian 11 to 13 with ifupdown only", &[MERGED], &["/etc/network/interfaces"], NOTHING_RUNS),
        row("Talos", &[], &[], NOTHING_RUNS),
    ]
}

/// The same for a host whose directories the agent sees and can write, or some of them not.
fn found(row: &Row, but: Option<&str>) -> Result<(&'static str, Vec<String>), Explanation> {
    let (_directory, root) = host(&[]);
    let make = |path: &str| fs::create_dir_all(root.at(path)).unwrap();
    make("/usr/lib");
    make("/run/dbus");
    for (at, to) in row.links {
        make(at.rsplit_once('/').unwrap().0);
        symlink(to, root.at(at)).unwrap();
    }
    for path in &row.files {
        make(path.rsplit_once('/').unwrap().0);
        fs::write(root.at(path), "").unwrap();
    }
    for place in multinic_agent_core::backend::ALL.places().filter(|place| but != Some(place.directory)) {
        make(place.directory);
    }
    let _bus = UnixListener::bind(root.at(BUS)).unwrap();
    let nic = Interface::new("fa:16:3e:00:00:01".parse().unwrap(), "multinic0".parse().unwrap());
    let paths =
        |backend: &dyn Backend| backend.render(&nic).unwrap().into_iter().map(|file| file.path).collect();
    detect(&root).map(|backend| (backend.name(), paths(backend)))
}

#[test]
fn each_distribution_is_taken_for_what_it_is_and_gets_its_files() {
    for row in of_netplan().into_iter().chain(without_netplan()) {
        let found = found(&row, None);
        match (&row.is, found) {
            (Supported(backend, paths), Ok(found)) => {
                assert_eq!(
                    found,
                    (*backend, paths.iter().map(ToString::to_string).collect()),
                    "{}",
                    row.name
                );
            }
            (Refused(words), Err(refusal)) => {
                assert_eq!(refusal.reason, Reason::UnsupportedHost, "{}", row.name);
                assert!(
                    words.iter().all(|word| refusal.message.contains(word)),
                    "{}: {}",
                    row.name,
                    refusal.message
                );
            }
            (_, found) => panic!("{}: {found:?}", row.name),
        }
    }
}

#[test]
fn where_a_directory_cannot_be_written_the_host_is_refused_by_its_name_and_netplan_tells_nic_by_nic() {
    for row in of_netplan().into_iter().chain(without_netplan()) {
        let Supported(backend, paths) = &row.is else { continue };
        for directory in paths.iter().map(|path| path.rsplit_once('/').unwrap().0) {
            match found(&row, Some(directory)) {
                Ok((found, _)) => {
                    assert_eq!((found, *backend), ("netplan", "netplan"), "{} {directory}", row.name);
                }
                Err(refusal) => {
                    assert_eq!(refusal.reason, Reason::UnsupportedHost);
                    for word in
                        [directory, "where the node itself has it read-only, this node is not supported"]
                    {
                        assert!(refusal.message.contains(word), "{}: {}", row.name, refusal.message);
                    }
                    assert_ne!(*backend, "netplan", "{}", row.name);
                }
            }
        }
    }
}
