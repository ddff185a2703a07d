//! Where the addresses of a NIC come from, and how far it is proven that they work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the addresses of the NIC come from. When absent: `static` if there are `addresses`, otherwise `none`.
/// - `static`: from `addresses`, that is from the database table.
/// - `dhcp4`: from a DHCP server on the NIC's network (IPv4).
/// - `dhcp6`: from a DHCP server on the NIC's network (IPv6).
/// - `slaac`: from the prefixes that a router on the NIC's network advertises (IPv6).
/// - `none`: the NIC is brought up without an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Addressing {
    /// From `addresses`.
    Static,
    /// From a DHCP server on the NIC's network, of IPv4.
    Dhcp4,
    /// From a DHCP server on the NIC's network, of IPv6.
    Dhcp6,
    /// From the prefixes that a router on the NIC's network advertises, and the MAC address.
    Slaac,
    /// The NIC has none.
    None,
}

impl Addressing {
    /// Every one, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Static, Self::Dhcp4, Self::Dhcp6, Self::Slaac, Self::None];

    /// The word in the object, in the chart's values and in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dhcp4 => "dhcp4",
            Self::Dhcp6 => "dhcp6",
            Self::Slaac => "slaac",
            Self::None => "none",
        }
    }

    /// Whether the network says the addresses, and nobody knows them before.
    #[must_use]
    pub const fn is_dynamic(self) -> bool {
        matches!(self, Self::Dhcp4 | Self::Dhcp6 | Self::Slaac)
    }

    /// Whether the addresses that it gives are of IPv6.
    #[must_use]
    pub const fn is_ipv6(self) -> bool {
        matches!(self, Self::Dhcp6 | Self::Slaac)
    }
}

/// How far it is proven that a NIC works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Verify {
    /// The kernel shows everything that is wanted.
    #[default]
    Kernel,
    /// Its network answers as well: nobody else has the address, the gateway is there, and packets as large as the MTU pass.
    Wire,
}

impl Verify {
    /// Whether it is what an object means that says nothing of it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_object() {
        for addressing in Addressing::ALL {
            let word = serde_json::to_value(addressing).unwrap();
            assert_eq!(word, addressing.as_str());
        }
    }
}
