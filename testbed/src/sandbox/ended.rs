//! A part that should be running and is not.

use std::fmt;
use std::process::ExitStatus;

/// A part that should be running is not.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) status: ExitStatus,
    pub(crate) last_words: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has ended, {}:\n{}", self.name, self.status, self.last_words)
    }
}

impl std::error::Error for Ended {}
