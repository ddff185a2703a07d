//! NICs that are not changed, whatever they need.

use std::collections::BTreeMap;

use multinic_crds::{Explanation, MacAddress};

use super::decision::Verdict;

/// NICs that are not changed, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocked {
    /// Because of what became of earlier attempts.
    pub held: BTreeMap<MacAddress, Explanation>,
    /// Because of what was found now.
    pub unfit: BTreeMap<MacAddress, Explanation>,
}

impl Blocked {
    /// Whether nothing is done about this NIC.
    #[must_use]
    pub fn contains(&self, mac: MacAddress) -> bool {
        self.held.contains_key(&mac) || self.unfit.contains_key(&mac)
    }

    /// Why nothing is done about this NIC, if that is so: what was found now says more than what was.
    #[must_use]
    pub fn get(&self, mac: MacAddress) -> Option<&Explanation> {
        self.unfit.get(&mac).or_else(|| self.held.get(&mac))
    }

    pub(super) fn verdict(&self, mac: MacAddress) -> Option<Verdict> {
        self.get(mac).map(|why| self.unfit(mac, why.clone()))
    }

    /// What is said of a NIC that was found unfit. One that is held stays so: it was not tried, and has not failed again.
    pub(super) fn unfit(&self, mac: MacAddress, why: Explanation) -> Verdict {
        if self.held.contains_key(&mac) { Verdict::Held(why) } else { Verdict::Unfit(why) }
    }
}

#[cfg(test)]
mod tests {
    use multinic_crds::Reason;

    use super::*;
    use crate::testing::mac;

    #[test]
    fn a_held_nic_stays_held_and_tells_what_was_found_now() {
        let nic = mac("fa:16:3e:00:00:01");
        let why = |reason| Explanation::new(reason, "why");
        let held = BTreeMap::from([(nic, why(Reason::SelfFenced))]);
        let unfit = BTreeMap::from([(nic, why(Reason::LedgerUnreadable))]);
        let only_held = Blocked { held: held.clone(), ..Blocked::default() };
        assert_eq!(only_held.verdict(nic), Some(Verdict::Held(why(Reason::SelfFenced))));
        let only_unfit = Blocked { unfit: unfit.clone(), ..Blocked::default() };
        assert_eq!(only_unfit.verdict(nic), Some(Verdict::Unfit(why(Reason::LedgerUnreadable))));
        let both = Blocked { held, unfit };
        assert_eq!(both.verdict(nic), Some(Verdict::Held(why(Reason::LedgerUnreadable))));
        assert_eq!(both.get(nic), Some(&why(Reason::LedgerUnreadable)));
    }
}
