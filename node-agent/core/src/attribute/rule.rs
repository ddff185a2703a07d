//! The rules by which replies from a link's addresses leave by it. The kernel does not know that they are the link's.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::step::Step;
use crate::observed::{link::KernelView, routing::SourceRule};

/// What must be there, and what must not. Other rules are not ours to judge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// What must be there.
    pub present: BTreeSet<SourceRule>,
    /// What must not.
    pub absent: BTreeSet<SourceRule>,
}

impl Rules {
    /// These, and none of `absent` beside them.
    #[must_use]
    pub fn ours(wanted: BTreeSet<SourceRule>, mut absent: BTreeSet<SourceRule>) -> Self {
        absent.retain(|rule| !wanted.contains(rule));
        Self { present: wanted, absent }
    }
}

/// The steps away from what must not be there: first of all, since a rule without its table leads nowhere.
pub(super) fn removals(rules: &Rules, index: u32, there: &BTreeSet<SourceRule>) -> Vec<Step> {
    let unwanted = rules.absent.iter().filter(|rule| there.contains(*rule));
    unwanted.map(|rule| Step::RemoveRule { index, rule: rule.clone() }).collect()
}

/// The steps to what is not there: last of all. The one that comes first for packets comes first here.
pub(super) fn missing(rules: &Rules, index: u32, there: &BTreeSet<SourceRule>) -> Vec<Step> {
    let missing = rules.present.iter().filter(|rule| !there.contains(*rule));
    let mut missing: Vec<_> = missing.cloned().collect();
    missing.sort_by_key(|rule| (rule.priority, rule.from));
    missing.into_iter().map(|rule| Step::AddRule { index, rule }).collect()
}

/// What we changed of a link's rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Changed {
    /// Rules that we added.
    #[serde(rename = "addedRules")]
    added: BTreeSet<SourceRule>,
    /// Rules that we removed.
    #[serde(rename = "lostRules")]
    lost: BTreeSet<SourceRule>,
}

impl Changed {
    pub(crate) fn record(&mut self, step: &Step, view: &KernelView) {
        match step {
            Step::AddRule { rule, .. }
                if !self.lost.contains(rule) && !view.source_rules().contains(rule) =>
            {
                self.added.insert(rule.clone());
            }
            Step::RemoveRule { rule, .. } if !self.added.remove(rule) => {
                self.lost.insert(rule.clone());
            }
            _ => {}
        }
    }

    pub(crate) fn take_back(&self) -> Rules {
        Rules { present: self.lost.clone(), absent: self.added.clone() }
    }
}
