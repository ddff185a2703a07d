//! Hosts as they are found, by the files that tell.

use std::{fs, os::unix::net::UnixListener};

use super::*;
use crate::host::testing::host;

/// Every directory that the agent's pod mounts from its host: the runtime makes those that are missing.
const MOUNTS: [&str; 11] = [
    "/etc/netplan",
    "/etc/network",
    "/run/network",
    "/etc/NetworkManager/system-connections",
    "/run/NetworkManager/system-connections",
    "/run/netplan",
    "/run/systemd/netif",
    "/run/systemd/network",
    "/run/multinic",
    "/var/lib/multinic",
    "/proc/sys/net",
];

const CONFIGURE: &str = "/usr/libexec/netplan/configure";
const GENERATE: &str = "/usr/libexec/netplan/generate";
const OLD_GENERATE: &str = "/lib/netplan/generate";
const NETWORKD: &str = "/run/systemd/netif/state";
const NM: &str = "/run/NetworkManager/devices/2";
const WICKED: &str = "/run/wicked/state-2.xml";

/// What the chart's value brings that names every backend.
const ALL: [&str; 4] = [
    "/etc/systemd/network",
    "/etc/sysconfig/network",
    "/etc/udev/rules.d",
    "/etc/NetworkManager/system-connections",
];

/// What is found on a host with these files, of which the agent sees all; a message for one that is not supported.
fn found(files: &[&str], directories: &[&str]) -> Result<&'static str, String> {
    found_with(files, &[directories, &ALL].concat(), true)
}

/// The same, where the agent sees only these directories, and perhaps the bus.
fn found_with(files: &[&str], directories: &[&str], has_bus: bool) -> Result<&'static str, String> {
    let files: Vec<_> = files.iter().map(|path| (*path, "")).collect();
    let (_directory, root) = host(&files);
    for path in directories.iter().chain(&["/usr", "/run/dbus"]) {
        fs::create_dir_all(root.at(path)).unwrap();
    }
    let _bus = has_bus.then(|| UnixListener::bind(root.at(BUS)).unwrap());
    detect(&root).map(Backend::name).map_err(|refusal| refusal.message.to_string())
}

#[test]
fn a_host_is_managed_by_what_is_at_work_on_it() {
    for (name, files, backend) in [
        ("Ubuntu 18.04, 20.04, 22.04", &[OLD_GENERATE, NETWORKD][..], "netplan"),
        ("Ubuntu 24.04, Debian 12 and 13", &[GENERATE, NETWORKD], "netplan"),
        ("Ubuntu 26.04", &[CONFIGURE, GENERATE, NETWORKD], "netplan"),
        ("Flatcar, Arch, Debian with networkd alone", &[NETWORKD], "networkd"),
        ("SLES 15, Leap 15", &["/usr/sbin/wicked", WICKED], "wicked"),
        ("Rocky 9, SLES 16, Leap 16", &[NM], "NetworkManager"),
        ("Ubuntu Desktop", &[GENERATE, NM], "NetworkManager"),
        (
            "Debian with netplan for networkd, and NetworkManager beside it",
            &[GENERATE, NETWORKD, NM],
            "netplan",
        ),
        ("wicked where netplan is installed for another reason", &[GENERATE, WICKED], "wicked"),
        ("Debian with networkd, and wicked only installed", &["/usr/sbin/wicked", NETWORKD], "networkd"),
    ] {
        // What the mounts of the pod bring along decides nothing.
        for mounts in [&[][..], &MOUNTS] {
            assert_eq!(found(files, mounts), Ok(backend), "{name}");
        }
    }
}

#[test]
fn a_host_on_which_nothing_is_at_work_that_is_known_is_told_what_was_found() {
    for (name, files, words) in [
        (
            "Debian with ifupdown",
            &["/etc/network/interfaces"][..],
            "none of systemd-networkd, NetworkManager and wicked runs",
        ),
        ("netplan that renders for somebody else", &[GENERATE], "though netplan is installed"),
        (
            "SLES 15 before wicked has run",
            &["/usr/sbin/wicked"],
            "none of systemd-networkd, NetworkManager and wicked runs",
        ),
        ("Talos", &[], "none of systemd-networkd, NetworkManager and wicked runs"),
        (
            "two that both configure links",
            &[NETWORKD, NM],
            "systemd-networkd and NetworkManager run on it at once",
        ),
        ("two at once", &[NETWORKD, WICKED], "systemd-networkd and wicked run on it at once"),
    ] {
        for mounts in [&[][..], &MOUNTS] {
            let message = found(files, mounts).unwrap_err();
            assert!(message.contains(words), "{name}: {message}");
        }
    }
}

#[test]
fn a_host_whose_programs_are_out_of_sight_is_not_guessed_at() {
    let (_directory, root) = host(&[(NETWORKD, "")]);
    assert!(detect(&root).unwrap_err().message.contains("does not see its /usr"));
}

#[test]
fn what_the_agent_lacks_to_work_on_a_host_is_named_with_the_value_that_brings_it() {
    for (files, directories, has_bus, words) in [
        (&[NETWORKD][..], &ALL[1..], true, ["cannot write /etc/systemd/network", "add networkd to"]),
        (&[NM], &ALL, false, ["does not see the bus", "add networkmanager to"]),
        (
            &[NM],
            &ALL[..3],
            true,
            ["cannot write /etc/NetworkManager/system-connections", "add networkmanager to"],
        ),
        (&[WICKED], &ALL, false, ["does not see the bus", "add wicked to"]),
        (&[WICKED], &ALL[..2], true, ["cannot write /etc/udev/rules.d", "add wicked to"]),
    ] {
        let message = found_with(files, directories, has_bus).unwrap_err();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
    // Told NIC by NIC, as ever.
    assert_eq!(found_with(&[GENERATE, NETWORKD], &[], false), Ok("netplan"));
}

#[test]
fn directories_where_the_signs_would_be_are_no_signs() {
    assert!(found(&[], &[CONFIGURE, GENERATE, OLD_GENERATE, NETWORKD]).is_err());
}
