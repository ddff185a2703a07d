//! The size of packets.

use serde::{Deserialize, Serialize};

use super::{step::Step, target::Target};
use crate::observed::link::Link;

pub(super) fn step(target: &Target, link: &Link) -> Option<Step> {
    let bytes = target.mtu.filter(|bytes| *bytes != link.mtu)?;
    Some(Step::SetMtu { index: link.index, bytes })
}

/// The size that the link had, and the one that we gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Changed {
    mtu: Option<(u32, u32)>,
}

impl Changed {
    pub(crate) fn record(&mut self, step: &Step, link: &Link) {
        if let Step::SetMtu { bytes, .. } = step {
            let (was, _) = self.mtu.unwrap_or((link.mtu, *bytes));
            self.mtu = Some((was, *bytes));
        }
    }

    /// A size that is not the one we gave is somebody else's by now.
    pub(crate) fn take_back(&self, link: &Link, target: &mut Target) {
        target.mtu = self.mtu.and_then(|(was, given)| (link.mtu == given).then_some(was));
    }
}
