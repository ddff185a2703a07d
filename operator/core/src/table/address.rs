//! The address of a NIC: the row says which, its subnet says how long the prefix is.

use std::net::IpAddr;

use ipnet::IpNet;
use multinic_crds::{Explanation, InterfaceAddress, Reason};

use crate::cidr::network;

/// `address` with the prefix of the subnet `cidr`, or with its own where it brings one.
pub(super) fn resolve(address: &str, cidr: Option<&str>) -> Result<InterfaceAddress, Explanation> {
    let subnet = cidr.map(network).transpose()?;
    let resolved = if address.contains('/') {
        address.parse().map_err(|error| fault(format!("address: {error}")))?
    } else {
        with_prefix(address, subnet)?
    };
    match subnet {
        Some(subnet) if !subnet.contains(&resolved.ip()) => Err(outside(address, subnet)),
        _ => Ok(resolved),
    }
}

fn with_prefix(address: &str, subnet: Option<IpNet>) -> Result<InterfaceAddress, Explanation> {
    let ip: IpAddr = address
        .parse()
        .map_err(|_| fault(format!("address {address:?} is no IP address; write one such as 10.10.0.5")))?;
    let subnet = subnet.ok_or_else(|| {
        fault(format!(
            "address {ip} has no prefix; give its subnet a cidr in multi_subnet, or write {ip}/<bits>"
        ))
    })?;
    // An IPv6 prefix may be too long for an IPv4 address.
    let net = IpNet::new(ip, subnet.prefix_len()).map_err(|_| outside(address, subnet))?;
    net.try_into().map_err(|error| fault(format!("address: {error}")))
}

fn outside(address: &str, subnet: IpNet) -> Explanation {
    fault(format!("address {address} is not in the subnet {subnet}; correct address or subnet_id"))
}

fn fault(message: String) -> Explanation {
    Explanation::new(Reason::InvalidAddress, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_comes_from_the_subnet_unless_the_address_brings_its_own() {
        for (address, cidr, expected) in [
            ("10.10.0.5", Some("10.10.0.0/16"), "10.10.0.5/16"),
            ("10.10.0.5", Some("10.10.0.77/24"), "10.10.0.5/24"),
            ("10.10.0.5/25", None, "10.10.0.5/25"),
            ("10.10.0.5/25", Some("10.10.0.0/24"), "10.10.0.5/25"),
            ("2001:DB8::5", Some("2001:db8::/64"), "2001:db8::5/64"),
        ] {
            assert_eq!(resolve(address, cidr).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_has_no_prefix_or_is_not_in_its_subnet_is_refused() {
        for (address, cidr, complaint) in [
            ("10.10.0.5", None, "has no prefix"),
            ("10.10.0.5", Some("10.10.0.0"), "cidr of the subnet"),
            ("10.10.0.5", Some("10.10.0.0/024"), "cidr of the subnet"),
            ("10.10.1.5", Some("10.10.0.0/24"), "not in the subnet 10.10.0.0/24"),
            ("10.10.1.5/24", Some("10.10.0.0/24"), "not in the subnet"),
            ("10.10.0.5", Some("2001:db8::/64"), "not in the subnet"),
            ("2001:db8::5", Some("10.10.0.0/24"), "not in the subnet"),
            ("2001:db9::5", Some("2001:db8::/64"), "not in the subnet"),
            ("127.0.0.1", Some("10.10.0.0/24"), "cannot be the address of a NIC"),
            ("10.10.0.05", Some("10.10.0.0/24"), "no IP address"),
        ] {
            let fault = resolve(address, cidr).unwrap_err();
            assert!(fault.message.contains(complaint), "{fault}");
        }
    }
}
