//! How the operator itself stands: a few facts, sent whole.

use serde::Serialize;

/// What stands above every list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact that the page shows")]
pub struct Head {
    /// Whether this operator acts.
    pub acts: bool,
    /// Who acts, where it is another one and known.
    pub leader: Option<String>,
    /// Whether Nodes and objects have been listed.
    pub listed: bool,
    /// Whether the API server tells what changes.
    pub watching: bool,
    /// Whether removals wait for a person.
    pub guarded: bool,
    /// How reading and writing the table goes.
    pub table: Table,
    /// Objects that could not be written.
    pub failed_objects: usize,
    /// Counts the changes of the rows that are rejected or unmatched.
    pub rows_edition: u64,
}

/// How reading and writing the table goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// Whether it was read at the last attempt.
    pub is_read: bool,
    /// Why not.
    pub read_error: Option<&'static str>,
    /// Since when that is so, in seconds of the epoch.
    pub since: i64,
    /// Why it could not be written.
    pub write_error: Option<&'static str>,
    /// Rows whose `netplan_success` is still to be written.
    pub unwritten: usize,
    /// Rows read.
    pub rows: usize,
    /// Rows that cannot be used.
    pub rejected: usize,
    /// Rows of servers that are no Nodes.
    pub unmatched: usize,
}

impl Head {
    /// Takes over from the head `before` since when the table is read, or not, and otherwise says `now`.
    #[must_use]
    pub fn since(mut self, before: &Self, now: i64) -> Self {
        let same =
            (self.table.is_read, self.table.read_error) == (before.table.is_read, before.table.read_error);
        let known = before.table.since > 0;
        self.table.since = if same && known { before.table.since } else { now };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_table_moves_only_with_whether_and_why_it_is_not_read() {
        let head = |is_read, read_error, rows| Head {
            table: Table { is_read, read_error, rows, ..Table::default() },
            ..Head::default()
        };
        let first = head(true, None, 1).since(&Head::default(), 10);
        assert_eq!(first.table.since, 10);
        let same = head(true, None, 2).since(&first, 20);
        assert_eq!(same.table.since, 10);
        let lost = head(false, Some("refused"), 2).since(&same, 30);
        assert_eq!(lost.table.since, 30);
        assert_eq!(head(false, Some("timeout"), 2).since(&lost, 40).table.since, 40);
    }
}
