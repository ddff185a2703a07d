//! Whether a reading is older than one before it, as that of a replica that lags behind may be.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    time::{Duration, Instant},
};

use super::{BadRow, Row, RowKey, Rows};

/// After so long, readings that are older than one before them are believed: the table was restored from a copy then, or
/// numbers its rows from the beginning again.
const DOUBTED: Duration = Duration::from_mins(5);

/// The newest row of each port so far. The producer makes each row anew, with a higher number, so that a port whose row
/// has a lower number than before is told of an earlier time.
#[derive(Debug, Default)]
pub struct Newest {
    /// By a digest of the port: the names of all ports would be most of what the operator has in memory.
    rows: BTreeMap<u64, u64>,
    older_since: Option<Instant>,
}

/// A row that is older than one that was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Older {
    /// Its port.
    pub port_id: String,
    /// Its number.
    pub id: u64,
    /// The number of the port's row in an earlier reading.
    pub newest: u64,
}

impl Newest {
    /// Takes in a reading, unless it is older than one before.
    ///
    /// What is older counts for nothing, until there was nothing else for [`DOUBTED`].
    pub fn take(&mut self, rows: &Rows, now: Instant) -> Result<(), Older> {
        let numbered = || rows.iter().filter_map(key).filter_map(|key| Some((key, number(key)?)));
        let older = numbered().find_map(|(key, id)| {
            let newest = *self.rows.get(&digest(key))?;
            (id < newest).then(|| Older { port_id: key.port_id.clone(), id, newest })
        });
        if let Some(older) = older {
            let since = *self.older_since.get_or_insert(now);
            if now.saturating_duration_since(since) < DOUBTED {
                return Err(older);
            }
        }
        self.older_since = None;
        self.rows = numbered().map(|(key, id)| (digest(key), id)).collect();
        Ok(())
    }
}

fn digest(key: &RowKey) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(&key.port_id)
}

fn key(row: &Result<Row, Box<BadRow>>) -> Option<&RowKey> {
    match row {
        Ok(row) => row.key.as_ref(),
        Err(bad) => bad.key.as_ref(),
    }
}

/// The number of the row, where rows have numbers.
fn number(key: &RowKey) -> Option<u64> {
    key.id.as_ref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{RawRow, parse};

    fn rows(rows: &[(&str, &str)]) -> Rows {
        let raw = |(port, id): &(&str, &str)| {
            parse(&RawRow {
                port_id: Some(port.as_bytes()),
                macaddress: Some(b"02:00:00:00:00:01"),
                attached_node_name: Some(b"worker-1"),
                id: Some(id.as_bytes()),
                ..RawRow::default()
            })
        };
        rows.iter().map(raw).collect()
    }

    /// Whether each reading, given by its second and its rows, counts.
    fn counts(readings: &[(u64, &[(&str, &str)])]) -> Vec<bool> {
        let (start, mut newest) = (Instant::now(), Newest::default());
        let mut take = |(second, reading): &(u64, &[(&str, &str)])| {
            newest.take(&rows(reading), start + Duration::from_secs(*second)).is_ok()
        };
        readings.iter().map(&mut take).collect()
    }

    #[test]
    fn a_reading_in_which_a_port_has_an_earlier_row_counts_for_nothing() {
        let readings: [(u64, &[_]); 4] = [
            (0, &[("a", "8"), ("b", "9")]),
            (30, &[("a", "10"), ("b", "11")]),
            (60, &[("a", "8")]),
            (90, &[("a", "12"), ("b", "13")]),
        ];
        assert_eq!(counts(&readings), [true, true, false, true]);
    }

    #[test]
    fn rows_that_go_come_and_stay_are_no_earlier_ones() {
        let readings: [(u64, &[_]); 4] = [
            (0, &[("a", "8"), ("b", "9")]),
            (30, &[("a", "8")]),
            // Of a transaction that began before, and ended after, the one that wrote the others.
            (60, &[("a", "8"), ("c", "7")]),
            (90, &[]),
        ];
        assert_eq!(counts(&readings), [true; 4]);
    }

    #[test]
    fn rows_without_numbers_are_never_earlier_ones() {
        assert_eq!(counts(&[(0, &[("a", "z")]), (30, &[("a", "b")])]), [true, true]);
    }

    #[test]
    fn a_table_that_was_restored_is_believed_in_the_end() {
        let (new, old): (&[_], &[_]) = (&[("a", "10")], &[("a", "8")]);
        let readings = [(0, new), (30, old), (60, new), (90, old), (389, old), (390, old), (420, old)];
        assert_eq!(counts(&readings), [true, false, true, false, false, true, true]);
    }
}
