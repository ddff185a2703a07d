//! What there was of the NICs, and when.

use std::collections::BTreeSet;
use std::time::Duration;

/// Looks at a node, each of which found something else than the one before.
#[derive(Debug, Default)]
pub(super) struct Looks(Vec<Look>);

#[derive(Debug)]
struct Look {
    /// When it began, since the epoch.
    at: Duration,
    found: BTreeSet<String>,
}

/// What came of a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    /// What went, whether or not it came back.
    pub(crate) went: BTreeSet<String>,
    /// From the first look that missed something to the first since which nothing is missing.
    pub(crate) open: Option<Duration>,
    /// The same, from when the restart was asked for.
    pub(crate) back: Option<Duration>,
    /// What is missing at the end.
    pub(crate) lost: Vec<String>,
}

impl Looks {
    /// Of what the script has printed; a look that is not at its end is let pass.
    pub(super) fn parse(log: &str) -> Self {
        let looks = log.split("look at ").filter_map(|look| {
            let (at, rest) = look.split_once('\n')?;
            let (found, _) = rest.split_once("end of look\n")?;
            let found = found.lines().filter_map(of_nics).collect();
            Some(Look { at: Duration::from_nanos(at.trim().parse().ok()?), found })
        });
        Self(looks.collect())
    }

    /// What there is of the NICs.
    pub(super) fn last(&self) -> BTreeSet<String> {
        self.0.last().map(|look| look.found.clone()).unwrap_or_default()
    }

    /// What became of what is `wanted` when a restart was asked for.
    pub(super) fn gap(&self, wanted: &BTreeSet<String>, restart: Duration) -> Gap {
        let (mut went, mut opened, mut closed) = (BTreeSet::new(), None, None);
        for look in self.0.iter().filter(|look| look.at >= restart) {
            let missing: BTreeSet<_> = wanted.difference(&look.found).cloned().collect();
            if missing.is_empty() {
                closed = closed.or_else(|| opened.map(|_| look.at));
            } else {
                opened = opened.or(Some(look.at));
                closed = None;
            }
            went.extend(missing);
        }
        let lost: Vec<_> = wanted.difference(&self.last()).cloned().collect();
        let since = |from: Duration| match opened {
            Some(_) => closed.map(|closed| closed.saturating_sub(from)),
            None => Some(Duration::ZERO),
        };
        Gap { went, open: since(opened.unwrap_or_default()), back: since(restart), lost }
    }
}

/// An address, route or rule of the NICs, all of which are in 10.0.0.0/8, without what says who gave it. Routes that the
/// kernel makes of an address come and go with it.
fn of_nics(line: &str) -> Option<String> {
    let mut words: Vec<_> = line.split(['\\', ' ', '\t']).filter(|word| !word.is_empty()).collect();
    if let Some(inet) = words.iter().position(|word| *word == "inet") {
        let address = words.get(inet + 1).filter(|address| address.starts_with("10."))?;
        return Some(format!("address {address}"));
    }
    if words.windows(2).any(|pair| pair == ["proto", "kernel"]) {
        return None;
    }
    let is_of_nics =
        words.windows(2).any(|pair| ["from", "via"].contains(&pair[0]) && pair[1].starts_with("10."));
    if let Some(proto) = words.iter().position(|word| *word == "proto") {
        words.drain(proto..(proto + 2).min(words.len()));
    }
    is_of_nics.then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPLINK: &str = "2: eth0    inet 192.0.2.5/24 brd 192.0.2.255 scope global eth0\\       valid_lft forever\n\
        default via 192.0.2.1 dev eth0 proto static \n0:\tfrom all lookup local\n";
    const ADDRESS: &str = "4: multinic0    inet 10.0.0.2/24 scope global multinic0\\       valid_lft forever\n\
        10.0.0.0/24 dev multinic0 proto kernel scope link src 10.0.0.2 \n";
    const ROUTE: &str = "10.100.0.0/16 via 10.0.0.1 dev multinic0 proto 153 \n";
    const RULE: &str = "5301:\tfrom 10.0.0.2 lookup 5300 proto 153\n";

    fn log(looks: &[(u64, &[&str])]) -> String {
        let print = |(at, found): &(u64, &[&str])| {
            format!("look at {}\n{UPLINK}{}end of look\n", at * 1_000_000, found.concat())
        };
        looks.iter().map(print).collect()
    }

    fn wanted(lines: &[&str]) -> BTreeSet<String> {
        Looks::parse(&log(&[(1, lines)])).last()
    }

    #[test]
    fn it_is_back_since_the_last_time_that_something_was_missing() {
        let all: &[&str] = &[ADDRESS, ROUTE, RULE];
        let looks = Looks::parse(&log(&[
            (10, all),
            (30, &[ADDRESS, ROUTE]),
            (40, all),
            (50, &[ADDRESS, RULE]),
            (90, all),
        ]));
        let gap = looks.gap(&looks.last(), Duration::from_millis(20));
        let (open, back) = (Some(Duration::from_millis(60)), Some(Duration::from_millis(70)));
        assert_eq!(gap, Gap { went: wanted(&[ROUTE, RULE]), open, back, lost: vec![] });
    }

    #[test]
    fn what_stays_away_is_never_back_and_what_never_went_is_back_at_once() {
        let looks = Looks::parse(&log(&[(10, &[ADDRESS, RULE]), (30, &[ADDRESS])]));
        let all = wanted(&[ADDRESS, RULE]);
        let lost = vec!["5301: from 10.0.0.2 lookup 5300".to_owned()];
        let restart = Duration::from_millis(20);
        assert_eq!(looks.gap(&all, restart), Gap { went: wanted(&[RULE]), open: None, back: None, lost });
        let (open, back) = (Some(Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(
            looks.gap(&looks.last(), restart),
            Gap { went: BTreeSet::new(), open, back, lost: vec![] }
        );
    }

    #[test]
    fn only_what_is_of_nics_counts_whoever_gave_it() {
        let mine = Looks::parse(&log(&[(1, &[ADDRESS, ROUTE, RULE])])).last();
        let (route, rule) = (ROUTE.replace("153", "static"), RULE.replace(" proto 153", ""));
        assert_eq!(mine.len(), 3, "{mine:?}");
        assert_eq!(mine, Looks::parse(&log(&[(1, &[ADDRESS, &route, &rule])])).last());
        let cut = log(&[(1, &[ADDRESS])]) + "look at 5\n";
        assert_eq!(Looks::parse(&cut).last().len(), 1);
    }
}
