//! The MTU of a NIC, in bytes.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Below this the kernel takes IPv6 away from a NIC (RFC 8200, section 5).
pub const MIN_IPV6_MTU: u32 = 1280;

/// A size in bytes from [`Mtu::MIN`] to [`Mtu::MAX`]; the device may allow less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct Mtu(u32);

impl Mtu {
    /// The least that IPv4 works with (RFC 791).
    pub const MIN: u32 = 68;
    /// The most that any Ethernet driver takes.
    pub const MAX: u32 = 65_535;

    /// The size in bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        self.0
    }
}

/// Why a value is not an [`Mtu`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an MTU; write a number of bytes from {min} to {max}", min = Mtu::MIN, max = Mtu::MAX)]
pub struct ParseMtuError(String);

impl TryFrom<i64> for Mtu {
    type Error = ParseMtuError;

    fn try_from(bytes: i64) -> Result<Self, Self::Error> {
        u32::try_from(bytes)
            .ok()
            .filter(|bytes| (Self::MIN..=Self::MAX).contains(bytes))
            .map(Self)
            .ok_or_else(|| ParseMtuError(bytes.to_string()))
    }
}

impl FromStr for Mtu {
    type Err = ParseMtuError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<i64>()
            .ok()
            .and_then(|bytes| Self::try_from(bytes).ok())
            .ok_or_else(|| ParseMtuError(text.to_owned()))
    }
}

impl From<Mtu> for u32 {
    fn from(mtu: Mtu) -> Self {
        mtu.0
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl JsonSchema for Mtu {
    fn schema_name() -> Cow<'static, str> {
        "Mtu".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer",
            "format": "int32",
            "minimum": Self::MIN,
            "maximum": Self::MAX,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sizes_that_a_nic_can_have_are_taken() {
        assert_eq!("1500".parse::<Mtu>().unwrap().bytes(), 1500);
        for text in ["", "67", "65536", "-1", "1500.0", "9000 bytes", "99999999999999999999"] {
            assert_eq!(text.parse::<Mtu>(), Err(ParseMtuError(text.to_owned())));
        }
    }
}
