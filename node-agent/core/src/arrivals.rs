//! Since when links have been there under their names. Pure: the time is an argument.
//!
//! The kernel announces a NIC before udev has named it. Whoever acts on it at once takes it under the
//! kernel's name, remembers that one to give back, and races udev for the rename. So udev's word is waited for, that it is
//! done with the link; where there is no udev, or its word was missed, a link has to be quiet for a moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::observed::link::{KernelView, Link};

/// How long a link must have had its name. A NIC that is new is looked at again after a second, and must not be found new by a
/// hair then: the next look after that is two seconds later.
const QUIET: Duration = Duration::from_millis(900);

/// The links of the last look, and since when each has had its name.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    /// None before the first look: what is there by then is not new.
    known: Option<BTreeMap<(u32, String), Option<Instant>>>,
    /// Links that udev is done with, and that no look has shown since.
    done: BTreeSet<u32>,
}

impl Arrivals {
    /// udev is done with the link that has this number.
    pub fn udev_is_done(&mut self, index: u32) {
        self.done.insert(index);
    }

    /// What a look at `now` showed.
    pub fn look(&mut self, view: &KernelView, now: Instant) {
        let since = |link: &Link| {
            let key = (link.index, link.name.clone());
            let since = match &self.known {
                None => None,
                Some(_) if self.done.contains(&link.index) => None,
                Some(known) => known.get(&key).copied().unwrap_or(Some(now)),
            };
            (key, since)
        };
        self.known = Some(view.links.iter().map(since).collect());
        self.done.clear();
    }

    /// Whether udev may still be about to rename `link`.
    #[must_use]
    pub fn is_new(&self, link: &Link, now: Instant) -> bool {
        let known = self.known.iter().find_map(|known| known.get(&(link.index, link.name.clone())));
        known.copied().flatten().is_some_and(|since| now.saturating_duration_since(since) < QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::link;

    fn view(names: &[&str]) -> KernelView {
        let links = names.iter().zip(3..).map(|(name, index)| link(index, name, "fa:16:3e:00:00:0a"));
        KernelView { links: links.collect(), ..KernelView::default() }
    }

    #[test]
    fn a_link_is_new_for_a_moment_after_it_came_and_after_it_was_renamed() {
        let start = Instant::now();
        let mut arrivals = Arrivals::default();
        let is_new = |arrivals: &Arrivals, view: &KernelView, after| {
            view.links.iter().map(|link| arrivals.is_new(link, start + after)).collect::<Vec<_>>()
        };
        let first = view(&["eth1"]);
        arrivals.look(&first, start);
        assert_eq!(is_new(&arrivals, &first, Duration::ZERO), [false], "it was there before the agent");

        let second = view(&["eth1", "eth2"]);
        arrivals.look(&second, start);
        arrivals.look(&second, start + QUIET / 2);
        assert_eq!(is_new(&arrivals, &second, QUIET / 2), [false, true]);
        assert_eq!(is_new(&arrivals, &second, QUIET), [false, false]);

        let renamed = view(&["eth1", "ens8"]);
        arrivals.look(&renamed, start + QUIET);
        assert_eq!(is_new(&arrivals, &renamed, QUIET), [false, true]);
        assert_eq!(is_new(&arrivals, &renamed, 2 * QUIET), [false, false]);
    }

    #[test]
    fn a_link_that_udev_is_done_with_is_not_new_until_it_is_renamed_again() {
        let start = Instant::now();
        let mut arrivals = Arrivals::default();
        arrivals.look(&view(&[]), start);
        let seen_before = view(&["eth1"]);
        arrivals.look(&seen_before, start);
        assert!(arrivals.is_new(&seen_before.links[0], start));
        arrivals.udev_is_done(3);
        let done = view(&["ens8"]);
        arrivals.look(&done, start);
        assert!(!arrivals.is_new(&done.links[0], start));
        let renamed = view(&["ens9"]);
        arrivals.look(&renamed, start);
        assert!(arrivals.is_new(&renamed.links[0], start));
    }
}
