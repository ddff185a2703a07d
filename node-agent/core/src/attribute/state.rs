//! Whether a link is administratively up.

use serde::{Deserialize, Serialize};

use super::{step::Step, target::Target};
use crate::observed::link::Link;

/// The step to the state of `target`, for a link that `is_up` by then.
pub(super) fn step(target: &Target, link: &Link, is_up: bool) -> Option<Step> {
    let index = link.index;
    match (target.up, is_up) {
        (true, false) => Some(Step::SetUp { index }),
        (false, true) => Some(Step::SetDown { index }),
        _ => None,
    }
}

/// Whether the link was up before we changed that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Changed {
    up: Option<bool>,
}

impl Changed {
    pub(crate) fn record(&mut self, step: &Step, link: &Link) {
        if matches!(step, Step::SetUp { .. } | Step::SetDown { .. }) {
            self.up.get_or_insert(link.up);
        }
    }

    pub(crate) fn take_back(&self, target: &mut Target) {
        target.up = self.up.unwrap_or(target.up);
    }
}
