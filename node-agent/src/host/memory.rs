//! What the node lived by since it booted, for this agent and every later one.
//!
//! An uplink that has lost its address and its routes for a moment shows no sign of what it is.

use std::{collections::BTreeSet, io};

use multinic_agent_core::observed::boot;
use multinic_crds::MacAddress;
use serde::{Deserialize, Serialize};

use crate::host::{facts, reading::FileError, root::HostRoot};

/// Gone with the next boot, as what it tells is no longer true then.
pub const PATH: &str = "/run/multinic/vital.json";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    /// A host may keep its /run over a boot.
    boot_id: String,
    mac_addresses: BTreeSet<MacAddress>,
}

/// The links that the node lived by earlier in this boot.
pub fn vital(root: &HostRoot) -> Result<BTreeSet<MacAddress>, FileError> {
    let failed = |source| FileError::of(PATH, source);
    let Some(text) = root.text(PATH).map_err(failed)? else { return Ok(BTreeSet::new()) };
    let damaged =
        |error| failed(io::Error::other(format!("it is damaged ({error}); restart the node, or remove it")));
    let record: Record = serde_json::from_str(&text).map_err(damaged)?;
    let is_over = boot::is_another(&record.boot_id, &facts::boot_id(root));
    Ok(if is_over { BTreeSet::new() } else { record.mac_addresses })
}

/// Remembers these links until the next boot.
pub fn remember(root: &HostRoot, mac_addresses: BTreeSet<MacAddress>) -> Result<(), FileError> {
    let failed = |source| FileError::Write { path: PATH.to_owned(), source };
    let record = Record { boot_id: facts::boot_id(root), mac_addresses };
    let text = serde_json::to_string(&record).map_err(|error| failed(error.into()))?;
    root.replace(PATH, &text, 0o600).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_vital_is_known_until_the_next_boot() {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path().to_owned());
        for directory in ["/run/multinic", "/proc/sys/kernel/random"] {
            fs::create_dir_all(root.at(directory)).unwrap();
        }
        fs::write(root.at(facts::BOOT_ID), "a boot\n").unwrap();
        assert_eq!(vital(&root).unwrap(), BTreeSet::new());
        let uplink = BTreeSet::from(["fa:16:3e:00:00:ee".parse().unwrap()]);
        remember(&root, uplink.clone()).unwrap();
        assert_eq!(vital(&root).unwrap(), uplink);

        fs::write(root.at(facts::BOOT_ID), "another boot\n").unwrap();
        assert_eq!(vital(&root).unwrap(), BTreeSet::new());
        fs::remove_file(root.at(facts::BOOT_ID)).unwrap();
        assert_eq!(vital(&root).unwrap(), uplink, "forgotten, though nobody knows of a boot");
        remember(&root, uplink.clone()).unwrap();
        fs::write(root.at(facts::BOOT_ID), "a boot\n").unwrap();
        assert_eq!(vital(&root).unwrap(), uplink, "forgotten, though it may be of this boot");
    }

    #[test]
    fn a_damaged_record_is_no_empty_one() {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path().to_owned());
        fs::create_dir_all(root.at("/run/multinic")).unwrap();
        fs::write(root.at(PATH), "{\"bootId\":").unwrap();
        let error = vital(&root).unwrap_err().to_string();
        assert!(error.contains(PATH) && error.contains("restart the node"), "{error}");
    }
}
