//! Files that configure a NIC at the next boot, and how we know that one is ours.
//!
//! Ownership is in the file, not in its name: a first line with the NIC's MAC
//! address and a digest of everything below it. A file without that line is
//! somebody else's; one whose digest is wrong was edited since, and is nobody's to
//! overwrite.

use std::fmt::Write;

use multinic_crds::MacAddress;
use sha2::{Digest, Sha256};

const MARKER: &str = "# multinic-agent ";
const NOTICE: &str =
    "# Generated for the next boot. Edits are reported and never overwritten: change the row instead.\n";

/// A file for the next boot, by its path on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFile {
    /// Where it lies on the host.
    pub path: String,
    /// All of its text.
    pub text: String,
}

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Ours, for this NIC, as we wrote it.
    Us(MacAddress),
    /// Written by us for this NIC, and edited since.
    Edited(MacAddress),
    /// Somebody else's.
    Others,
}

/// `body` under a first line that says it is ours, for `mac`.
#[must_use]
pub fn seal(mac: MacAddress, body: &str) -> String {
    let body = format!("{NOTICE}{body}");
    format!("{MARKER}{mac} {}\n{body}", digest(&body))
}

/// Whose the file with this text is.
#[must_use]
pub fn owner(text: &str) -> Owner {
    let Some((first, body)) = text.split_once('\n') else { return Owner::Others };
    let words = first.strip_prefix(MARKER).and_then(|rest| rest.split_once(' '));
    let Some((mac, seal)) = words.and_then(|(mac, seal)| Some((mac.parse().ok()?, seal))) else {
        return Owner::Others;
    };
    if seal == digest(body) { Owner::Us(mac) } else { Owner::Edited(mac) }
}

fn digest(body: &str) -> String {
    let digest = Sha256::digest(body);
    digest.iter().take(16).fold("sha256:".to_owned(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_ours_until_somebody_edits_it() {
        let mac = "fa:16:3e:00:00:01".parse().unwrap();
        let text = seal(mac, "network:\n  version: 2\n");
        assert_eq!(owner(&text), Owner::Us(mac));
        assert_eq!(owner(&text.replace("version: 2", "version: 3")), Owner::Edited(mac));
        assert_eq!(owner(&format!("{text}\n")), Owner::Edited(mac));
    }

    #[test]
    fn files_without_our_line_are_others() {
        for text in [
            "",
            "network: {}\n",
            "# multinic-agent \nx",
            "# multinic-agent eth0 sha256:00\nx",
            "# multinic-agent fa:16:3e:00:00:01\nx",
        ] {
            assert_eq!(owner(text), Owner::Others, "{text:?}");
        }
    }
}
