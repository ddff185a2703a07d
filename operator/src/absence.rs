//! How long a NIC's row has been missing: absence is weak evidence, so it has to repeat itself.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use multinic_crds::MacAddress;

use crate::cluster::Name;

/// Readings in a row that must lack a NIC before it is dropped.
const READINGS: u32 = 2;

/// The NICs whose rows are missing, as of one good reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Absences(BTreeMap<(Name, MacAddress), Absence>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Absence {
    readings: u32,
    since: Instant,
}

impl Absences {
    /// Whether a NIC that is missing `now` was so long enough, by what `previous` readings saw.
    ///
    /// It is remembered either way, so that a removal that fails is due again. What is not
    /// observed is forgotten: a row that came back starts anew.
    pub fn observe(
        &mut self,
        previous: &Self,
        node: &Name,
        mac: MacAddress,
        now: Instant,
        grace: Duration,
    ) -> bool {
        let nic = (Name::clone(node), mac);
        let before = previous.0.get(&nic).copied().unwrap_or(Absence { readings: 0, since: now });
        let absence = Absence { readings: before.readings.saturating_add(1), ..before };
        self.0.insert(nic, absence);
        absence.readings >= READINGS && now.saturating_duration_since(absence.since) >= grace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(30);

    /// Whether each reading, given by its second and by whether it lacks the row, proves the absence.
    fn proven(readings: &[(u64, bool)]) -> Vec<bool> {
        let (node, mac) = ("node".into(), "02:00:00:00:00:01".parse().unwrap());
        let start = Instant::now();
        let mut state = Absences::default();
        let mut results = vec![];
        for (second, missing) in readings {
            let mut next = Absences::default();
            let now = start + Duration::from_secs(*second);
            results.push(*missing && next.observe(&state, &node, mac, now, GRACE));
            state = next;
        }
        results
    }

    #[test]
    fn two_readings_an_interval_apart_prove_absence() {
        assert_eq!(proven(&[(0, true), (30, true)]), [false, true]);
    }

    #[test]
    fn readings_in_quick_succession_prove_nothing() {
        assert_eq!(proven(&[(0, true), (1, true), (2, true), (30, true)]), [false, false, false, true]);
    }

    #[test]
    fn one_reading_proves_nothing_however_late() {
        assert_eq!(proven(&[(0, false), (90, true)]), [false, false]);
    }

    #[test]
    fn a_row_that_came_back_starts_anew() {
        assert_eq!(proven(&[(0, true), (30, false), (60, true), (90, true)]), [false, false, false, true]);
    }
}
