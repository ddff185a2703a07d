//! The MAC address, which is the identity of a NIC everywhere in multinic.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A unicast, non-zero Ethernet address, printed in lower case with colons.
///
/// Parsing also takes upper case and dashes, as OpenStack tooling writes them;
/// the API server takes the printed form only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// What the API server takes: the printed form, with the multicast bit clear.
    pub const PATTERN: &str = "^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$";

    /// The address as the kernel has it; `None` for multicast and all-zero ones.
    #[must_use]
    pub fn from_octets(octets: [u8; 6]) -> Option<Self> {
        let unicast = octets[0] & 1 == 0;
        (unicast && octets != [0; 6]).then_some(Self(octets))
    }

    /// The six bytes, in the order they are sent.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
}

/// Why a text is not a [`MacAddress`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseMacError {
    /// Not six pairs of hexadecimal digits with one kind of separator.
    #[error("{0:?} is not a MAC address; write six hexadecimal pairs such as fa:16:3e:00:00:01")]
    Malformed(String),
    /// A group address, which no NIC can own.
    #[error("{0} is a multicast MAC address; a NIC has a unicast one (even first byte)")]
    Multicast(String),
    /// The null address.
    #[error("00:00:00:00:00:00 is not the MAC address of a NIC")]
    Zero,
}

impl FromStr for MacAddress {
    type Err = ParseMacError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octets = octets(text).ok_or_else(|| ParseMacError::Malformed(text.to_owned()))?;
        if octets == [0; 6] {
            return Err(ParseMacError::Zero);
        }
        Self::from_octets(octets).ok_or_else(|| ParseMacError::Multicast(text.to_owned()))
    }
}

fn octets(text: &str) -> Option<[u8; 6]> {
    let separator = text.chars().nth(2).filter(|c| matches!(c, ':' | '-'))?;
    let mut pairs = text.split(separator);
    let mut octets = [0; 6];
    for octet in &mut octets {
        let pair = pairs.next().filter(|pair| pair.len() == 2)?;
        // `from_str_radix` alone would take a sign.
        if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        *octet = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(octets)
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, octet) in self.0.into_iter().enumerate() {
            let separator = if position == 0 { "" } else { ":" };
            write!(f, "{separator}{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<Cow<'_, str>> for MacAddress {
    type Error = ParseMacError;

    fn try_from(text: Cow<'_, str>) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(mac: MacAddress) -> Self {
        mac.to_string()
    }
}

impl JsonSchema for MacAddress {
    fn schema_name() -> Cow<'static, str> {
        "MacAddress".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 17,
            "pattern": Self::PATTERN,
            "x-kubernetes-validations": [{
                "rule": "self != '00:00:00:00:00:00'",
                "message": "the all-zero MAC address belongs to no NIC",
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_producer_is_one_address() {
        for text in ["FA:16:3E:00:00:01", "fa-16-3e-00-00-01", "fa:16:3e:00:00:01"] {
            assert_eq!(text.parse::<MacAddress>().unwrap().to_string(), "fa:16:3e:00:00:01");
        }
    }

    #[test]
    fn what_is_no_nic_is_refused_with_its_reason() {
        for text in [
            "",
            "fa:16:3e:00:00",
            "fa:16:3e:00:00:01:02",
            "fa163e000001",
            "fa:16-3e:00:00:01",
            "+a:16:3e:00:00:01",
            "é:16:3e:00:00:01",
        ] {
            assert_eq!(text.parse::<MacAddress>(), Err(ParseMacError::Malformed(text.to_owned())), "{text}");
        }
        assert_eq!("00-00-00-00-00-00".parse::<MacAddress>(), Err(ParseMacError::Zero));
        assert!(matches!("01:00:5e:00:00:01".parse::<MacAddress>(), Err(ParseMacError::Multicast(_))));
    }
}
