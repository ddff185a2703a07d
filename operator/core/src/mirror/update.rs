//! What is to be written.

use crate::table::RowKey;

/// Rows that should all say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// What they should say.
    pub success: bool,
    /// The rows, in order, so that concurrent writers lock alike.
    pub keys: Vec<RowKey>,
}

/// Of rows that are no success, and of those that are one: what is to be taken away comes first.
pub(super) fn updates(no: Vec<RowKey>, yes: Vec<RowKey>) -> Vec<Update> {
    let update = |(success, mut keys): (bool, Vec<RowKey>)| {
        keys.sort_unstable();
        keys.dedup();
        (!keys.is_empty()).then_some(Update { success, keys })
    };
    [(false, no), (true, yes)].into_iter().filter_map(update).collect()
}
