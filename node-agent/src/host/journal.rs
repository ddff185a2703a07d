//! The journal's file. While it is there, something is under way, or was when an agent or its node ended.

use multinic_agent_core::execute::{Journal, VERSION};
use serde::Deserialize;

use crate::host::{
    reading::{FileError, JOURNAL},
    root::{Durability, HostRoot},
};

/// What was under way when an agent ended; none where nothing was.
pub fn read(root: &HostRoot) -> Result<Option<Journal>, FileError> {
    let Some(text) = root.text(JOURNAL).map_err(|source| FileError::of(JOURNAL, source))? else {
        return Ok(None);
    };
    parse(&text).map(Some).map_err(FileError::Journal)
}

/// A journal, from what was written.
pub fn parse(text: &str) -> Result<Journal, serde_json::Error> {
    #[derive(Deserialize)]
    struct Form {
        version: u64,
    }
    let Form { version } = serde_json::from_str(text)?;
    if version > VERSION {
        let message = format!("its version is {version}, which only a newer agent knows; use that one again");
        return Err(serde::de::Error::custom(message));
    }
    serde_json::from_str(text)
}

/// Keeps `text`, which is a journal.
pub fn keep(root: &HostRoot, text: &str, durability: Durability) -> Result<(), FileError> {
    root.replace_for(JOURNAL, text, 0o600, durability).map_err(unwritten)
}

/// Nothing is under way any more.
pub fn close(root: &HostRoot) -> Result<(), FileError> {
    root.remove(JOURNAL).map_err(unwritten)
}

fn unwritten(source: std::io::Error) -> FileError {
    FileError::Write { path: JOURNAL.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{files::STATE, testing::host};

    const EMPTY: &str =
        r#"{"version":1,"bootId":"a boot","request":{"uid":"","generation":1},"transactions":[]}"#;

    #[test]
    fn what_is_kept_is_read_again_until_it_is_closed() {
        let (_directory, root) = host(&[]);
        root.make_directory(STATE).unwrap();
        assert_eq!(read(&root).unwrap(), None);
        for durability in [Durability::PowerCut, Durability::Crash] {
            keep(&root, EMPTY, durability).unwrap();
            let journal = read(&root).unwrap().unwrap();
            assert_eq!(serde_json::to_string(&journal).unwrap(), EMPTY);
        }
        close(&root).unwrap();
        close(&root).unwrap();
        assert_eq!(read(&root).unwrap(), None);
    }

    #[test]
    fn a_journal_that_is_torn_or_of_a_newer_agent_is_no_empty_one() {
        for (text, why) in [("", "EOF"), (&EMPTY[..30], "EOF"), (r#"{"version":2,"x":[]}"#, "newer agent")] {
            let (_directory, root) = host(&[(JOURNAL, text)]);
            let error = read(&root).unwrap_err().to_string();
            assert!(error.contains(JOURNAL) && error.contains(why), "{error}");
        }
    }
}
