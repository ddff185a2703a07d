//! In which order rows are written, so that each has its turn however little time there is.

use std::collections::{BTreeMap, BTreeSet};

use super::RowKey;

/// What became of earlier writes.
#[derive(Debug, Default)]
pub struct Agenda {
    /// The row before which the last write stopped, for each thing that is to be said.
    resume: BTreeMap<bool, RowKey>,
    /// Rows that others had locked, or that the server refused.
    stuck: BTreeSet<RowKey>,
}

impl Agenda {
    /// The rows in the order in which to write them: from where the last write stopped, those that were stuck last.
    #[must_use]
    pub fn order(&self, success: bool, keys: &[RowKey]) -> Vec<RowKey> {
        let (stuck, mut ordered): (Vec<_>, Vec<_>) =
            keys.iter().cloned().partition(|key| self.stuck.contains(key));
        ordered.sort_unstable();
        if let Some(resume) = self.resume.get(&success) {
            let start = ordered.partition_point(|key| key < resume);
            ordered.rotate_left(start);
        }
        ordered.extend(stuck);
        ordered
    }

    /// Remembers what was left of the rows that should say `success`.
    pub fn stop_before(&mut self, success: bool, next: Option<&RowKey>) {
        match next {
            Some(next) => _ = self.resume.insert(success, next.clone()),
            None => _ = self.resume.remove(&success),
        }
    }

    /// Remembers the rows that are stuck now, and no others.
    pub fn set_stuck(&mut self, stuck: impl IntoIterator<Item = RowKey>) {
        self.stuck = stuck.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(port: char) -> RowKey {
        RowKey { port_id: port.to_string(), ..RowKey::default() }
    }

    fn order(agenda: &Agenda, keys: &str) -> String {
        let keys: Vec<_> = keys.chars().map(key).collect();
        agenda.order(true, &keys).iter().map(|key| key.port_id.as_str()).collect()
    }

    #[test]
    fn a_write_begins_where_the_last_one_stopped_and_ends_with_what_was_stuck() {
        let mut agenda = Agenda::default();
        assert_eq!(order(&agenda, "abcdef"), "abcdef");
        agenda.stop_before(true, Some(&key('d')));
        agenda.set_stuck([key('b'), key('e')]);
        assert_eq!(order(&agenda, "abcdef"), "dfacbe");
        // The row itself may be gone.
        assert_eq!(order(&agenda, "acf"), "fac");
        agenda.stop_before(true, None);
        agenda.set_stuck([]);
        assert_eq!(order(&agenda, "abc"), "abc");
    }

    #[test]
    fn what_success_is_taken_from_has_a_beginning_of_its_own() {
        let mut agenda = Agenda::default();
        agenda.stop_before(false, Some(&key('c')));
        assert_eq!(order(&agenda, "abcd"), "abcd");
    }
}
