//! This node's object as it was last read, beside the ledger.

use std::io;

use multinic_agent_core::last_object::LastObject;

use crate::host::{files::STATE, root::HostRoot};

pub(super) const PATH: &str = "/var/lib/multinic/object.json";

/// What is on disk, so that nothing is written that is there.
#[derive(Debug, Default)]
pub(super) struct Kept {
    text: Option<String>,
    complained: bool,
}

impl Kept {
    /// What an earlier agent read last.
    pub(super) fn load(root: &HostRoot) -> Self {
        match root.text(PATH) {
            Ok(text) => Self { text, complained: false },
            Err(error) => {
                tracing::warn!(
                    "cannot read {PATH}, so that nothing is done before the API server answers: {error}"
                );
                Self::default()
            }
        }
    }

    /// The object; none where it cannot be understood: the API server has it.
    pub(super) fn object(&self) -> Option<LastObject> {
        LastObject::parse(self.text.as_ref()?)
            .inspect_err(|error| {
                tracing::warn!(
                    "{PATH} is damaged, so that nothing is done before the API server answers: {error}"
                );
            })
            .ok()
    }

    /// Remembers `object`, where it is another one.
    pub(super) fn keep(&mut self, root: &HostRoot, object: &LastObject) {
        let written = object.text().map_err(io::Error::from).and_then(|text| {
            if self.text.as_ref() != Some(&text) {
                root.make_directory(STATE)?;
                root.replace(PATH, &text, 0o600)?;
            }
            Ok(text)
        });
        self.note(written.map(Some));
    }

    /// There is no object any more, and nothing may act upon the last one.
    pub(super) fn forget(&mut self, root: &HostRoot) {
        self.note(root.remove(PATH).map(|()| None));
    }

    fn note(&mut self, written: io::Result<Option<String>>) {
        match written {
            Ok(text) => *self = Self { text, complained: false },
            Err(error) => {
                if !self.complained {
                    tracing::warn!(
                        "cannot remember this node's object in {PATH} for an outage of the API server: {error}"
                    );
                }
                self.complained = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt},
    };

    use super::*;
    use crate::host::testing::host;

    fn object(generation: i64) -> LastObject {
        let text = format!(
            r#"{{"version": 1, "livesBy": [], "apiServer": {{"host": "a", "addresses": []}},
                "object": {{"metadata": {{"name": "a", "generation": {generation}}}, "spec": {{}}}}}}"#
        );
        LastObject::parse(&text).unwrap()
    }

    #[test]
    fn an_object_is_kept_for_a_later_agent_written_when_it_changes_and_gone_when_it_is_gone() {
        let (_directory, root) = host(&[]);
        let mut kept = Kept::load(&root);
        assert!(kept.object().is_none());
        kept.keep(&root, &object(1));
        let metadata = || fs::metadata(root.at(PATH)).unwrap();
        assert_eq!(metadata().permissions().mode() & 0o777, 0o600);
        let first = metadata().ino();
        let mut later = Kept::load(&root);
        assert_eq!(later.object().unwrap().text().unwrap(), object(1).text().unwrap());
        later.keep(&root, &object(1));
        assert_eq!(metadata().ino(), first, "written without a change");
        later.keep(&root, &object(2));
        assert_eq!(Kept::load(&root).object().unwrap().text().unwrap(), object(2).text().unwrap());
        for _ in 0..2 {
            later.forget(&root);
            assert!(!root.at(PATH).exists() && later.object().is_none());
        }
    }

    #[test]
    fn what_is_damaged_is_no_object_and_is_replaced() {
        for text in ["", "{", "\0"] {
            let (_directory, root) = host(&[(PATH, text)]);
            let mut kept = Kept::load(&root);
            assert!(kept.object().is_none());
            kept.keep(&root, &object(1));
            assert!(Kept::load(&root).object().is_some());
        }
    }
}
