//! The text of the files, in which wicked reads values as a shell does: everything stands in single quotes, and nothing
//! is written that could end them.

use std::fmt::Write;

use multinic_crds::Interface;

use crate::{observed::routing::NicRoute, parse::routing::routes};

/// `ifcfg-NAME`: what the NIC is given. `hotplug` is brought up when it is there, and fails no boot when it is not;
/// `none` instead of `static` would also leave out the MTU. A NIC without a carrier holds up a boot for half a minute,
/// unless none is required.
pub(super) fn ifcfg(nic: &Interface) -> String {
    let mut text = "STARTMODE='hotplug'\nBOOTPROTO='static'\nLINK_REQUIRED='no'\n".to_owned();
    for (number, address) in nic.addresses.iter().enumerate() {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "IPADDR_{number}='{address}'");
    }
    let _ = nic.mtu.map(|mtu| writeln!(text, "MTU='{}'", mtu.bytes()));
    text
}

/// `ifroute-NAME`: routes that wicked can say. It knows no next hop that is in no subnet of the NIC; the agent adds those
/// when it starts, and the rules: wicked 0.6.80 reads `suppress-prefixlength 0` in `ifrule` files and does not tell the kernel
/// of it, so that what leads replies out would lead them to the uplink.
pub(super) fn ifroute(nic: &Interface) -> Option<String> {
    let mut text = String::new();
    for route in routes(nic).into_iter().filter(|route| !route.on_link) {
        let metric = route.given_metric().map(|metric| format!(" metric {metric}")).unwrap_or_default();
        let NicRoute { destination, via, table, .. } = route;
        let via = via.map_or_else(|| "-".to_owned(), |via| via.to_string());
        let _ = writeln!(text, "{destination} {via} - - table {table}{metric}");
    }
    (!text.is_empty()).then_some(text)
}

/// `ifsysctl-NAME`: without it a router advertisement puts addresses and a default route on the NIC. Where no IPv6
/// address is wanted, none is made for the link either. IPv6 is not disabled: it would stay so when an address comes later.
/// What a host sets for all links must not matter, so that nothing is left out.
pub(super) fn ifsysctl(nic: &Interface) -> String {
    let ipv6 = nic.addresses.iter().any(|address| address.is_ipv6());
    let sysctls =
        [("disable_ipv6", 0), ("accept_ra", 0), ("autoconf", 0), ("addr_gen_mode", i32::from(!ipv6))];
    let lines = sysctls.map(|(key, value)| format!("net.ipv6.conf.$INTERFACE.{key} = {value}\n"));
    lines.concat()
}

/// The udev rule that names the NIC when it comes. Only links with a driver: a VLAN has the MAC address of the link
/// below it. A rule, since wicked's hosts may have others for the same NIC, and the last one counts.
pub(super) fn rule(nic: &Interface) -> String {
    format!(
        "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{type}}==\"1\", ATTR{{address}}==\"{}\", NAME=\"{}\"\n",
        nic.mac_address, nic.name
    )
}

#[cfg(test)]
mod tests {
    use crate::{backend::wicked::Wicked, testing::files_of_every_kind};

    #[test]
    fn the_files_of_every_kind_of_nic() {
        insta::assert_snapshot!(files_of_every_kind(&Wicked));
    }
}
