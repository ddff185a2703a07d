//! Plain data about the host's files that have to do with us.

use std::collections::BTreeMap;

use multinic_crds::MacAddress;
use serde::{Deserialize, Serialize};

use crate::parse::foreign::SourceFile;

/// The files on the host that have to do with us, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFiles {
    /// Boot files that carry our mark, or lie where ours would.
    pub boot: BTreeMap<String, String>,
    /// What the backend's generator made of them.
    pub generated: BTreeMap<String, String>,
    /// What the Go agent wrote, for the NICs that are wanted: ours to replace.
    pub inherited: BTreeMap<MacAddress, SourceFile>,
}

/// One file, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Where it lies on the host.
    pub path: String,
    /// Its text now, or none where it is not there.
    pub from: Option<String>,
    /// Its text afterwards, or none where it goes.
    pub to: Option<String>,
}

impl FileChange {
    /// The change that takes this one back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self { path: self.path.clone(), from: self.to.clone(), to: self.from.clone() }
    }
}
