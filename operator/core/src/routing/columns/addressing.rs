//! What Neutron says of the addresses of a subnet's ports: `enable_dhcp` and `ipv6_ra_mode`.

use ipnet::IpNet;
use multinic_crds::{Addressing, Explanation, Reason};

use crate::text::text;

/// The longest value that is looked at, in bytes: more than any word has.
const MAX_BYTES: usize = 100;
const REASON: Reason = Reason::InvalidAddressing;

/// Where the addresses of NICs come from in the subnet with this network; none where the columns do not say it.
///
/// # Errors
/// What is needed and cannot be read, the network included.
pub(super) fn addressing(
    subnet: &Result<Option<IpNet>, Explanation>,
    enable_dhcp: Option<&[u8]>,
    ipv6_ra_mode: Option<&[u8]>,
) -> Result<Option<Addressing>, Explanation> {
    let mode = text(ipv6_ra_mode, "ipv6_ra_mode of the subnet", MAX_BYTES, REASON)?;
    if let Some(mode) = mode
        && is_ipv6(subnet)?
    {
        return by_mode(mode).map(Some);
    }
    match enabled(enable_dhcp)? {
        None => Ok(None),
        Some(false) => Ok(Some(Addressing::None)),
        // Of IPv6, only the mode tells which of the two it is.
        Some(true) => Ok((!is_ipv6(subnet)?).then_some(Addressing::Dhcp4)),
    }
}

fn is_ipv6(subnet: &Result<Option<IpNet>, Explanation>) -> Result<bool, Explanation> {
    let unknown =
        "enable_dhcp and ipv6_ra_mode of the subnet say nothing without its cidr, which is empty; write it";
    let net = subnet.clone()?.ok_or_else(|| Explanation::new(REASON, unknown))?;
    Ok(net.addr().is_ipv6())
}

fn by_mode(mode: &str) -> Result<Addressing, Explanation> {
    match mode.to_ascii_lowercase().as_str() {
        "slaac" | "dhcpv6-stateless" => Ok(Addressing::Slaac),
        "dhcpv6-stateful" => Ok(Addressing::Dhcp6),
        _ => Err(Explanation::new(
            REASON,
            format!(
                "ipv6_ra_mode of the subnet: {mode:?} is none of slaac, dhcpv6-stateful and dhcpv6-stateless; write what \
                 Neutron says, or NULL"
            ),
        )),
    }
}

fn enabled(value: Option<&[u8]>) -> Result<Option<bool>, Explanation> {
    match value {
        // A column of one bit arrives as a byte that is no digit.
        Some([0]) => return Ok(Some(false)),
        Some([1]) => return Ok(Some(true)),
        _ => {}
    }
    let Some(text) = text(value, "enable_dhcp of the subnet", MAX_BYTES, REASON)? else { return Ok(None) };
    match text.to_ascii_lowercase().as_str() {
        "0" | "false" => Ok(Some(false)),
        "1" | "true" => Ok(Some(true)),
        _ => Err(Explanation::new(
            REASON,
            format!(
                "enable_dhcp of the subnet: {text:?} is neither 1 nor 0; write what Neutron says, or NULL"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPV4: &str = "10.20.0.0/24";
    const IPV6: &str = "2001:db8:20::/64";

    fn said(cidr: &str, enable_dhcp: &str, ipv6_ra_mode: &str) -> Result<Option<Addressing>, String> {
        let subnet = Ok(Some(cidr).filter(|cidr| !cidr.is_empty()).map(|cidr| cidr.parse().unwrap()));
        let said = addressing(&subnet, Some(enable_dhcp.as_bytes()), Some(ipv6_ra_mode.as_bytes()));
        said.map_err(|fault| fault.to_string())
    }

    #[test]
    fn of_ipv4_enable_dhcp_says_it_alone() {
        for (enable_dhcp, expected) in [
            ("1", Some(Addressing::Dhcp4)),
            (" True ", Some(Addressing::Dhcp4)),
            ("\u{1}", Some(Addressing::Dhcp4)),
            ("0", Some(Addressing::None)),
            ("FALSE", Some(Addressing::None)),
            ("\0", Some(Addressing::None)),
            ("", None),
        ] {
            for mode in ["", "slaac", "banana"] {
                assert_eq!(said(IPV4, enable_dhcp, mode), Ok(expected), "{enable_dhcp:?} {mode}");
            }
        }
    }

    #[test]
    fn of_ipv6_the_mode_says_it_and_without_one_enable_dhcp_only_that_there_is_none() {
        for (enable_dhcp, mode, expected) in [
            ("1", "slaac", Some(Addressing::Slaac)),
            ("", "slaac", Some(Addressing::Slaac)),
            ("banana", " SLAAC ", Some(Addressing::Slaac)),
            ("1", "dhcpv6-stateless", Some(Addressing::Slaac)),
            ("1", "dhcpv6-stateful", Some(Addressing::Dhcp6)),
            ("1", "", None),
            ("0", " ", Some(Addressing::None)),
            ("", "", None),
        ] {
            assert_eq!(said(IPV6, enable_dhcp, mode), Ok(expected), "{enable_dhcp:?} {mode:?}");
        }
    }

    #[test]
    fn what_is_needed_and_cannot_be_read_is_a_fault() {
        for (cidr, enable_dhcp, mode, complaint) in [
            (IPV4, "yes", "", "enable_dhcp of the subnet: \"yes\" is neither 1 nor 0"),
            (IPV4, "2", "", "enable_dhcp of the subnet: \"2\" is neither"),
            (IPV6, "on", "", "enable_dhcp of the subnet: \"on\" is neither"),
            (IPV6, "1", "banana", "ipv6_ra_mode of the subnet: \"banana\" is none of slaac"),
            ("", "1", "", "say nothing without its cidr"),
            ("", "", "slaac", "say nothing without its cidr"),
        ] {
            let fault = said(cidr, enable_dhcp, mode).unwrap_err();
            assert!(fault.contains(complaint), "{fault}");
        }
        // Neither family has one.
        assert_eq!(said("", "0", ""), Ok(Some(Addressing::None)));
        assert_eq!(said("", "", ""), Ok(None));
        let unreadable = Err(Explanation::new(Reason::InvalidAddress, "cidr of the subnet: why"));
        assert_eq!(addressing(&unreadable, None, None), Ok(None));
        assert_eq!(addressing(&unreadable, Some(b"1"), None).unwrap_err().reason, Reason::InvalidAddress);
        assert_eq!(addressing(&Ok(None), Some(b"\xff"), None).unwrap_err().reason, REASON);
    }
}
