//! When a NIC came and when it was right, by the kernel's own notifications: looking costs the node nothing.

use std::time::Duration;

/// What a plug may be on either side of.
const DAY: Duration = Duration::from_hours(24);

/// What makes a NIC right.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) mac: String,
    /// Not everything names NICs.
    pub(super) name: Option<String>,
    pub(super) address: String,
}

/// A NIC as far as notifications have told.
#[derive(Debug, Default)]
struct Seen {
    name: String,
    up: bool,
    addressed: bool,
}

/// From the NIC's first notification to the one since which it is right, if it is at the end of the record.
pub(super) fn took(record: &str, wanted: &Wanted) -> Option<Duration> {
    let mac = format!("link/ether {} ", wanted.mac);
    let mut lines = record.lines().filter_map(Line::parse);
    let first = lines.find(|line| !line.deleted && line.text.contains(&mac))?;
    let mut seen = Seen::default();
    seen.learn(&first, wanted);
    let mut right_at = seen.is_right(wanted).then_some(first.at);
    for line in lines.filter(|line| line.index == first.index) {
        seen.learn(&line, wanted);
        right_at = seen.is_right(wanted).then(|| right_at.unwrap_or(line.at));
    }
    let right_at = right_at?;
    right_at.checked_sub(first.at).or_else(|| (right_at + DAY).checked_sub(first.at))
}

impl Seen {
    fn learn(&mut self, line: &Line<'_>, wanted: &Wanted) {
        if let Some(flags) = line.text.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
            self.up = flags.0.split(',').any(|flag| flag == "UP");
            line.name.clone_into(&mut self.name);
        } else if line.text.split_whitespace().any(|word| word == wanted.address) {
            self.addressed = !line.deleted;
        }
    }

    fn is_right(&self, wanted: &Wanted) -> bool {
        self.up && self.addressed && wanted.name.as_ref().is_none_or(|name| *name == self.name)
    }
}

/// A notification about a link or an address.
struct Line<'a> {
    /// Since midnight.
    at: Duration,
    deleted: bool,
    index: u32,
    name: &'a str,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (stamp, rest) = line.strip_prefix('[')?.split_once("] ")?;
        let without = rest.strip_prefix("Deleted ");
        let (index, text) = without.unwrap_or(rest).split_once(": ")?;
        let name = text.split(['@', ':', ' ']).next()?;
        Some(Self {
            at: time_of_day(stamp)?,
            deleted: without.is_some(),
            index: index.parse().ok()?,
            name,
            text,
        })
    }
}

/// Of `2026-11-23T14:00:00.000000`.
fn time_of_day(stamp: &str) -> Option<Duration> {
    let (_, time) = stamp.split_once('T')?;
    let (whole, micros) = time.split_once('.')?;
    let seconds = whole.split(':').try_fold(0, |sum, part| Some(sum * 60 + part.parse::<u64>().ok()?))?;
    Some(Duration::from_secs(seconds) + Duration::from_micros(micros.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAME: &str = "[2026-11-23T23:59:59.900000] 4: eth1@if9: <BROADCAST> mtu 1500 \\    link/ether fa:16:3e:00:00:01 brd ff";
    const NAMED: &str = "[2026-11-24T00:00:00.000000] 4: multinic0@if9: <BROADCAST> mtu 1500 \\    link/ether fa:16:3e:00:00:01 brd ff";
    const ADDRESS: &str = "[2026-11-24T00:00:00.050000] 4: multinic0    inet 10.0.0.5/24 scope global multinic0\\ valid_lft forever";
    const UP: &str = "[2026-11-24T00:00:00.100000] 4: multinic0@if9: <BROADCAST,UP,LOWER_UP> mtu 1500 \\    link/ether fa:16:3e:00:00:01 brd ff";

    fn wanted(name: Option<&str>) -> Wanted {
        Wanted {
            mac: "fa:16:3e:00:00:01".to_owned(),
            name: name.map(str::to_owned),
            address: "10.0.0.5/24".to_owned(),
        }
    }

    #[test]
    fn a_nic_is_right_from_the_last_thing_that_it_needs() {
        let record = [CAME, NAMED, ADDRESS, UP].join("\n");
        assert_eq!(took(&record, &wanted(Some("multinic0"))), Some(Duration::from_millis(200)));
        assert_eq!(took(&record, &wanted(None)), Some(Duration::from_millis(200)));
        assert_eq!(took(&record, &wanted(Some("multinic1"))), None);
        assert_eq!(took(&[CAME, ADDRESS].join("\n"), &wanted(None)), None);
    }

    #[test]
    fn what_is_taken_away_again_was_not_right_yet() {
        let gone = ADDRESS.replace("] 4", "] Deleted 4");
        let again = ADDRESS.replace("00.05", "02.90");
        let record = [CAME, NAMED, ADDRESS, UP, &gone].join("\n");
        assert_eq!(took(&record, &wanted(None)), None);
        assert_eq!(took(&[&record, again.as_str()].join("\n"), &wanted(None)), Some(Duration::from_secs(3)));
    }

    #[test]
    fn others_do_not_count() {
        let other = UP.replace("] 4", "] 5");
        assert_eq!(took(&[CAME, ADDRESS, &other].join("\n"), &wanted(None)), None);
    }
}
