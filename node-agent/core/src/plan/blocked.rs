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

    /// Why nothing is done about this NIC, if that is so.
    #[must_use]
    pub fn get(&self, mac: MacAddress) -> Option<&Explanation> {
        self.held.get(&mac).or_else(|| self.unfit.get(&mac))
    }

    pub(super) fn verdict(&self, mac: MacAddress) -> Option<Verdict> {
        let held = self.held.get(&mac).cloned().map(Verdict::Held);
        held.or_else(|| self.unfit.get(&mac).cloned().map(Verdict::Unfit))
    }
}
