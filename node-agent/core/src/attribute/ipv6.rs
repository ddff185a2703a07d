//! What the kernel does for IPv6 on a link by itself.

use multinic_crds::MIN_IPV6_MTU;
use serde::{Deserialize, Serialize};

use super::{step::Step, target::Target};
use crate::observed::link::{Ipv6, Link};

pub(super) fn step(target: &Target, link: &Link) -> Option<Step> {
    // Below this size the kernel has no IPv6 on the link, and nothing to set.
    let has_ipv6 = target.mtu.unwrap_or(link.mtu) >= MIN_IPV6_MTU && link.ipv6.is_some();
    let to = target.ipv6.filter(|to| has_ipv6 && !link.ipv6.is_some_and(|found| found.is_as(*to)))?;
    Some(Step::SetIpv6 { index: link.index, name: target.name.clone(), to })
}

/// What the kernel did before we changed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Changed {
    ipv6: Option<Ipv6>,
}

impl Changed {
    pub(crate) fn record(&mut self, step: &Step, link: &Link) {
        let changes = match step {
            Step::SetIpv6 { .. } => true,
            Step::SetMtu { bytes, .. } => *bytes < MIN_IPV6_MTU,
            _ => false,
        };
        if changes {
            self.ipv6 = self.ipv6.or(link.ipv6);
        }
    }

    pub(crate) fn take_back(&self, target: &mut Target) {
        target.ipv6 = self.ipv6;
    }
}
