//! What hosts nodes are made of, as data: a release, what configures the network on it, and how that is told of the
//! uplink.

use std::net::Ipv4Addr;

use crate::sandbox::fabric::GATEWAY;

/// One kind of host.
#[derive(Debug)]
pub struct System {
    /// What tests call it.
    pub name: &'static str,
    /// The release of the distribution, by its codename; this host's own where there is none.
    pub(crate) codename: Option<&'static str>,
    /// Whether the host knows test NICs by their names alone, since netplan matches permanent MAC addresses, which a veth
    /// has not: then it takes a NIC for the one that had its name before, which a real host does not.
    pub by_name: bool,
    /// What is installed, beside what every node has.
    pub(crate) packages: &'static str,
    /// What no distribution packages, and is unpacked over the root: an archive that this variable names, built for
    /// Debian 12.
    pub(crate) archive: Option<&'static str>,
    /// The units that are enabled, and those that are not any more.
    pub(crate) enabled: &'static [&'static str],
    pub(crate) disabled: &'static [&'static str],
    /// What is put on it, as (path, text).
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// What an administrator types to have its configuration read again.
    pub reload: &'static [&'static str],
    /// The files that configure the uplink `eth0` with an address.
    pub(crate) uplink: fn(Ipv4Addr) -> Vec<File>,
}

impl System {
    /// Whether it stands for its kind where there is no time for all of them.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        [&BOOKWORM, &NETWORKD, &WICKED, &NETWORK_MANAGER_1_42].iter().any(|usual| usual.name == self.name)
    }

    /// Why there is no such host here.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        let variable = self.archive?;
        let is_set = std::env::var_os(variable).is_some_and(|value| !value.is_empty());
        (!is_set).then(|| {
            format!(
                "{variable} is not set: the archive of {}, built for Debian 12; see CONTRIBUTING.md",
                self.name
            )
        })
    }
}

/// A file on a node.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) mode: u32,
    pub(crate) text: String,
}

/// Every kind of host that the walk of the stories is taken on.
pub const SYSTEMS: [&System; 7] =
    [&BULLSEYE, &BOOKWORM, &TRIXIE, &NETWORKD, &WICKED, &NETWORK_MANAGER_1_42, &NETWORK_MANAGER_1_52];

/// netplan and networkd, of this host's own release.
pub static NETPLAN: System = netplan("netplan", None);
/// Debian 11: netplan 0.101.
pub static BULLSEYE: System = netplan("bullseye", Some("bullseye"));
/// Debian 12: netplan 0.106.
pub static BOOKWORM: System = netplan("bookworm", Some("bookworm"));
/// Debian 13: netplan 1.1.2.
pub static TRIXIE: System = netplan("trixie", Some("trixie"));
/// networkd alone.
pub static NETWORKD: System = System {
    name: "networkd",
    codename: None,
    by_name: false,
    packages: "",
    archive: None,
    enabled: &["systemd-networkd"],
    disabled: &[],
    files: &[],
    reload: &["networkctl", "reload"],
    uplink: |address| {
        let text = format!(
            "[Match]\nName=eth0\n\n[Network]\nAddress={address}/24\nGateway={GATEWAY}\nLinkLocalAddressing=no\n\
             IPv6AcceptRA=no\n"
        );
        vec![File { path: "etc/systemd/network/20-eth0.network", mode: 0o644, text }]
    },
};

const fn netplan(name: &'static str, codename: Option<&'static str>) -> System {
    System {
        name,
        codename,
        by_name: true,
        packages: "netplan.io",
        archive: None,
        enabled: &["systemd-networkd"],
        disabled: &[],
        files: &[],
        reload: &["networkctl", "reload"],
        // The file and its name are cloud-init's: for the agent they are foreign.
        uplink: |address| {
            let text = format!(
                "network:\n  version: 2\n  ethernets:\n    eth0:\n      match: {{name: eth0}}\n      \
                 addresses: [{address}/24]\n      routes: [{{to: 0.0.0.0/0, via: {GATEWAY}}}]\n      \
                 link-local: []\n      accept-ra: false\n"
            );
            vec![File { path: "etc/netplan/50-cloud-init.yaml", mode: 0o600, text }]
        },
    }
}

/// wicked, as on SLES 15 and Leap 15: openSUSE's sources on Debian 12, whose udev, systemd and kernel these are.
pub static WICKED: System = System {
    name: "wicked",
    codename: Some("bookworm"),
    by_name: false,
    packages: "libnl-3-200,libgcrypt20,libdbus-1-3",
    archive: Some("MULTINIC_WICKED"),
    enabled: &["wickedd", "wickedd-nanny", "wicked"],
    disabled: &["systemd-networkd", "systemd-networkd.socket"],
    files: &LEAP,
    reload: &["wicked", "ifreload", "all"],
    uplink: |address| {
        let ifcfg = format!("STARTMODE='auto'\nBOOTPROTO='static'\nIPADDR='{address}/24'\n");
        let ifsysctl = "net.ipv6.conf.$INTERFACE.accept_ra = 0\nnet.ipv6.conf.$INTERFACE.addr_gen_mode = 1\n";
        let file = |path, text| File { path, mode: 0o600, text };
        vec![
            file("etc/sysconfig/network/ifcfg-eth0", ifcfg),
            file("etc/sysconfig/network/ifsysctl-eth0", ifsysctl.to_owned()),
            file("etc/sysconfig/network/ifroute-eth0", format!("default {GATEWAY} - eth0\n")),
        ]
    },
};

const LEAP: [(&str, &str); 5] = [
    ("etc/sysconfig/network/config", ""),
    ("etc/sysconfig/network/dhcp", ""),
    // Directories of scripts, as SUSE's packages have them.
    ("etc/sysconfig/network/if-up.d/README", "Scripts.\n"),
    ("etc/sysconfig/network/scripts/README", "Scripts.\n"),
    (
        "etc/os-release",
        "NAME=\"openSUSE Leap\"\nID=\"opensuse-leap\"\nVERSION_ID=\"15.6\"\nPRETTY_NAME=\"openSUSE Leap 15.6\"\n",
    ),
];

/// wicked, with `NetworkManager` installed beside it: what an upgrade from Leap 15 to 16 finds.
pub static WICKED_THEN_NETWORK_MANAGER: System = System {
    name: "wicked_then_networkmanager",
    packages: "libnl-3-200,libgcrypt20,libdbus-1-3,network-manager",
    disabled: &["systemd-networkd", "systemd-networkd.socket", "NetworkManager"],
    files: &[LEAP[0], LEAP[1], LEAP[2], LEAP[3], LEAP[4], NM_OF_SERVERS, NM_WITH_VETHS],
    ..WICKED
};

/// `NetworkManager` of Debian 12, with the settings of servers in the Red Hat family.
pub static NETWORK_MANAGER_1_42: System = network_manager("networkmanager_1_42", "bookworm");
/// The same of Debian 13.
pub static NETWORK_MANAGER_1_52: System = network_manager("networkmanager_1_52", "trixie");

const NM_OF_SERVERS: (&str, &str) =
    ("etc/NetworkManager/conf.d/00-server.conf", "[main]\nno-auto-default=*\nignore-carrier=*\n");
/// In the place of the rule by which veths are left alone.
const NM_WITH_VETHS: (&str, &str) = ("etc/udev/rules.d/85-nm-unmanaged.rules", "# Test NICs are veths.\n");

const fn network_manager(name: &'static str, codename: &'static str) -> System {
    System {
        name,
        codename: Some(codename),
        by_name: false,
        packages: "network-manager",
        archive: None,
        enabled: &["NetworkManager"],
        disabled: &["systemd-networkd"],
        files: &[NM_OF_SERVERS, NM_WITH_VETHS],
        reload: &["nmcli", "connection", "reload"],
        uplink: |address| {
            let text = format!(
                "[connection]\nid=uplink\nuuid=11111111-1111-4111-8111-111111111111\ntype=ethernet\ninterface-name=eth0\n\n\
                 [ipv4]\nmethod=manual\naddress1={address}/24,{GATEWAY}\n\n[ipv6]\nmethod=disabled\n"
            );
            vec![File {
                path: "etc/NetworkManager/system-connections/uplink.nmconnection",
                mode: 0o600,
                text,
            }]
        },
    }
}
