//! The text of the two files.

use std::fmt::Write;

use ipnet::IpNet;
use multinic_crds::Interface;

use crate::{
    observed::routing::{NicRoute, SourceRule},
    parse::routing::{routes, rules},
};

/// The file by which udev names the NIC when it comes. Links that are made of it, such as VLANs, have its MAC address
/// too, and are of another type.
pub(crate) fn link(nic: &Interface) -> String {
    format!("[Match]\nMACAddress={}\nType=ether\n\n[Link]\nName={}\n", nic.mac_address, nic.name)
}

/// The file that makes networkd configure the NIC as it is wanted, and in no other way: without `IPv6AcceptRA=no` a
/// router advertisement puts a default route on it, and without `RequiredForOnline=no` a NIC without carrier holds up
/// the boot.
pub(super) fn network(nic: &Interface) -> String {
    let ipv6 = nic.addresses.iter().any(|address| address.is_ipv6());
    let mut text = format!(
        "[Match]\nMACAddress={}\nName={}\n\n[Link]\nRequiredForOnline=no\n",
        nic.mac_address, nic.name
    );
    // Writing into a string cannot fail.
    let _ = nic.mtu.map(|mtu| writeln!(text, "MTUBytes={}", mtu.bytes()));
    let link_local = if ipv6 { "ipv6" } else { "no" };
    let _ = write!(text, "\n[Network]\nDHCP=no\nLinkLocalAddressing={link_local}\nIPv6AcceptRA=no\n");
    for address in &nic.addresses {
        let _ = writeln!(text, "Address={address}");
    }
    for route in routes(nic) {
        write_route(&mut text, &route);
    }
    for rule in rules(nic) {
        write_rule(&mut text, &rule);
    }
    text
}

fn write_route(text: &mut String, route: &NicRoute) {
    let NicRoute { destination, via, metric: _, table, on_link } = route;
    let _ = write!(text, "\n[Route]\nDestination={destination}\nTable={table}\n");
    let _ = match via {
        Some(via) => writeln!(text, "Gateway={via}"),
        None if destination.addr().is_ipv4() => writeln!(text, "Scope=link"),
        None => Ok(()),
    };
    if *on_link {
        text.push_str("GatewayOnLink=yes\n");
    }
    if let Some(metric) = route.given_metric() {
        let _ = writeln!(text, "Metric={metric}");
    }
}

fn write_rule(text: &mut String, rule: &SourceRule) {
    let SourceRule { from, priority, table, without_default } = rule;
    let _ = write!(
        text,
        "\n[RoutingPolicyRule]\nFrom={}\nTable={table}\nPriority={priority}\n",
        IpNet::from(*from)
    );
    if *without_default {
        text.push_str("SuppressPrefixLength=0\n");
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        backend::{ALL, Backend, networkd::Networkd},
        observed::link::Link,
        parse::foreign::{OurNetworks, SourceFile, networkd},
        testing::{files_of_every_kind, mac, nic},
    };

    const MAC: &str = "fa:16:3e:aa:00:01";

    #[test]
    fn the_files_of_every_kind_of_nic() {
        insta::assert_snapshot!(files_of_every_kind(&Networkd));
    }

    #[test]
    fn what_is_written_means_the_nic_and_nothing_that_is_made_of_it() {
        let wanted = nic(MAC, "multinic0", &["10.10.0.5/24", "2001:db8:10::5/64"]);
        let file = &Networkd.render(&wanted).unwrap()[1];
        // As somebody else's, under a name that hides nothing.
        let source =
            SourceFile { path: "/etc/systemd/network/50-site.network".to_owned(), text: file.text.clone() };
        let read = networkd(&source, &[], &OurNetworks(ALL.networks())).unwrap();
        let link = |name, address| Link::physical(3, name, mac(address));
        assert!(read.covers(&link("multinic0", MAC)));
        assert!(
            !read.covers(&link("multinic0.5", MAC)) && !read.covers(&link("multinic0", "fa:16:3e:aa:00:02"))
        );
        let addresses: Vec<_> = Networkd.addresses(&file.text).iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["10.10.0.5/24", "2001:db8:10::5/64"]);
    }
}
