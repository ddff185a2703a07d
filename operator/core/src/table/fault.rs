//! Why a row cannot be used.

use std::sync::Arc;

use multinic_crds::Reason;

/// What is wrong with a row, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The kind; one that shows in rejected rows.
    pub reason: Reason,
    /// For people: the column, what is wrong with it, what to write instead. Shared, since rows share faults.
    pub message: Arc<str>,
}

impl Fault {
    pub(crate) fn new(reason: Reason, message: impl Into<Arc<str>>) -> Self {
        Self { reason, message: message.into() }
    }
}
