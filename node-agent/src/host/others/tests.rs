use std::{fs, os::unix::fs::symlink};

use multinic_agent_core::{observed::link::Link, parse::bootfile::seal};

use super::*;
use crate::host::{files::survey, testing::host};

const MAC: &str = "fa:16:3e:00:00:01";

/// The sources of what covers a NIC called `name` on a host with these files.
fn covering(files: &[(&str, &str)], name: &str) -> Vec<String> {
    let (_directory, root) = host(files);
    let nic = Link::physical(3, name, MAC.parse().unwrap());
    let definitions = survey(&root).unwrap().0;
    definitions.into_iter().filter(|d| d.covers(&nic)).map(|d| d.source).collect()
}

#[test]
fn a_file_in_etc_hides_its_namesake_from_packages() {
    let shipped = ("/usr/lib/systemd/network/80-all.network", "[Match]\nName=*\n");
    let eth1 = Link::physical(3, "eth1", "fa:16:3e:00:00:01".parse().unwrap());
    let (_directory, root) = host(&[shipped]);
    assert!(survey(&root).unwrap().0.iter().any(|definition| definition.covers(&eth1)));
    let (_directory, root) = host(&[shipped, ("/etc/systemd/network/80-all.network", "")]);
    assert_eq!(survey(&root).unwrap().0, []);
}

#[test]
fn a_file_that_is_a_link_out_of_our_sight_may_configure_anything() {
    let eth1 = Link::physical(3, "eth1", "fa:16:3e:00:00:01".parse().unwrap());
    for path in [
        "/etc/systemd/network/20-site.network",
        "/etc/systemd/network",
        "/etc/network/interfaces.d/site",
        "/etc/network/interfaces.d",
        "/etc/network/interfaces",
        "/run/netplan",
        "/etc/NetworkManager/system-connections",
        "/etc/sysconfig/network/ifcfg-site",
        "/etc/sysconfig/network",
        "/etc/sysconfig/network-scripts",
    ] {
        let (_directory, root) = host(&[]);
        fs::create_dir_all(root.at(path).parent().unwrap()).unwrap();
        symlink("/opt/site", root.at(path)).unwrap();
        assert!(survey(&root).unwrap().0.iter().any(|definition| definition.covers(&eth1)), "{path}");
    }
}

#[test]
fn networkd_reads_from_every_one_of_its_directories() {
    for directory in networkd::DIRECTORIES {
        let path = format!("{directory}/50-site.network");
        assert_eq!(covering(&[(&path, "[Match]\nName=eth*\n")], "eth1"), [path.as_str()]);
    }
}

#[test]
fn a_file_that_is_there_until_the_next_boot_hides_nothing_that_comes_back() {
    let shipped = ("/usr/lib/systemd/network/80-all.network", "[Match]\nName=*\n");
    let hiding = ("/run/systemd/network/80-all.network", "[Match]\nName=other\n");
    assert_eq!(covering(&[shipped, hiding], "eth1"), [shipped.0]);
    let kept = ("/etc/netplan/50-site.yaml", "network: {ethernets: {eth1: {dhcp4: true}}}\n");
    assert_eq!(covering(&[kept, ("/run/netplan/50-site.yaml", "network: {}\n")], "eth1"), [kept.0]);
    let shipped = ("/lib/netplan/50-site.yaml", kept.1);
    assert_eq!(covering(&[shipped], "eth1"), [shipped.0]);
    assert_eq!(covering(&[shipped, ("/etc/netplan/50-site.yaml", "")], "eth1"), Vec::<String>::new());
}

#[test]
fn files_with_netplans_prefix_count_unless_they_are_made_of_ours() {
    let text = "[Match]\nMACAddress=fa:16:3e:00:00:01\n";
    let of_admin = "/etc/systemd/network/10-netplan-lan.network";
    assert_eq!(covering(&[(of_admin, text)], "eth1"), [of_admin]);
    let in_our_place = "/etc/systemd/network/10-netplan-multinic0.network";
    assert_eq!(covering(&[(in_our_place, text)], "eth1"), [in_our_place]);
    // netplan's YAML changed, and networkd still has what was made of it at boot.
    let generated = "/run/systemd/network/10-netplan-lan.network";
    assert_eq!(covering(&[(generated, text)], "eth1"), [generated]);
    let ours = seal(MAC.parse().unwrap(), "network: {}\n");
    let files = [
        ("/etc/netplan/60-multinic-multinic0.yaml", ours.as_str()),
        ("/run/systemd/network/10-netplan-multinic0.network", text),
        ("/etc/systemd/network/10-netplan-multinic0.network.d/veth.conf", "[Match]\nName=multinic0\n"),
    ];
    assert_eq!(covering(&files, "eth1"), Vec::<String>::new());
    assert_eq!(covering(&files, "multinic0"), Vec::<String>::new());
}

#[test]
fn drop_ins_count_wherever_they_are() {
    let file = ("/usr/lib/systemd/network/50-site.network", "[Match]\nName=eth9\n");
    let more = "[Match]\nName=eth1\n";
    for directory in networkd::DIRECTORIES {
        let path = format!("{directory}/50-site.network.d/more.conf");
        assert_eq!(covering(&[file, (&path, more)], "eth1"), [file.0], "{path}");
    }
    let masked = ("/etc/systemd/network/50-site.network.d/more.conf", "");
    let shipped = ("/usr/lib/systemd/network/50-site.network.d/more.conf", more);
    assert_eq!(covering(&[file, shipped, masked], "eth1"), Vec::<String>::new());
    let of_netplan = ("/run/systemd/network/10-netplan-eth9.network", file.1);
    let drop_in = ("/etc/systemd/network/10-netplan-eth9.network.d/more.conf", more);
    assert_eq!(covering(&[of_netplan, drop_in], "eth1"), [of_netplan.0]);
}

#[test]
fn ifupdown_reads_what_its_files_have_it_read() {
    let files = [
        (
            "/etc/network/interfaces",
            "auto lo\niface lo inet loopback\n\nsource-directory /run/network/interfaces.d\n\
             source /etc/network/site/*.conf\n",
        ),
        ("/etc/network/site/storage.conf", "auto eth2\niface eth2 inet static\n    address 10.20.0.9/24\n"),
        ("/run/network/interfaces.d/eth1", "auto eth1\nallow-hotplug eth1\niface eth1 inet dhcp\n"),
        ("/run/network/interfaces.d/eth9.bak", "iface eth9 inet dhcp\n"),
    ];
    for (name, expected) in [("eth1", true), ("eth2", true), ("eth9", false), ("eth3", false)] {
        assert_eq!(!covering(&files, name).is_empty(), expected, "{name}");
    }
}

#[test]
fn included_files_out_of_sight_configure_everything_and_are_named() {
    for (line, expected) in [
        ("source /opt/site/*.conf", "/opt/site/*.conf"),
        ("source-directory /srv/interfaces.d", "/srv/interfaces.d"),
        ("source ~/interfaces", "/etc/network/~/interfaces"),
        ("source $HOME/interfaces", "/etc/network/$HOME/interfaces"),
        ("source ../../opt/interfaces", "/etc/network/../../opt/interfaces"),
    ] {
        let found = covering(&[("/etc/network/interfaces", line)], "eth1");
        assert_eq!(
            found,
            [format!(
                "{expected} (unreadable: /etc/network/interfaces has it read, and the agent cannot see it)"
            )]
        );
    }
    for line in [
        "source /etc/network/interfaces.d/*",
        "source interfaces.d/*",
        "source /var/run/network/interfaces.d/*",
        "source /etc/network/interfaces",
        "source /etc/netw[o]rk/interfaces",
    ] {
        assert_eq!(covering(&[("/etc/network/interfaces", line)], "eth1"), Vec::<String>::new(), "{line}");
    }
    let elsewhere = [
        ("/etc/network/interfaces", "source /opt/s*/*.conf\n"),
        ("/opt/site/a.conf", "iface eth1 inet dhcp\n"),
    ];
    assert_eq!(covering(&elsewhere, "eth1"), ["/opt/site/a.conf"]);
    assert_eq!(covering(&elsewhere, "eth2"), Vec::<String>::new());
}

#[test]
fn connections_of_networkmanager_are_read_from_all_its_directories() {
    let text = "[connection]\nid=lan\ntype=ethernet\ninterface-name=eth1\n";
    for directory in keyfile::DIRECTORIES {
        let path = format!("{directory}/lan.nmconnection");
        assert_eq!(covering(&[(&path, text)], "eth1"), [path.as_str()]);
        assert_eq!(covering(&[(&path, text)], "eth2"), Vec::<String>::new());
    }
    let old = "/etc/NetworkManager/system-connections/Wired connection 1";
    assert_eq!(covering(&[(old, text)], "eth1"), [old]);
}

#[test]
fn a_file_of_wickeds_that_is_masked_configures_its_link() {
    let (_directory, root) = host(&[("/etc/sysconfig/network/config", "")]);
    symlink("/dev/null", root.at("/etc/sysconfig/network/ifcfg-eth1")).unwrap();
    let link = |name| Link::physical(3, name, MAC.parse().unwrap());
    let definitions = survey(&root).unwrap().0;
    assert!(definitions.iter().any(|definition| definition.covers(&link("eth1"))));
    assert!(!definitions.iter().any(|definition| definition.covers(&link("eth2"))));
}

#[test]
fn what_is_no_file_may_configure_anything_and_is_not_waited_for() {
    let eth1 = Link::physical(3, "eth1", MAC.parse().unwrap());
    for (path, directory_counts) in [
        ("/etc/netplan/50-site.yaml", true),
        ("/etc/systemd/network/50-site.network", false),
        ("/etc/network/interfaces", true),
        ("/etc/network/interfaces.d/site", false),
        ("/etc/NetworkManager/system-connections/site", false),
        // wicked takes one for an empty file.
        ("/etc/sysconfig/network/ifcfg-eth1", true),
    ] {
        let covers =
            |root: &HostRoot| survey(root).unwrap().0.iter().any(|definition| definition.covers(&eth1));
        let (_directory, root) = host(&[]);
        let at = root.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        let private = rustix::fs::Mode::RWXU;
        rustix::fs::mknodat(rustix::fs::CWD, &at, rustix::fs::FileType::Fifo, private, 0).unwrap();
        assert!(covers(&root), "a FIFO at {path}");
        fs::remove_file(&at).unwrap();
        fs::write(&at, vec![b'#'; 2 << 20]).unwrap();
        assert!(covers(&root), "a large file at {path}");
        fs::remove_file(&at).unwrap();
        fs::create_dir(&at).unwrap();
        assert_eq!(covers(&root), directory_counts, "a directory at {path}");
    }
}

#[test]
fn bytes_that_are_no_text_count_unless_they_are_in_a_comment() {
    let eth1 = Link::physical(3, "eth1", MAC.parse().unwrap());
    for (text, expected) in [
        (&b"# f\xfcr eth9\niface eth9 inet dhcp\n"[..], false),
        (b"iface eth\xfc inet dhcp\n", true),
        (b"\xff\xfei\0f\0a\0c\0e\0", true),
    ] {
        let (_directory, root) = host(&[("/etc/network/interfaces", "")]);
        fs::write(root.at("/etc/network/interfaces"), text).unwrap();
        let covers = survey(&root).unwrap().0.iter().any(|definition| definition.covers(&eth1));
        assert_eq!(covers, expected, "{text:?}");
    }
}
