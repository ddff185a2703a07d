//! The text of a connection.

use std::fmt::Write;

use ipnet::IpNet;
use multinic_crds::Interface;
use sha2::{Digest, Sha256};

use super::routes::{write_route, write_rule};
use crate::parse::routing::{routes, rules};

/// The connection that makes `NetworkManager` configure the NIC as it is wanted, and in no other way. Whatever else could
/// take the NIC, such as a connection without a name, has a lower priority.
pub(super) fn connection(nic: &Interface) -> String {
    let name = nic.name;
    let mut text = format!(
        "[connection]\nid={name}\nuuid={}\ntype=ethernet\ninterface-name={name}\nautoconnect=true\nautoconnect-priority=100\n\n\
         [ethernet]\nmac-address={}\n",
        uuid(nic),
        nic.mac_address
    );
    // Writing into a string cannot fail.
    let _ = nic.mtu.map(|mtu| writeln!(text, "mtu={}", mtu.bytes()));
    let nets: Vec<IpNet> = nic.nets().collect();
    let of = |ipv6: bool| nets.iter().filter(move |net| net.addr().is_ipv6() == ipv6);
    for (group, ipv6, more) in [("ipv4", false, ""), ("ipv6", true, "addr-gen-mode=eui64\n")] {
        let is_wanted = of(ipv6).next().is_some();
        let (method, more) = if is_wanted { ("manual", more) } else { ("disabled", "") };
        let _ = write!(text, "\n[{group}]\nmethod={method}\n{more}");
        for (number, net) in (1..).zip(of(ipv6)) {
            let _ = writeln!(text, "address{number}={net}");
        }
        let routes = routes(nic).into_iter().filter(|route| route.destination.addr().is_ipv6() == ipv6);
        for (number, route) in (1..).zip(routes) {
            write_route(&mut text, number, &route);
        }
        let rules = rules(nic).into_iter().filter(|rule| rule.from.is_ipv6() == ipv6);
        for (number, rule) in (1..).zip(rules) {
            write_rule(&mut text, number, &rule);
        }
        text.push_str("never-default=true\nmay-fail=true\n");
    }
    text
}

/// The same for the same NIC under the same name, and for no other: a connection that becomes another NIC's is another one.
fn uuid(nic: &Interface) -> String {
    let digest = Sha256::digest(format!("multinic {} {}", nic.mac_address, nic.name));
    let hex = digest.iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    // Version 8: made by a rule of one's own.
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

#[cfg(test)]
mod tests {
    use crate::{
        backend::{Backend, network_manager::NetworkManager},
        observed::link::Link,
        parse::foreign::{SourceFile, keyfile},
        testing::{files_of_every_kind, mac, nic},
    };

    const MAC: &str = "fa:16:3e:aa:00:01";

    #[test]
    fn the_files_of_every_kind_of_nic() {
        insta::assert_snapshot!(files_of_every_kind(&NetworkManager));
    }

    #[test]
    fn what_is_written_means_the_nic_and_gives_its_addresses() {
        let wanted = nic(MAC, "multinic0", &["10.10.0.5/24", "2001:db8:10::5/64"]);
        let file = &NetworkManager.render(&wanted).unwrap()[1];
        let read = keyfile(&SourceFile { path: file.path.clone(), text: file.text.clone() }).unwrap();
        let link = |name, address| Link::physical(3, name, mac(address));
        assert!(read.covers(&link("multinic0", MAC)));
        assert!(
            !read.covers(&link("multinic1", MAC)) && !read.covers(&link("multinic0", "fa:16:3e:aa:00:02"))
        );
        let addresses: Vec<_> =
            NetworkManager.addresses(&file.text).iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["10.10.0.5/24", "2001:db8:10::5/64"]);
    }
}
