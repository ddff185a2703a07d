//! Interface names `multinic0` … `multinic19`: the slots of a node.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The most NICs one node can have, and so the number of slots.
pub const MAX_INTERFACES: usize = 20;

const PREFIX: &str = "multinic";

/// The name of a managed NIC. Its number is the slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct InterfaceName(u8);

impl InterfaceName {
    /// What the API server takes.
    pub const PATTERN: &str = "^multinic1?[0-9]$";

    /// Every name, in the order in which slots are given out.
    pub fn all() -> impl Iterator<Item = Self> {
        (0u8..).take(MAX_INTERFACES).map(Self)
    }

    /// The number in the name, below [`MAX_INTERFACES`], as a place among all of them.
    #[must_use]
    pub fn slot(self) -> usize {
        self.0.into()
    }

    /// The same, to be added to what the first of them has.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0.into()
    }
}

/// A text is not an [`InterfaceName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a managed interface name; write multinic0 to multinic19")]
pub struct ParseNameError(String);

impl FromStr for InterfaceName {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix(PREFIX)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
            .filter(|digits| *digits == "0" || !digits.starts_with('0'))
            .and_then(|digits| digits.parse().ok())
            .filter(|slot| usize::from(*slot) < MAX_INTERFACES)
            .map(Self)
            .ok_or_else(|| ParseNameError(text.to_owned()))
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl fmt::Debug for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<Cow<'_, str>> for InterfaceName {
    type Error = ParseNameError;

    fn try_from(text: Cow<'_, str>) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<InterfaceName> for String {
    fn from(name: InterfaceName) -> Self {
        name.to_string()
    }
}

impl JsonSchema for InterfaceName {
    fn schema_name() -> Cow<'static, str> {
        "InterfaceName".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 10, "pattern": Self::PATTERN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_one_name_that_parses_back() {
        let names: Vec<_> = InterfaceName::all().collect();
        assert_eq!(names.len(), MAX_INTERFACES);
        for (slot, name) in names.into_iter().enumerate() {
            assert_eq!(name.slot(), slot);
            assert_eq!(name.to_string().parse(), Ok(name));
        }
    }

    #[test]
    fn foreign_and_odd_names_are_refused() {
        for text in [
            "eth0",
            "multinic",
            "multinic20",
            "multinic00",
            "multinic01",
            "multinic+1",
            "multinic0 ",
            "Multinic0",
            "multinic256",
        ] {
            assert!(text.parse::<InterfaceName>().is_err(), "{text}");
        }
    }
}
