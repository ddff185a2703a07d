//! What a later agent has to know of attempts that failed, so that they end although agents are restarted.

use std::collections::BTreeMap;

use multinic_crds::MacAddress;
use serde::{Deserialize, Serialize};

use crate::{observed::link::Link, parse::desired::Request};

/// Raised when an agent that knows only an older one must not go by what is written.
const VERSION: u32 = 1;

/// Attempts that failed, as they are on disk. A newer agent's is not understood, nor one with a field too many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    version: u32,
    /// The boot in which they were made: a new one is a new start.
    pub(super) boot_id: String,
    /// What configured the network at boot.
    pub(super) backend: String,
    /// What asked for them.
    pub(super) request: Request,
    pub(super) nics: BTreeMap<MacAddress, Tried>,
}

/// What was tried with one NIC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Tried {
    pub(super) attempts: u32,
    pub(super) fenced: u32,
    pub(super) rollback_failed: bool,
    pub(super) reason: String,
    pub(super) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<Sight>,
}

/// A link, as far as whoever configures it may depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Sight {
    index: u32,
    name: String,
    carrier: bool,
    mtu_range: (u32, Option<u32>),
}

impl Sight {
    pub(super) fn of(link: &Link) -> Self {
        let Link { index, name, carrier, mtu_range, .. } = link;
        Self { index: *index, name: name.clone(), carrier: *carrier, mtu_range: *mtu_range }
    }
}

impl Record {
    pub(super) fn new(
        boot_id: &str,
        backend: &str,
        request: Request,
        nics: BTreeMap<MacAddress, Tried>,
    ) -> Self {
        Self { version: VERSION, boot_id: boot_id.to_owned(), backend: backend.to_owned(), request, nics }
    }

    /// Reads what is on disk; why it cannot be understood, where it cannot.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let record: Self = serde_json::from_str(text)?;
        if record.version == VERSION {
            Ok(record)
        } else {
            Err(serde::de::Error::custom(format!(
                "its version is {}, and {VERSION} is known",
                record.version
            )))
        }
    }

    /// What goes to disk.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}
