//! Why something is as it is, and what a person can do about it.

use crate::Reason;

/// One word for programs, and a sentence with the remedy for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The word.
    pub reason: Reason,
    /// The sentence.
    pub message: String,
}

impl Explanation {
    /// An explanation with its remedy.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
