//! How long what a Node has is missing from the table: absence is weak evidence, so it has to repeat itself.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use multinic_crds::MacAddress;

use crate::cluster::Name;

/// Readings in a row that must lack something before it goes.
const READINGS: u32 = 2;

/// Something that an object has and no row asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Item {
    /// A NIC of the spec.
    Nic(MacAddress),
    /// A NIC that the agent has from an earlier object, and that this one does not list.
    Unlisted(MacAddress),
    /// The addresses of a NIC that a row asks for without any.
    Addresses(MacAddress),
    /// The addresses that its network gives a NIC of which nobody says any more where they come from.
    Addressing(MacAddress),
    /// The MTU of a NIC that a row asks for without one.
    Mtu(MacAddress),
    /// The routes over a NIC in whose subnet nobody says any.
    Routes(MacAddress),
    /// The source routing of a NIC in whose subnet nobody says a gateway.
    SourceRouting(MacAddress),
    /// An entry of the spec whose MAC address cannot be read, as it stands there.
    Unreadable(String),
}

impl Item {
    /// The NIC that it belongs to.
    #[must_use]
    pub(crate) const fn mac(&self) -> Option<MacAddress> {
        match self {
            Self::Nic(mac)
            | Self::Unlisted(mac)
            | Self::Addresses(mac)
            | Self::Addressing(mac)
            | Self::Mtu(mac)
            | Self::Routes(mac)
            | Self::SourceRouting(mac) => Some(*mac),
            Self::Unreadable(_) => None,
        }
    }

    /// Whether a whole NIC goes with it.
    #[must_use]
    pub(crate) const fn is_nic(&self) -> bool {
        matches!(self, Self::Nic(_) | Self::Unlisted(_) | Self::Unreadable(_))
    }

    /// Whether it is not a row that says it, but its subnet.
    #[must_use]
    pub(crate) const fn is_of_subnet(&self) -> bool {
        matches!(self, Self::Routes(_) | Self::SourceRouting(_))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nic(mac) | Self::Unlisted(mac) => write!(f, "{mac}"),
            Self::Addresses(mac) => write!(f, "the addresses of {mac}"),
            Self::Addressing(mac) => write!(f, "the addressing of {mac}"),
            Self::Mtu(mac) => write!(f, "the mtu of {mac}"),
            Self::Routes(mac) => write!(f, "the routes of {mac}"),
            Self::SourceRouting(mac) => write!(f, "the source routing of {mac}"),
            Self::Unreadable(_) => f.write_str("an entry without a readable macAddress"),
        }
    }
}

/// What is missing, as of one good reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Absences(BTreeMap<(Name, Item), Absence>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Absence {
    readings: u32,
    since: Instant,
}

impl Absences {
    /// Whether what is missing `now` was so long enough, by what `previous` readings saw.
    ///
    /// It is remembered either way, so that a removal that fails is due again. What is not
    /// observed is forgotten: a row that came back starts anew.
    pub(crate) fn observe(
        &mut self,
        previous: &Self,
        node: &Name,
        item: &Item,
        now: Instant,
        grace: Duration,
    ) -> bool {
        let missing = (Name::clone(node), item.clone());
        let before = previous.0.get(&missing).copied().unwrap_or(Absence { readings: 0, since: now });
        let absence = Absence { readings: before.readings.saturating_add(1), ..before };
        self.0.insert(missing, absence);
        absence.readings >= READINGS && now.saturating_duration_since(absence.since) >= grace
    }

    /// When the next of them will have lasted for the `grace`, after `now`.
    pub(crate) fn ripens(&self, now: Instant, grace: Duration) -> Option<Instant> {
        self.0.values().map(|absence| absence.since + grace).filter(|ripe| *ripe > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(30);

    /// Whether each reading, given by its second and by whether it lacks the row, proves the absence.
    fn proven(readings: &[(u64, bool)]) -> Vec<bool> {
        let (node, item) = ("node".into(), Item::Nic("02:00:00:00:00:01".parse().unwrap()));
        let start = Instant::now();
        let mut state = Absences::default();
        let mut results = vec![];
        for (second, missing) in readings {
            let mut next = Absences::default();
            let now = start + Duration::from_secs(*second);
            results.push(*missing && next.observe(&state, &node, &item, now, GRACE));
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
    fn it_is_known_when_the_next_absence_will_be_old_enough() {
        let start = Instant::now();
        let at = |second: u64| start + Duration::from_secs(second);
        let item = |last: u8| Item::Nic(crate::fixtures::mac(last));
        let (mut first, mut second) = (Absences::default(), Absences::default());
        first.observe(&Absences::default(), &"a".into(), &item(1), at(0), GRACE);
        for last in [1, 2] {
            second.observe(&first, &"a".into(), &item(last), at(10), GRACE);
        }
        let ripens = |now| second.ripens(at(now), GRACE);
        assert_eq!([10, 30, 40].map(ripens), [Some(at(30)), Some(at(40)), None]);
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
