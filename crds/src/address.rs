//! An address of a NIC with its prefix length, in CIDR notation.

use std::{borrow::Cow, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::text::text;

/// A unicast host address with its prefix, such as `10.10.0.5/24` or `2001:db8::5/64`.
///
/// The host bits are kept: this is an address on a subnet, not the subnet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct InterfaceAddress(IpNet);

impl InterfaceAddress {
    /// The address without its prefix.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        self.0.addr()
    }

    /// The address with its prefix.
    #[must_use]
    pub const fn net(self) -> IpNet {
        self.0
    }

    /// Whether this is an IPv6 address, which needs [`crate::MIN_IPV6_MTU`].
    #[must_use]
    pub fn is_ipv6(self) -> bool {
        self.ip().is_ipv6()
    }
}

/// Why a text is not an [`InterfaceAddress`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAddressError {
    /// Not CIDR notation.
    #[error("{0:?} is not an address with a prefix; write it like 10.10.0.5/24 or 2001:db8::5/64")]
    Malformed(String),
    /// Loopback, multicast, unspecified, reserved or IPv4-mapped.
    #[error("{0} cannot be the address of a NIC; give it a unicast host address")]
    NotAHost(IpAddr),
    /// A prefix of zero bits would make the NIC the way to everywhere.
    #[error("{0} has a prefix of zero bits; give it the prefix of its subnet")]
    NoPrefix(IpNet),
}

impl TryFrom<IpNet> for InterfaceAddress {
    type Error = ParseAddressError;

    fn try_from(net: IpNet) -> Result<Self, Self::Error> {
        let ip = net.addr();
        if !is_unicast(ip) {
            return Err(ParseAddressError::NotAHost(ip));
        }
        if net.prefix_len() == 0 {
            return Err(ParseAddressError::NoPrefix(net));
        }
        Ok(Self(net))
    }
}

impl FromStr for InterfaceAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        cidr(text).ok_or_else(|| ParseAddressError::Malformed(text.to_owned()))?.try_into()
    }
}

/// Not `IpNet::from_str`: it takes zeros in front of octets and prefixes, which the API server refuses and others read as
/// octal.
pub(crate) fn cidr(text: &str) -> Option<IpNet> {
    let (ip, prefix) = text.split_once('/')?;
    let plain = prefix.bytes().all(|b| b.is_ascii_digit()) && (prefix == "0" || !prefix.starts_with('0'));
    IpNet::new(ip.parse().ok()?, prefix.parse().ok().filter(|_| plain)?).ok()
}

/// Whether a host can have this address: not loopback, multicast, unspecified, reserved or IPv4-mapped.
pub(crate) fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        // 0.0.0.0/8, 127.0.0.0/8, multicast and class E.
        IpAddr::V4(v4) => !matches!(v4.octets()[0], 0 | 127 | 224..),
        IpAddr::V6(v6) => {
            !(v6.is_unspecified() || v6.is_loopback() || v6.is_multicast()) && v6.to_ipv4_mapped().is_none()
        }
    }
}

impl InterfaceAddress {
    /// What the API server takes: IPv4 in full, and every well-formed spelling of IPv6
    /// without an embedded IPv4 address, in lower case.
    ///
    /// The `cidr` format would say this too, but it also takes what the kernel refuses.
    #[must_use]
    pub fn pattern() -> String {
        format!("^({})$", with_prefix())
    }
}

/// The pattern of a host's IPv4 address.
pub(crate) fn v4() -> String {
    const LAST: &str = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    const FIRST: &str = "(22[0-3]|2[01][0-9]|1[013-9][0-9]|12[0-689]|[1-9][0-9]?)";
    format!(r"{FIRST}(\.{LAST}){{3}}")
}

/// The pattern of an IPv6 address.
pub(crate) fn v6() -> String {
    const GROUP: &str = "[0-9a-f]{1,4}";
    // `::` stands for at least one group: with n groups before it, at most 7 - n follow.
    let mut v6 = vec![format!("({GROUP}:){{7}}{GROUP}"), format!("({GROUP}:){{1,7}}:")];
    v6.extend((1..=6).map(|before| format!("({GROUP}:){{1,{before}}}(:{GROUP}){{1,{}}}", 7 - before)));
    v6.push(format!(":(:{GROUP}){{1,7}}"));
    format!("({})", v6.join("|"))
}

/// The pattern of either with a prefix of at least one bit.
pub(crate) fn with_prefix() -> String {
    const V4_PREFIX: &str = "(3[0-2]|[12][0-9]|[1-9])";
    const V6_PREFIX: &str = "(12[0-8]|1[01][0-9]|[1-9][0-9]?)";
    format!("{}/{V4_PREFIX}|{}/{V6_PREFIX}", v4(), v6())
}

/// The CEL rule that refuses IPv6 addresses that no host has, where `end` follows the address: loopback and unspecified,
/// however many zeros they are written with; multicast; IPv4-mapped.
pub(crate) fn is_host(end: &str) -> String {
    format!(
        "!self.matches('^[0:]*:[0:]*1?{end}') && !self.matches('^ff[0-9a-f]{{2}}:') && \
         !self.matches('^[0:]*:ffff:[0-9a-f]{{1,4}}:[0-9a-f]{{1,4}}{end}') && \
         !self.matches('^(0{{1,4}}:){{5}}ffff:([0-9a-f]{{1,4}})?:{{1,2}}{end}')"
    )
}

// The longest are eight groups of four, seven colons and `/128`.
text!(
    InterfaceAddress,
    ParseAddressError,
    43,
    Self::pattern(),
    is_host("/"),
    "loopback, unspecified, multicast and IPv4-mapped addresses cannot be given to a NIC"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_are_kept_and_ipv6_is_printed_canonically() {
        for (text, printed) in [
            ("10.10.0.5/24", "10.10.0.5/24"),
            ("2001:DB8:0::5/64", "2001:db8::5/64"),
            ("fe80::1/64", "fe80::1/64"),
        ] {
            assert_eq!(text.parse::<InterfaceAddress>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn what_no_nic_can_have_is_refused() {
        for text in [
            "",
            "10.0.0.5",
            "10.0.0.5/33",
            "10.0.0.05/24",
            "10.0.0.5/024",
            "10.0.0.5/+4",
            "2001:db8::5/129",
            "x/24",
        ] {
            assert_eq!(
                text.parse::<InterfaceAddress>(),
                Err(ParseAddressError::Malformed(text.to_owned())),
                "{text}"
            );
        }
        for text in [
            "0.0.0.0/0",
            "0.1.2.3/8",
            "127.0.0.1/8",
            "224.0.0.1/24",
            "255.255.255.255/32",
            "::/64",
            "::1/128",
            "ff02::1/64",
            "::ffff:10.0.0.1/120",
        ] {
            assert!(
                matches!(text.parse::<InterfaceAddress>(), Err(ParseAddressError::NotAHost(_))),
                "{text}"
            );
        }
        assert!(matches!("10.0.0.1/0".parse::<InterfaceAddress>(), Err(ParseAddressError::NoPrefix(_))));
    }
}
