//! Attempts that failed, beside the ledger, for a later agent.

use std::io;

use multinic_agent_core::history::Record;

use crate::host::{files::STATE, root::HostRoot};

pub(super) const PATH: &str = "/var/lib/multinic/retries.json";

/// What is on disk, so that nothing is written that is there.
#[derive(Debug, Default)]
pub(super) struct Kept {
    record: Option<Record>,
    complained: bool,
}

impl Kept {
    /// What an earlier agent remembered.
    ///
    /// What cannot be understood is none: to count anew costs a NIC some attempts, of which each is taken back, and to stop
    /// at it would cost every NIC its configuration.
    pub(super) fn load(root: &HostRoot) -> Self {
        let read = root.text(PATH).map_err(|error| error.to_string());
        let parse = |text: String| Record::parse(&text).map_err(|error| error.to_string());
        match read.and_then(|text| text.map(parse).transpose()) {
            Ok(record) => Self { record, complained: false },
            Err(error) => {
                tracing::warn!("cannot read {PATH}, so that attempts that failed count anew: {error}");
                Self::default()
            }
        }
    }

    pub(super) const fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Remembers `record`, where that is another one. None leaves no file.
    pub(super) fn keep(&mut self, root: &HostRoot, record: Option<Record>) {
        if record == self.record {
            return;
        }
        match save(root, record.as_ref()) {
            Ok(()) => *self = Self { record, complained: false },
            Err(error) => {
                if !self.complained {
                    tracing::warn!("attempts that failed count anew once the agent restarts: {error}");
                }
                self.complained = true;
            }
        }
    }
}

fn save(root: &HostRoot, record: Option<&Record>) -> io::Result<()> {
    match record {
        Some(record) => {
            root.make_directory(STATE)?;
            root.replace(PATH, &record.text()?, 0o600)
        }
        None => root.remove(PATH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::host;

    const RECORD: &str = r#"{"version": 1, "bootId": "", "backend": "netplan", "request": {"uid": "", "generation": 3}, "nics": {
        "fa:16:3e:00:00:01": {"attempts": 3, "fenced": 0, "rollbackFailed": false, "reason": "ApplyFailed", "message": "no"}
    }}"#;

    #[test]
    fn what_cannot_be_understood_counts_anew_and_nothing_to_remember_leaves_no_file() {
        let record = Record::parse(RECORD).unwrap();
        for before in [RECORD, "{", "", "\0", r#"{"version": 2}"#] {
            let (_directory, root) = host(&[(PATH, before)]);
            let mut kept = Kept::load(&root);
            assert_eq!(kept.record().is_some(), before == RECORD, "{before}");
            kept.keep(&root, Some(record.clone()));
            let mut later = Kept::load(&root);
            assert_eq!(later.record(), Some(&record));
            later.keep(&root, None);
            assert!(!root.at(PATH).exists());
        }
    }

    #[test]
    fn what_is_the_same_is_not_written_again_and_what_could_not_be_written_is() {
        let record = Record::parse(RECORD).unwrap();
        let (_directory, root) = host(&[("/var/lib/multinic/ledger.json", "{}")]);
        let mut kept = Kept::load(&root);
        kept.keep(&root, Some(record.clone()));
        std::fs::remove_file(root.at(PATH)).unwrap();
        kept.keep(&root, Some(record.clone()));
        assert!(!root.at(PATH).exists(), "written without a change");

        let (_directory, root) = host(&[("/var/lib/multinic", "no directory")]);
        let mut kept = Kept::load(&root);
        kept.keep(&root, Some(record.clone()));
        std::fs::remove_file(root.at("/var/lib/multinic")).unwrap();
        kept.keep(&root, Some(record.clone()));
        assert_eq!(Kept::load(&root).record(), Some(&record));
    }
}
