//! Why something is as it is, and what a person can do about it.

use std::sync::Arc;

use crate::Reason;

/// One word for programs, and a sentence with the remedy for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{message}")]
pub struct Explanation {
    /// The word.
    pub reason: Reason,
    /// The sentence. Shared, since thousands of rows may have the same fault.
    pub message: Arc<str>,
}

impl Explanation {
    /// An explanation with its remedy.
    pub fn new(reason: Reason, message: impl Into<Arc<str>>) -> Self {
        Self { reason, message: message.into() }
    }
}
